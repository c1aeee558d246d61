// Calibration of forecasts: of jobs whose run time nobody knew, did four in five start between p10
// and p90? A workload is run once, as it really was; at some hundred moments the state is kept and
// one of the waiting jobs is asked about, with what could be learned by then and no more; later it
// is seen when it really started.
// Prints one table (or JSON) a workload: coverage of p10..p90, where in the forecast the true
// starts fell (a tenth in each tenth, were it perfect), bias of p50, and width.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "codec/text.h"
#include "codec/workload_file.h"
#include "twin/forecast.h"
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
};

FleetSpec fleet_of(std::uint32_t nodes) {
  FleetSpec fleet;
  fleet.name = fmt::format("{} nodes", nodes);
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "v100";
  shape.accelerators = 8;
  shape.cpus = CpuShare(96'000);
  shape.memory = Bytes(std::int64_t{1} << 40);
  fleet.shapes.push_back(shape);
  SiteSpec site;
  site.name = "here";
  BlockSpec block;
  block.name = "n";
  block.shape = "node";
  block.nodes = nodes;
  site.blocks.push_back(block);
  fleet.sites.push_back(site);
  return fleet;
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

struct Question {
  State state;
  JobId job;
  Instant asked;
};

struct Answer {
  double rank = 0;       ///< of the true start among the futures, 0 to 1
  bool covered = false;  ///< within p10..p90
  double wait_h = 0;     ///< that was still to come
  double off_h = 0;      ///< true start - p50
  double width_h = 0;    ///< p90 - p10; of those that have one
  bool bounded = true;
};

/// A job that stands in line now, each as likely.
std::optional<JobId> any_waiting(const State& state, Random& random) {
  std::vector<JobId> waiting;
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (job.state == JobState::kPending && job.in_line && !job.started_at)
      waiting.push_back(job.id);
    return true;
  });
  if (waiting.empty()) return std::nullopt;
  return waiting[random.below(waiting.size())];
}

/// Runs the workload as it was; what is asked, and when each job really started.
Result<void> run_truth(const Case& one, std::uint64_t seed, std::size_t moments,
                       std::vector<Question>& questions, std::map<JobId, Instant>& starts) {
  SimulationOptions options;
  options.fleet = fleet_of(one.nodes);
  options.physics.launch = Duration();
  options.physics.start_up = Duration();
  options.seed = seed;
  auto source = open_case(one, options.fleet, seed);
  if (!source) return source.error();
  // Three days to learn from; then evenly over the rest of the month.
  const Instant first = Instant() + hours(72);
  const Duration every(hours(24 * 27).count() / static_cast<std::int64_t>(moments));
  Instant due = first;
  Random random(seed);
  Simulation truth(options, **source, nullptr);
  truth.watch([&](Instant now, const std::vector<Event>& events) {
    for (const Event& event : events) {
      if (const auto* placed = std::get_if<AttemptPlaced>(&event.body))
        starts.emplace(placed->job, now);
    }
    if (now < due || now >= Instant() + hours(24 * 30)) return true;
    while (due <= now) due = due + every;
    if (const auto job = any_waiting(truth.state(), random)) {
      questions.push_back({truth.state(), *job, now});
    }
    return true;
  });
  return truth.run();
}

double hours_between(Instant from, Instant to) {
  return static_cast<double>((to - from).count()) / 3.6e12;
}

Answer judge(const Question& question, Instant truth, const PossibleStarts& starts,
             Random& random) {
  Answer answer;
  const Instant low = starts.quantile(0.1);
  const Instant high = starts.quantile(0.9);
  answer.covered = low <= truth && truth <= high;
  answer.bounded = high != Instant::never();
  answer.wait_h = hours_between(question.asked, truth);
  const Instant middle = starts.quantile(0.5);
  if (middle != Instant::never()) answer.off_h = hours_between(middle, truth);
  if (answer.bounded) answer.width_h = hours_between(low, high);
  std::size_t below = 0;
  std::size_t equal = 0;
  for (const Instant at : starts.at) {
    below += at < truth ? 1 : 0;
    equal += at == truth ? 1 : 0;
  }
  // Among equals any place is as good as another.
  const auto place = below + random.below(equal + 1);
  answer.rank = (static_cast<double>(place) + 0.5) / static_cast<double>(starts.at.size() + 1);
  return answer;
}

