// A run's report as JSON: summary.json, and what the pages are given. Plain functions, so that the
// codec's heavy templates are compiled in one place.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "twin/run_report.h"

namespace mw {

/// One line of JSON, with every field of the report and all digits.
std::string write_run_report(const RunReport& report);

/// What summary.json begins with; nothing else that is called so does.
inline constexpr std::string_view kSummaryBegin = "{\"setup\":{\"fleet\":";

/// Reads what write_run_report() wrote.  `file`: for messages.
/// Errors: kInvalid, naming file and field; also when a series has not one value an interval, or a
/// distribution not one an entry of kQuantiles.
Result<RunReport> read_run_report(std::string_view text, const std::string& file);

}  // namespace mw
