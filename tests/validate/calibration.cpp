// Calibration of forecasts: of jobs whose run time nobody knew, did four in five start between p10
// and p90? A workload is run once, as it really was; at some hundred moments on the way one of the
// waiting jobs is asked about, with what could be learned by then and no more: run times that have
// ended, and what became of earlier forecasts. Later it is seen when it really started.
// Prints for each workload, and of all together, what the futures said and what was told after past
// forecasts were taken into account. The futures are what takes the time: with --samples they are
// written, and --replay tells of them anew.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "calibration_figures.h"
#include "calibration_samples.h"
#include "codec/workload_file.h"
#include "model/one_block_fleet.h"
#include "twin/forecast.h"
#include "twin/past_forecasts.h"
#include "twin/simulation.h"
#include "twin/workload_files.h"

namespace mw {
namespace {

struct Case {
  std::string name;
  std::uint32_t nodes = 0;  ///< of 8 accelerators
  std::string trace;        ///< a workload that open_workload() takes; empty: `model`
  std::string model;        ///< a workload file
  std::int64_t load_milli = 0;
  /// Questions are asked in between. There are some days to learn from first.
  std::int64_t first_day = 3;
  std::int64_t last_day = 30;
};

FleetSpec fleet_of(std::uint32_t nodes) {
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "v100";
  shape.accelerators = 8;
  shape.cpus = CpuShare(96'000);
  shape.memory = Bytes(std::int64_t{1} << 40);
  BlockSpec block;
  block.name = "n";
  block.nodes = nodes;
  return one_block_fleet(fmt::format("{} nodes", nodes), std::move(shape), std::move(block));
}

Result<std::unique_ptr<WorkloadSource>> open_case(const Case& one, const FleetSpec& fleet,
                                                  std::uint64_t seed) {
  WorkloadOptions options;
  options.fleet = &fleet;
  options.seed = seed;
  options.limits = TimeLimits::kUnknown;
  if (one.model.empty()) return open_workload(one.trace, options);
  std::ifstream file(one.model);
  std::stringstream text;
  text << file.rdbuf();
  auto model = parse_workload_file(text.str(), one.model);
  if (!model) return model.error();
  model->jobs = 0;
  model->load_milli = one.load_milli;
  // Sizes that the fleet does not have would only be refused.
  std::erase_if(model->sizes,
                [&](const SizeClass& size) { return size.accelerators > one.nodes * 8; });
  return open_model(*model, options);
}

struct Run {
  std::size_t moments = 600;
  std::uint32_t futures = 40;
  std::size_t jobs = PastForecasts::kJobsAtOnce;  ///< asked about at a moment
  std::uint64_t seed = 1;
  bool arrivals = true;
  bool json = false;
  std::string samples;  ///< a file for all of it
};

/// Runs the workload as it was, and asks on the way.
Result<Answers> ask(const Case& one, const Run& run) {
  SimulationOptions options;
  options.fleet = fleet_of(one.nodes);
  options.physics.launch = Duration();
  options.physics.start_up = Duration();
  options.seed = run.seed;
  auto source = open_case(one, options.fleet, run.seed);
  if (!source) return source.error();
  const Instant end = Instant() + hours(24 * one.last_day);
  const Duration every(hours(24 * (one.last_day - one.first_day)).count() /
                       static_cast<std::int64_t>(run.moments));
  Instant due = Instant() + hours(24 * one.first_day);
  Random random(run.seed);
  Answers result{one.name, {}, 0};
  std::vector<Answer>& answers = result.all;
  std::multimap<JobId, std::size_t> open;
  Simulation truth(options, **source, nullptr);
  const auto ask_now = [&](Instant now) {
    const std::vector<JobId> jobs = some_waiting(truth.state(), run.jobs, random);
    if (jobs.empty()) return;
    ForecastOptions forecast;
    forecast.futures = run.futures;
    forecast.seed = run.seed + answers.size();
    Present present(truth.state());
    present.state.now = now;
    if (!run.arrivals) present.arrivals = RecentArrivals();
    std::vector<PossibleStarts> starts = possible_starts(present, {}, jobs, forecast);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      open.emplace(jobs[i], answers.size());
      answers.push_back({jobs[i], now, 1, std::move(starts[i]), {}, {}});
    }
  };
  truth.watch([&](Instant now, const std::vector<Event>& events) {
    for (const Event& event : events) {
      const auto* placed = std::get_if<AttemptPlaced>(&event.body);
      if (placed == nullptr) continue;
      const auto [first, last] = open.equal_range(placed->job);
      for (auto at = first; at != last; ++at) answers[at->second].started = now;
      open.erase(first, last);
    }
    if (now < due || now >= end) return now < end || !open.empty();
    while (due <= now) due = due + every;
    ask_now(now);
    return true;
  });
  if (const auto done = truth.run(); !done) return done.error();
  tell(result);
  return result;
}

void print_row(const std::string& workload, const char* what, const Figures& figures, bool json) {
  fmt::print(
      fmt::runtime(
          json ? "{{\"workload\":\"{}\",\"forecast\":\"{}\",\"asked\":{:.0f},"
                 "\"coverage_percent\":{:.2f},\"standard_error\":{:.2f},"
                 "\"standard_error_by_days\":{:.2f},\"before_p10_percent\":{:.2f},"
                 "\"after_p90_percent\":{:.2f},\"later_than_p50_percent\":{:.2f},"
                 "\"p90_beyond_horizon_percent\":{:.2f},\"width_median_h\":{:.3f},"
                 "\"interval_score\":{:.3f}}}\n"
               : "{:<14} {:<8} {:>4.0f} asked  p10..p90 covers {:5.1f} % (+- {:.1f}; by days "
                 "+- {:.1f})  before {:4.1f} %  after {:4.1f} %  later than p50 {:4.1f} %  "
                 "p90 beyond the horizon {:4.1f} %  p90 - p10 {:.1f} h  score {:.2f}\n"),
      workload, what, figures.asked, figures.covered, figures.error, figures.error_by_days,
      figures.before, figures.after, figures.later_than_p50, figures.beyond_horizon,
      figures.width_h, figures.score);
}

/// Both rows. Result: whether any job has started.
bool print_rows(const std::string& name, const std::vector<Answers>& workloads, bool json) {
  const auto futures = figures_of_futures(workloads);
  const auto told = figures_as_told(workloads);
  if (!futures || !told) {
    fmt::print(stderr, "{}: nobody waited; take fewer nodes\n", name);
    return false;
  }
  print_row(name, "futures", *futures, json);
  print_row(name, "as told", *told, json);
  return true;
}

bool print(const Answers& answers, const Run& run) {
  if (!print_rows(answers.workload, {answers}, run.json)) return false;
  if (run.json) return true;
  fmt::print("  true starts by tenths of the futures, percent:");
  for (const double tenth : tenths_of_futures(answers.all, run.seed + 1))
    fmt::print(" {:.1f}", tenth);
  const auto never = std::count_if(answers.all.begin(), answers.all.end(),
                                   [](const Answer& answer) { return !answer.started; });
  fmt::print("\n  waits that do not overlap: {:.1f}; jobs: {}; never started: {}\n",
             answers.independent, answers.all.size(), never);
  std::fflush(stdout);
  return true;
}

int failed(const std::string& what, const Error& error) {
  fmt::print(stderr, "{}: {}\n", what, error.message);
  return 1;
}

/// Asks, or reads what was asked, and prints.
int run_all(const std::vector<Case>& cases, const std::vector<std::string>& replayed,
            const Run& how) {
  std::vector<Answers> workloads;
  int code = 0;
  for (const std::string& path : replayed) {
    auto read = read_samples(path);
    if (!read) return failed("--replay", read.error());
    for (Answers& each : *read) {
      tell(each);
      code = print(each, how) ? code : 1;
      workloads.push_back(std::move(each));
    }
  }
  for (const Case& one : cases) {
    auto answers = ask(one, how);
    if (!answers) return failed(one.name, answers.error());
    workloads.push_back(std::move(*answers));
    code = print(workloads.back(), how) ? code : 1;
    if (how.samples.empty()) continue;
    const auto written = write_samples(how.samples, workloads.back());
    if (!written) return failed("--samples", written.error());
  }
  if (workloads.size() > 1 && !print_rows("all of them", workloads, how.json)) code = 1;
  return code;
}

constexpr const char* kUsage =
    "mw_calibration [--json] [--moments N] [--jobs N] [--futures N] [--seed N] [--only WORKLOAD] "
    "[--no-arrivals]\n"
    "               [--samples FILE] [--replay FILE]...\n"
    "               [--trace FORM:PATH --nodes N [--from DAY] --to DAY [--name WORKLOAD]]\n";

}  // namespace
}  // namespace mw

