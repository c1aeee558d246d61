// What a simulated run costs: the world, the loop's turn and the brain's decisions together, on one
// core. Events are things that happen in the world (an arrival, a start, a checkpoint, an end) and
// events of the brain (what it decided and noted); both are counted by what they are.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "support/figures.h"
#include "support/scheduler_world.h"
#include "twin/simulation.h"

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

}  // namespace
}  // namespace mw::bench

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  const mw::bench::Figures figures(json);
  mw::bench::bench_events(figures);
  return 0;
}