double middle_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print(const Case& one, const std::vector<Answer>& answers, std::size_t waiting, bool json) {
  std::array<std::size_t, 10> tenths{};
  std::size_t covered = 0;
  std::size_t later = 0;
  std::vector<double> offs;
  std::vector<double> widths;
  std::vector<double> waits;
  for (const Answer& answer : answers) {
    ++tenths[std::min<std::size_t>(9, static_cast<std::size_t>(answer.rank * 10))];
    covered += answer.covered ? 1 : 0;
    later += answer.off_h > 0 ? 1 : 0;
    offs.push_back(answer.off_h);
    waits.push_back(answer.wait_h);
    if (answer.bounded) widths.push_back(answer.width_h);
  }
  const auto count = static_cast<double>(answers.size());
  const double share = 100 * static_cast<double>(covered) / count;
  const double error = 100 * std::sqrt(share / 100 * (1 - share / 100) / count);
  std::string shares;
  for (const std::size_t tenth : tenths) {
    shares += fmt::format("{}{:.1f}", shares.empty() ? "" : (json ? "," : " "),
                          100 * static_cast<double>(tenth) / count);
  }
  if (json) {
    fmt::print(
        "{{\"workload\":\"{}\",\"nodes\":{},\"asked\":{},\"coverage_percent\":{:.2f},"
        "\"standard_error\":{:.2f},\"tenths_percent\":[{}],\"later_than_p50_percent\":{:.1f},"
        "\"p50_off_median_h\":{:.3f},\"width_median_h\":{:.3f},\"wait_median_h\":{:.3f},"
        "\"never_started\":{}}}\n",
        one.name, one.nodes, answers.size(), share, error, shares,
        100 * static_cast<double>(later) / count, middle_of(offs), middle_of(widths),
        middle_of(waits), waiting);
    return;
  }
  fmt::print(
      "{} on {} nodes of 8: {} waiting jobs asked about\n"
      "  p10..p90 covers      {:.1f} % of the true starts (+- {:.1f}); 80 +- 5 is the aim\n"
      "  by tenths, percent   {}\n"
      "  later than p50       {:.1f} %; true start - p50: median {:.2f} h\n"
      "  p90 - p10            median {:.2f} h; the true wait: median {:.2f} h\n",
      one.name, one.nodes, answers.size(), share, error, shares,
      100 * static_cast<double>(later) / count, middle_of(offs), middle_of(widths),
      middle_of(waits));
}

int run(const Case& one, std::size_t moments, std::uint32_t futures, std::uint64_t seed,
        bool arrivals, bool json) {
  std::vector<Question> questions;
  std::map<JobId, Instant> starts;
  if (const auto done = run_truth(one, seed, moments, questions, starts); !done) {
    fmt::print(stderr, "{}: {}\n", one.name, done.error().message);
    return 1;
  }
  std::vector<Answer> answers;
  std::size_t waiting = 0;
  Random random(seed + 1);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto truth = starts.find(questions[i].job);
    if (truth == starts.end()) {
      ++waiting;
      continue;
    }
    ForecastOptions options;
    options.futures = futures;
    options.seed = seed + i;
    Present present(std::move(questions[i].state));
    if (!arrivals) present.arrivals = RecentArrivals();
    answers.push_back(judge(questions[i], truth->second,
                            possible_starts(present, {}, questions[i].job, options), random));
  }
  if (answers.empty()) {
    fmt::print(stderr, "{}: nobody waited; take fewer nodes\n", one.name);
    return 1;
  }
  print(one, answers, waiting, json);
  return 0;
}

}  // namespace
}  // namespace mw

int main(int argc, char** argv) {
  bool json = false;
  bool arrivals = true;
  std::size_t moments = 400;
  std::uint64_t seed = 1;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (argument == "--json") {
      json = true;
    } else if (argument == "--no-arrivals") {
      arrivals = false;  // to see what they are good for
    } else if (argument == "--moments") {
      moments = std::strtoul(value(), nullptr, 10);
    } else if (argument == "--seed") {
      seed = std::strtoul(value(), nullptr, 10);
    } else if (argument == "--only") {
      only = value();
    } else {
      std::fputs(
          "mw_calibration [--json] [--moments N] [--seed N] [--only WORKLOAD] [--no-arrivals]\n",
          stderr);
      return 2;
    }
  }
  const std::string root = MW_ROOT;
  const std::vector<mw::Case> cases = {
      {"philly", 18, "philly:" + root + "/traces/philly/trace_6c71a0_30d.csv", "", 0},
      {"laptop-30d", 4, "", root + "/workloads/laptop-30d.yaml", 900},
      {"ai-cloud-30d", 64, "", root + "/workloads/ai-cloud-30d.yaml", 900}};
  int code = 0;
  for (const mw::Case& one : cases) {
    if (only.empty() || only == one.name) {
      code =
          std::max(code, mw::run(one, std::max<std::size_t>(moments, 1), 40, seed, arrivals, json));
    }
  }
  return code;
}
