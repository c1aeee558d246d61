#include "cli/sim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "cli/cli.h"
#include "cli/render_sim.h"
#include "cli/terminal.h"

namespace mw {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kComparison = R"({
  "quantiles": [],
  "groups": [{"name": "a", "setup": "fleet, jobs, policy fair", "seeds": [1, 2]},
             {"name": "b", "setup": "fleet, jobs, policy fifo", "seeds": [1, 2]},
             {"name": "c\u001b[2J", "setup": "fleet", "seeds": [1]}],
  "figures": [
    {"key": "utilisation_percent", "title": "Utilisation", "unit": "percent", "better": "higher",
     "groups": [{"count": 2, "mean": 80, "deviation": 1.5}, {"count": 2, "mean": 70.25, "deviation": 1},
                {"count": 1, "mean": 90, "deviation": 0}],
     "differences": [{"difference": -9.75, "percent": -12.2, "verdict": "beyond"},
                     {"difference": 10, "percent": 12.5, "verdict": "unknown"}]},
    {"key": "wait_p90_s", "title": "Wait, p90", "unit": "seconds", "better": "lower",
     "groups": [{"count": 2, "mean": 7200, "deviation": 60}, {"count": 2, "mean": 3600, "deviation": 60},
                {"count": 0, "mean": 0, "deviation": 0}],
     "differences": [{"difference": -3600, "percent": -50, "verdict": "beyond"},
                     {"difference": 0, "percent": 0, "verdict": "unknown"}]},
    {"key": "cost_usd", "title": "Cost", "unit": "usd", "better": "lower",
     "groups": [{"count": 2, "mean": 1234567, "deviation": 0}, {"count": 2, "mean": 1234567, "deviation": 0},
                {"count": 1, "mean": 1, "deviation": 0}],
     "differences": [{"difference": 0, "percent": 0, "verdict": "within"},
                     {"difference": -1234566, "percent": -100, "verdict": "unknown"}]}],
  "notes": ["c: 1 of 1 runs stopped"]})";

constexpr const char* kReport = R"({
  "setup": {"fleet": "hall", "workload": "jobs.csv", "policy": "fair", "faults": "", "seed": 7,
            "days": 12.5, "days_wanted": 30},
  "jobs": {"submitted": 1234567, "succeeded": 1200000, "failed": 34567, "attempts": 1300000,
           "preempted": 42},
  "ledger": [{"category": "idle_no_demand", "accelerator_hours": 9876.4, "percent": 12.5}],
  "utilisation_percent": 81.25, "energy_mwh": 1500, "cost_usd": 98765.4, "carbon_t": 0.25,
  "waits": [{"name": "all", "count": 3, "mean": 90,
             "quantiles": [0, 1, 2, 3, 4, 30, 60, 5400, 6000, 7200, 8000, 9000, 400000]},
            {"name": "none", "count": 0, "mean": 0, "quantiles": []}],
  "sites": [{"name": "x", "limit_mw": 10, "peak_mw": 9}, {"name": "y", "limit_mw": 2, "peak_mw": 1.9},
            {"name": "z", "limit_mw": 0, "peak_mw": 50}],
  "tenants": [{"name": "one", "jobs": 5, "productive_hours": 2000, "lost_hours": 1, "wait_mean_s": 5},
              {"name": "two", "jobs": 6, "productive_hours": 100, "lost_hours": 1, "wait_mean_s": 5}],
  "reliability": {"faults": 12, "goodput_percent": 95.5, "ettr_percent": 93},
  "speed": {"wall_s": 17.5, "events_per_s": 1500000, "realtime_factor": 148000}})";