int main(int argc, char** argv) {
  mw::Run how;
  std::string only;
  std::vector<std::string> replayed;
  mw::Case given{"given", 8, "", "", 0};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    const auto number = [&] { return std::strtoul(value(), nullptr, 10); };
    if (argument == "--json") {
      how.json = true;
    } else if (argument == "--no-arrivals") {
      how.arrivals = false;  // to see what they are good for
    } else if (argument == "--moments") {
      how.moments = std::max<std::size_t>(number(), 1);
    } else if (argument == "--futures") {
      how.futures = std::max<std::uint32_t>(static_cast<std::uint32_t>(number()), 9);
    } else if (argument == "--jobs") {
      how.jobs = std::max<std::size_t>(number(), 1);
    } else if (argument == "--seed") {
      how.seed = number();
    } else if (argument == "--samples") {
      how.samples = value();
    } else if (argument == "--replay") {
      replayed.emplace_back(value());
    } else if (argument == "--name") {
      given.name = value();
    } else if (argument == "--only") {
      only = value();
    } else if (argument == "--trace") {
      given.trace = value();
    } else if (argument == "--nodes") {
      given.nodes = static_cast<std::uint32_t>(number());
    } else if (argument == "--from") {
      given.first_day = static_cast<std::int64_t>(number());
    } else if (argument == "--to") {
      given.last_day = static_cast<std::int64_t>(number());
    } else {
      std::fputs(mw::kUsage, stderr);
      return 2;
    }
  }
  if (!given.trace.empty()) return mw::run_all({given}, {}, how);
  if (!replayed.empty()) return mw::run_all({}, replayed, how);
  const std::string root = MW_ROOT;
  std::vector<mw::Case> cases = {
      {"laptop-30d", 4, "", root + "/workloads/laptop-30d.yaml", 900},
      {"philly", 18, "philly:" + root + "/traces/philly/trace_6c71a0_30d.csv", "", 0},
      {"openb", 5, "openb:" + root + "/traces/openb/openb_pod_list_default.csv", "", 0, 100, 149},
      {"ai-cloud-30d", 64, "", root + "/workloads/ai-cloud-30d.yaml", 900}};
  std::erase_if(cases, [&](const mw::Case& one) { return !only.empty() && only != one.name; });
  if (cases.empty()) {
    std::fprintf(stderr, "--only: there is no workload %s\n", only.c_str());
    return 2;
  }
  return mw::run_all(cases, {}, how);
}
