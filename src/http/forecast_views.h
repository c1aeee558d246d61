// Forecasts as JSON, and what is asked about in a body that tries a change.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "base/result.h"
#include "http/message.h"
#include "twin/past_forecasts.h"
#include "twin/start_forecast.h"
#include "twin/what_if.h"

namespace mw::http {

/// `state`: where the job waits, with its id there. `is_new`: it is not submitted, and has no
/// number. `past`: by which what is told is put right.
boost::json::object start_forecast_view(const StartForecast& forecast, const Present& present,
                                        const State& state, bool is_new, Duration horizon,
                                        const PastForecasts& past);

boost::json::object what_if_view(const WhatIfReport& report);

/// What `POST /v1/what-if` asks.
struct WhatIfQuestion {
  WhatIfChange change;
  std::optional<std::int64_t> horizon_s;
  std::optional<std::uint32_t> futures;
  std::optional<std::uint32_t> seconds;
};
/// Errors: kInvalid with the place in the body, or in the file that is in it. No I/O.
Result<WhatIfQuestion> parse_what_if(const Request& request, const std::string& user);

// Bounds of what may be asked; the messages and the table of routes name them.
inline constexpr std::uint32_t kFuturesMax = 1000;
inline constexpr std::uint32_t kForecastSecondsMax = 30;
inline constexpr std::int64_t kHorizonMax = std::int64_t{90} * 24 * 3600;  ///< in seconds

}  // namespace mw::http
