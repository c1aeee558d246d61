// How policy files say by what rules jobs survive (model/resilience.h): shares with decimals, and
// rates as they are published. What is written reads back as the same value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw {

/// "0.1%" as parts in a million.  Errors: kInvalid, without what was found.
Result<std::uint32_t> parse_ppm(std::string_view text);
std::string write_ppm(std::uint32_t ppm);
/// Failures of a thousand nodes in a day ("6.5") as those in a thousand days.
Result<std::uint32_t> parse_failure_rate(std::string_view text);

}  // namespace mw