struct Output {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Output run(const std::vector<std::string>& arguments, const CliHooks& hooks) {
  Output result;
  Console console([&](std::string_view text) { result.out += text; },
                  [&](std::string_view text) { result.err += text; });
  result.exit_code = run_cli(arguments, hooks, console);
  return result;
}

TEST(SimCompare, PassesOnWhatWasAskedAndShowsATable) {
  SimCompareRequest kept;
  CliHooks hooks;
  hooks.sim.compare = [&](const SimCompareRequest& request) -> Result<std::string> {
    kept = request;
    return std::string(kComparison);
  };
  const Output shown = run({"sim", "compare", "a", "b", "c", "--out", "d"}, hooks);
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(kept.runs, ElementsAre("a", "b", "c"));
  EXPECT_EQ(kept.out, "d");
  EXPECT_THAT(shown.out, AllOf(HasSubstr("Utilisation"), HasSubstr("d/compare.html")));
  const Output json = run({"--json", "sim", "compare", "a", "b"}, hooks);
  EXPECT_EQ(boost::json::parse(json.out), boost::json::parse(kComparison));
  EXPECT_EQ(kept.out, "");
  hooks.sim.compare = [](const SimCompareRequest&) -> Result<std::string> {
    return Error{ErrorCode::kNotFound, "a: no such run"};
  };
  const Output failed = run({"sim", "compare", "a"}, hooks);
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_THAT(failed.err, HasSubstr("a: no such run"));
  EXPECT_EQ(run({"sim", "compare"}, hooks).exit_code, 2);
}

TEST(RenderComparison, ARowAFigureAndWhatDiffers) {
  const auto tree = boost::json::parse(kComparison);
  const std::string text = render_comparison(JsonView(tree), {.unicode = true});
  EXPECT_THAT(text, ContainsRegex("Utilisation +80.00 % ± 1.50 % +70.25 % ± 1.00 % +-9.75 points "
                                  "+beyond +90.00 % +.10.00 points +-"));
  EXPECT_THAT(text, ContainsRegex("Wait, p90 +2.00 h ± 1.00 min +1.00 h ± 1.00 min +-1.00 h "
                                  ".-50.0 %. +beyond +- +- +-"));
  EXPECT_THAT(text, ContainsRegex("Cost +.1,234,567 ± .0.00 +.1,234,567 ± .0.00 +same +within"));
  EXPECT_THAT(text, HasSubstr("a: fleet, jobs, policy fair, 2 seeds\n"));
  EXPECT_THAT(text, HasSubstr("c: 1 of 1 runs stopped"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));  // a name steers no terminal
}

TEST(RenderComparison, ColoursWhatIsBeyondChanceByWhatIsBetter) {
  const auto tree = boost::json::parse(kComparison);
  const TerminalTraits traits{.interactive = true, .colours = true, .unicode = true};
  const std::string text = render_comparison(JsonView(tree), traits);
  EXPECT_THAT(text, ContainsRegex("\x1b.31m *-9.75 points"));
  EXPECT_THAT(text, ContainsRegex("\x1b.32m *-1.00 h"));
  EXPECT_THAT(text, Not(ContainsRegex("\x1b.3[12]m *.10.00 points")));  // not known
}

TEST(RenderRunReport, SaysWhatWasRunAndWhatCameOut) {
  const auto tree = boost::json::parse(kReport);
  const std::string text = render_run_report(JsonView(tree), {});
  EXPECT_THAT(text, HasSubstr("12.5 of 30 days (stopped) of hall, jobs.csv, policy fair, no "
                              "faults, seed 7\n"));
  EXPECT_THAT(text, HasSubstr("1,234,567 submitted: 1,200,000 succeeded, 34,567 failed"));
  EXPECT_THAT(text, HasSubstr("81.25 %; goodput 95.50 %, ETTR 93.00 %"));
  EXPECT_THAT(text, HasSubstr("1.50 GWh, $98,765, 250 kg of CO2"));
  EXPECT_THAT(text, HasSubstr("17.5 s: 1,500,000 events/s, 148,000 times"));
  EXPECT_THAT(text, ContainsRegex("idle no demand +9,876 +12.50 %"));
  EXPECT_THAT(text, ContainsRegex("all +3 +1.50 min +30.0 s +1.50 h +2.00 h +4.63 d"));
  EXPECT_THAT(text, Not(HasSubstr("none ")));
  EXPECT_THAT(text, ContainsRegex("one +5 +2,000 +1 +5.00 s"));
  EXPECT_THAT(text, HasSubstr("Fullest site: y, peak 1.90 MW of 2.00 MW (95.0 %)"));
}

TEST(RenderRunReport, FitsATerminalAndReadsAnEmptyReport) {
  const auto tree = boost::json::parse(kReport);
  const std::string narrow = render_run_report(JsonView(tree), {.interactive = true, .width = 60});
  // The tables give way; what is told in words is as long as it is.
  const std::string ledger = narrow.substr(narrow.find("LEDGER"));
  for (std::size_t at = 0; at < ledger.size();) {
    const std::size_t end = ledger.find('\n', at);
    EXPECT_LE(end - at, 60U) << ledger.substr(at, end - at);
    at = end + 1;
  }
  const auto empty = boost::json::parse("{}");
  EXPECT_THAT(render_run_report(JsonView(empty), {}), HasSubstr("utilisation"));
}

TEST(FigureText, EveryUnit) {
  const std::tuple<double, const char*, const char*> cases[] = {
      {0, "percent", "0.00 %"},  {90, "seconds", "1.50 min"}, {172'800, "seconds", "2.00 d"},
      {0, "seconds", "0 s"},     {2.5, "ratio", "2.50x"},     {12345.6, "hours", "12,346 h"},
      {999, "count", "999"},     {-1234, "count", "-1,234"},  {0.5, "mwh", "500 kWh"},
      {12.345, "usd", "$12.35"}, {-123, "count", "-123"},     {2'500, "tonnes", "2.50 kt"},
  };
  for (const auto& [value, unit, text] : cases) EXPECT_EQ(figure_text(value, unit), text) << unit;
}

}  // namespace
}  // namespace mw
