// What a simulated run costs: the world, the loop's turn and the brain's decisions together, on one
// core. Events are things that happen in the world (an arrival, a start, a checkpoint, an end) and
// events of the brain (what it decided and noted); both are counted by what they are.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/figures.h"
#include "support/scheduler_world.h"
#include "twin/simulation.h"
#include "twin/workload_files.h"

namespace mw::bench {
namespace {

/// Jobs of 1 to 8 accelerators on one node, arriving by a Poisson process, of about an hour each.
class SmallJobs final : public WorkloadSource {
 public:
  SmallJobs(std::uint64_t jobs, double per_second, std::uint64_t seed)
      : random_(seed), left_(jobs), per_second_(per_second) {}

  std::optional<WorkloadJob> next() override {
    if (left_ == 0) return std::nullopt;
    --left_;
    at_ += exponential() / per_second_;
    WorkloadJob each;
    each.at = Instant(static_cast<std::int64_t>(at_ * 1e9));
    each.spec = job(1, std::int64_t{1} << random_.below(4));
    each.truth.work = Duration(static_cast<std::int64_t>(exponential() * 3600e9) + 1);
    return each;
  }

 private:
  double exponential() {
    const double uniform = static_cast<double>(random_.next() >> 11U) * 0x1.0p-53;
    return -std::log1p(-uniform);
  }

  Random random_;
  std::uint64_t left_;
  double per_second_;
  double at_ = 0;
};

void bench_events(const Figures& figures) {
  std::vector<double> rates;
  RunReport report;
  for (int round = 0; round < 5; ++round) {
    SimulationOptions options;
    options.fleet = plain_fleet(1000);
    // 8,000 accelerators, a mean of 3.75 accelerator-hours a job: 75 % of them in use.
    SmallJobs jobs(300'000, 8000 * 0.75 / 3.75 / 3600, 1);
    Simulation simulation(std::move(options), jobs, nullptr);
    if (!simulation.run().ok()) give_up("the run failed");
    report = simulation.report();
    if (report.jobs.succeeded != 300'000) give_up("not all jobs succeeded");
    rates.push_back(report.speed.events_per_s);
  }
  char note[200];
  std::snprintf(note, sizeof note, "300,000 jobs, %llu world and %llu core events; %s",
                static_cast<unsigned long long>(report.speed.world_events),
                static_cast<unsigned long long>(report.speed.core_events), spread(rates).c_str());
  figures.tell("twin_events_per_s", percentile(rates, 0.5), "events/s", note);
}

/// One run of a workload from start to end, with opening it.
RunReport run_of(const FleetSpec& fleet, const std::string& workload, std::int64_t days,
                 double& seconds_taken) {
  const Stopwatch watch;
  WorkloadOptions workload_options;
  workload_options.fleet = &fleet;
  workload_options.days = days;
  const auto source = open_workload(workload, workload_options);
  if (!source.ok()) give_up(source.error().message);
  SimulationOptions options;
  options.fleet = fleet;
  if (days > 0) options.length = hours(24 * days);
  Simulation simulation(std::move(options), **source, nullptr);
  double told = 0;
  const auto progress = [&](Instant now, double /*part*/) {
    if (watch.milliseconds() - told < 5000) return;
    told = watch.milliseconds();
    std::fprintf(stderr, "%s: day %.1f after %.0f s, %.1f of CPU\n", workload.c_str(),
                 static_cast<double>(now.count()) / 8.64e13, told / 1000,
                 static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  };
  if (!simulation.run(progress).ok()) give_up("the run failed");
  RunReport report = simulation.report();
  seconds_taken = watch.milliseconds() / 1000;
  return report;
}

std::string note_of(const RunReport& report) {
  char note[300];
  std::snprintf(note, sizeof note,
                "%llu jobs submitted, %llu ended, %.1f days, utilisation %.1f %%, %.0f events/s, "
                "%.0f times real time",
                static_cast<unsigned long long>(report.jobs.submitted),
                static_cast<unsigned long long>(report.jobs.succeeded + report.jobs.failed +
                                                report.jobs.cancelled + report.jobs.timed_out),
                report.setup.days, report.utilisation_percent, report.speed.events_per_s,
                report.speed.realtime_factor);
  return note;
}

void bench_month(const Figures& figures) {
  const std::size_t before = resident_bytes();
  double taken = 0;
  const RunReport report = run_of(reference_fleet("ai-cloud-2025"), "ai-cloud-30d", 30, taken);
  figures.tell("sim_30d_1m_jobs_s", taken, "s", note_of(report));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  figures.tell("sim_30d_peak_bytes", static_cast<double>(usage.ru_maxrss) * 1024, "bytes",
               "of the whole process; " + std::to_string(before >> 20U) + " MiB before");
}

/// Virtual clusters of Philly, each on a fleet of 64 nodes of 8.
void bench_philly(const Figures& figures, const std::vector<std::string>& traces) {
  for (const std::string& trace : traces) {
    double taken = 0;
    const RunReport report = run_of(plain_fleet(64), "philly:" + trace, 0, taken);
    figures.tell("sim_philly_s", taken, "s", trace + ": " + note_of(report));
  }
}

}  // namespace
}  // namespace mw::bench

/// usage: mw_bench_twin [--json] [events] [month] [PHILLY-TRACE.csv ...]
int main(int argc, char** argv) {
  bool json = false;
  std::vector<std::string> parts;
  std::vector<std::string> traces;
  for (const std::string_view argument :
       std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    if (argument == "--json") {
      json = true;
    } else if (argument.ends_with(".csv")) {
      traces.emplace_back(argument);
    } else {
      parts.emplace_back(argument);
    }
  }
  const auto wanted = [&](const std::string& part) {
    return (parts.empty() && traces.empty()) ||
           std::find(parts.begin(), parts.end(), part) != parts.end();
  };
  const mw::bench::Figures figures(json);
  if (wanted("events")) mw::bench::bench_events(figures);
  if (wanted("philly")) traces.emplace_back(MW_TRACES "/philly/trace_6c71a0_30d.csv");
  mw::bench::bench_philly(figures, traces);
  if (wanted("month")) mw::bench::bench_month(figures);
  return 0;
}
