#include "twin/run_report_json.h"

#include <fmt/format.h>

#include "codec/json.h"

namespace mw {
namespace {

constexpr std::size_t kBytesMax = 256U << 20U;

/// What the reader of JSON cannot know: lists that have to be of one length.
Result<void> check_lengths(const RunReport& report, const std::string& file) {
  const auto wrong = [&](const std::string& what, std::size_t found, std::size_t expected) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{}: {}: expected {} values, found {}", file, what, expected, found)};
  };
  const std::size_t intervals = report.time_h.size();
  for (const auto* list : {&report.ledger_series, &report.queue_series}) {
    for (const Series& series : *list) {
      if (series.values.size() != intervals)
        return wrong("series " + series.name, series.values.size(), intervals);
    }
  }
  for (const SiteFigures& site : report.sites) {
    if (!site.power_mw.empty() && site.power_mw.size() != intervals)
      return wrong("power_mw of site " + site.name, site.power_mw.size(), intervals);
  }
  const std::size_t fragments = report.fragmentation.values.size();
  if (fragments != 0 && fragments != intervals) return wrong("fragmentation", fragments, intervals);
  for (const auto* list : {&report.waits, &report.slowdowns, &report.turnarounds}) {
    for (const Distribution& one : *list) {
      const std::size_t expected = one.count == 0 ? 0 : kQuantiles.size();
      if (one.quantiles.size() != expected)
        return wrong("quantiles of " + one.name, one.quantiles.size(), expected);
    }
  }
  return {};
}

}  // namespace

std::string write_run_report(const RunReport& report) {
  std::string text;
  append_json(text, report);
  text += '\n';
  return text;
}

Result<RunReport> read_run_report(std::string_view text, const std::string& file) {
  const auto tree = parse_json(text, {.bytes_max = kBytesMax, .any_bytes = true});
  if (!tree) return Error{tree.error().code, file + ": " + tree.error().message};
  auto report = from_json<RunReport>(*tree);
  if (!report) return Error{report.error().code, file + ": " + report.error().message};
  const auto lengths = check_lengths(*report, file);
  if (!lengths) return lengths.error();
  return report;
}

}  // namespace mw
