// Calibration of forecasts: of jobs whose run time nobody knew, did four in five start between p10
// and p90? A workload is run once, as it really was; at some hundred moments on the way one of the
// waiting jobs is asked about, with what could be learned by then and no more: run times that have
// ended, and what became of earlier forecasts. Later it is seen when it really started.
// Prints for each workload what the futures said and what was told after past forecasts were taken
// into account: coverage of p10..p90, on which side the others are, bias of p50, and width.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
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

struct Answer {
  JobId job;
  Instant asked;
  bool is_measured = false;  ///< otherwise only learned from
  PossibleStarts futures;
  StartInterval told;  ///< after what past forecasts were worth
  std::optional<Instant> started;
};

struct Run {
  std::size_t moments = 600;
  std::uint32_t futures = 40;
  std::size_t jobs = PastForecasts::kJobsAtOnce;  ///< asked about at a moment; one is measured
  std::uint64_t seed = 1;
  bool arrivals = true;
  bool json = false;
  std::string samples;  ///< a file for all of it: measured, asked, started, job, and the start in
                        ///< each future; ns
};

/// Runs the workload as it was, and asks on the way.
Result<std::vector<Answer>> ask(const Case& one, const Run& run) {
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
  std::vector<Answer> answers;
  std::multimap<JobId, std::size_t> open;
  PastForecasts past;
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
    const std::vector<StartInterval> told = past.note(jobs, starts, now);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      open.emplace(jobs[i], answers.size());
      answers.push_back({jobs[i], now, i == 0, std::move(starts[i]), told[i], {}});
    }
  };
  truth.watch([&](Instant now, const std::vector<Event>& events) {
    for (const Event& event : events) {
      const auto* placed = std::get_if<AttemptPlaced>(&event.body);
      if (placed == nullptr) continue;
      past.started(placed->job, now);
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
  return answers;
}

double hours_between(Instant from, Instant to) {
  return static_cast<double>((to - from).count()) / 3.6e12;
}

double middle_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Where the true start is among the futures, 0 to 1.
double rank_of(const Answer& answer, Random& random) {
  std::size_t below = 0;
  std::size_t equal = 0;
  for (const Instant at : answer.futures.at) {
    below += at < *answer.started ? 1 : 0;
    equal += at == *answer.started ? 1 : 0;
  }
  // Among equals any place is as good as another.
  const auto place = below + random.below(equal + 1);
  return (static_cast<double>(place) + 0.5) / static_cast<double>(answer.futures.at.size() + 1);
}

struct Figures {
  double covered = 0;        ///< percent, as all below
  double error = 0;          ///< of that, were the questions independent of each other
  double error_by_days = 0;  ///< the same when those of one day are one
  double before = 0;
  double after = 0;
  double later_than_p50 = 0;
  double width_h = 0;  ///< p90 - p10, the median; of those that have one
};

/// `all`: true start and what was told.
Figures figures_of(const std::vector<std::pair<const Answer*, StartInterval>>& all) {
  Figures result;
  std::vector<double> widths;
  struct Day {
    double asked = 0;
    double covered = 0;
  };
  std::map<std::int64_t, Day> days;
  const double part = 100 / static_cast<double>(all.size());
  for (const auto& [answer, told] : all) {
    const Instant start = *answer->started;
    const bool before = start < told.p10;
    const bool after = start > told.p90;
    result.before += before ? part : 0;
    result.after += after ? part : 0;
    result.later_than_p50 += start > told.p50 ? part : 0;
    Day& day = days[(answer->asked - Instant()).count() / hours(24).count()];
    day.asked += 1;
    day.covered += before || after ? 0 : 1;
    if (told.p90 != Instant::never()) widths.push_back(hours_between(told.p10, told.p90));
  }
  result.covered = 100 - result.before - result.after;
  const double share = result.covered / 100;
  const auto count = static_cast<double>(all.size());
  result.error = 100 * std::sqrt(share * (1 - share) / count);
  double squares = 0;
  for (const auto& [number, day] : days) {
    const double off = day.covered - share * day.asked;
    squares += off * off;
  }
  result.error_by_days = 100 * std::sqrt(squares) / count;
  result.width_h = middle_of(widths);
  return result;
}

void print_row(const Case& one, const char* what, std::size_t asked, const Figures& figures,
               bool json) {
  fmt::print(fmt::runtime(
                 json ? "{{\"workload\":\"{}\",\"forecast\":\"{}\",\"asked\":{},"
                        "\"coverage_percent\":{:.2f},\"standard_error\":{:.2f},"
                        "\"standard_error_by_days\":{:.2f},\"before_p10_percent\":{:.2f},"
                        "\"after_p90_percent\":{:.2f},\"later_than_p50_percent\":{:.2f},"
                        "\"width_median_h\":{:.3f}}}\n"
                      : "{:<14} {:<11} {:>4} asked  p10..p90 covers {:5.1f} % (+- {:.1f}; by days "
                        "+- {:.1f})  before {:4.1f} %  after {:4.1f} %  later than p50 {:4.1f} %  "
                        "p90 - p10 {:.1f} h\n"),
             one.name, what, asked, figures.covered, figures.error, figures.error_by_days,
             figures.before, figures.after, figures.later_than_p50, figures.width_h);
}

std::size_t never_started(const std::vector<Answer>& answers) {
  return static_cast<std::size_t>(
      std::count_if(answers.begin(), answers.end(),
                    [](const Answer& answer) { return answer.is_measured && !answer.started; }));
}

void print(const Case& one, const std::vector<Answer>& answers, const Run& run) {
  std::vector<std::pair<const Answer*, StartInterval>> raw;
  std::vector<std::pair<const Answer*, StartInterval>> told;
  std::array<std::size_t, 10> tenths{};
  std::vector<double> waits;
  Random random(run.seed + 1);
  for (const Answer& answer : answers) {
    if (!answer.started || !answer.is_measured) continue;
    const PossibleStarts& futures = answer.futures;
    raw.emplace_back(&answer, StartInterval{futures.quantile(0.1), futures.quantile(0.5),
                                            futures.quantile(0.9)});
    told.emplace_back(&answer, answer.told);
    waits.push_back(hours_between(answer.asked, *answer.started));
    ++tenths[std::min<std::size_t>(9, static_cast<std::size_t>(rank_of(answer, random) * 10))];
  }
  print_row(one, "futures", raw.size(), figures_of(raw), run.json);
  print_row(one, "as told", told.size(), figures_of(told), run.json);
  if (run.json) return;
  fmt::print("  true starts by tenths of the futures, percent:");
  for (const std::size_t tenth : tenths)
    fmt::print(" {:.1f}", 100 * static_cast<double>(tenth) / static_cast<double>(raw.size()));
  fmt::print("\n  on {} nodes of 8; the true wait: median {:.2f} h; never started: {}\n", one.nodes,
             middle_of(waits), never_started(answers));
}

void write_samples(const std::string& path, const std::vector<Answer>& answers) {
  std::ofstream file(path, std::ios::app);
  for (const Answer& answer : answers) {
    if (!answer.started) continue;
    file << (answer.is_measured ? "1 " : "0 ") << answer.asked.count() << ' '
         << answer.started->count() << ' ' << answer.job.value();
    for (const Instant at : answer.futures.at)
      file << ' ' << (at == Instant::never() ? -1 : at.count());
    file << '\n';
  }
}

int run(const Case& one, const Run& how) {
  const auto answers = ask(one, how);
  if (!answers) {
    fmt::print(stderr, "{}: {}\n", one.name, answers.error().message);
    return 1;
  }
  if (std::none_of(answers->begin(), answers->end(),
                   [](const Answer& answer) { return answer.started.has_value(); })) {
    fmt::print(stderr, "{}: nobody waited; take fewer nodes\n", one.name);
    return 1;
  }
  print(one, *answers, how);
  if (!how.samples.empty()) write_samples(how.samples, *answers);
  std::fflush(stdout);
  return 0;
}

constexpr const char* kUsage =
    "mw_calibration [--json] [--moments N] [--jobs N] [--futures N] [--seed N] [--only WORKLOAD] "
    "[--no-arrivals]\n"
    "               [--samples FILE]\n"
    "               [--trace FORM:PATH --nodes N [--from DAY] --to DAY]\n";

}  // namespace
}  // namespace mw

int main(int argc, char** argv) {
  mw::Run how;
  std::string only;
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
  if (!given.trace.empty()) return mw::run(given, how);
  const std::string root = MW_ROOT;
  const std::vector<mw::Case> cases = {
      {"laptop-30d", 4, "", root + "/workloads/laptop-30d.yaml", 900},
      {"philly", 18, "philly:" + root + "/traces/philly/trace_6c71a0_30d.csv", "", 0},
      {"openb", 5, "openb:" + root + "/traces/openb/openb_pod_list_default.csv", "", 0, 100, 149},
      {"ai-cloud-30d", 64, "", root + "/workloads/ai-cloud-30d.yaml", 900}};
  int code = 0;
  for (const mw::Case& one : cases) {
    if (only.empty() || only == one.name) code = std::max(code, mw::run(one, how));
  }
  return code;
}
