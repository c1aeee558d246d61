// What faults cost the brain: 31,250 nodes half full of jobs, told of faults by all of them at
// once. Throughput: reports a second that the core takes, a third of them repeated. Delay: with
// 100,000 reports a second coming in, how long somebody who submits a job waits for the step that
// places it, from the worst moment to ask.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "codec/fault_policy_file.h"
#include "support/figures.h"
#include "support/scheduler_world.h"

namespace mw::bench {
namespace {

constexpr std::uint32_t kNodes = 31'250;
constexpr std::size_t kBatch = 4096;  ///< as many inputs as the control loop takes at once
constexpr double kReportsPerMs = 100;

FaultPolicy default_policy() {
  for (const EmbeddedFile& file : kEmbeddedFaultPolicies) {
    if (file.name != "default") continue;
    auto policy = parse_fault_policy(file.text, "default");
    if (!policy.ok()) give_up(policy.error().message);
    // Repairs are to be planned too, and not only to end in quarantine.
    for (const FaultAction action : {FaultAction::kResetAccelerator, FaultAction::kReboot}) {
      policy->hooks.push_back({action, {"/hook"}, minutes(10), 0, {}});
    }
    return *policy;
  }
  give_up("there is no fault policy");
}

/// What the agents of a fleet say: mostly what nothing is done about, sometimes what takes a node.
class Agents {
 public:
  Agents(const State& state, std::uint64_t seed)
      : random_(seed), sequences_(state.nodes.size(), 1) {
    for (const Node& node : state.nodes) names_.push_back(state.topology->name(node.id));
  }
  Input next() {
    if (!said_.empty() && random_.chance(1, 3)) {
      return {RequestId(), FaultReported{said_[random_.below(said_.size())]}};
    }
    static constexpr const char* kCodes[] = {
        "nvidia.ecc.correctable", "nvidia.xid.13", "nvidia.xid.63",
        "nvidia.nvlink.crc",      "net.ib.flap",   "nvidia.xid.94",
        "host.mce.corrected",     "nvidia.xid.79"};
    const auto node = static_cast<std::uint32_t>(random_.below(names_.size()));
    FaultReport report;
    report.source = "agent:" + names_[node];
    report.sequence = sequences_[node]++;
    // One in ten thousand is bad.
    report.code = kCodes[random_.chance(1, 10'000) ? 7 : random_.below(7)];
    report.scope = FaultReach::kAccelerator;
    report.place = names_[node];
    report.device = static_cast<std::uint32_t>(random_.below(8));
    if (said_.size() < 10'000) {
      said_.push_back(report);
    } else {
      said_[random_.below(said_.size())] = report;
    }
    return {RequestId(), FaultReported{std::move(report)}};
  }

 private:
  Random random_;
  std::vector<std::string> names_;
  std::vector<std::uint64_t> sequences_;
  std::vector<FaultReport> said_;
};

void bench_throughput(const Figures& figures, World& world, Agents& agents) {
  std::vector<double> rates;
  std::size_t events = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<Input> inputs;
    for (std::size_t i = 0; i < kBatch; ++i) inputs.push_back(agents.next());
    const Stopwatch watch;
    events += world.step(std::move(inputs)).size();
    rates.push_back(static_cast<double>(kBatch) / (watch.milliseconds() / 1e3));
  }
  // The slowest tenth, not the best: what can be relied on.
  figures.tell("fault_events_per_s", percentile(rates, 0.1), "1/s", spread(rates));
  figures.tell("fault_events_kept", static_cast<double>(events) / (60.0 * kBatch), "",
               "events made for each report");
}

void bench_delay(const Figures& figures, World& world, Agents& agents) {
  std::vector<double> delays;
  double before = 1;
  for (int round = 0; round < 2'000; ++round) {
    const auto reports = std::min<std::size_t>(
        kBatch - 1, static_cast<std::size_t>(std::max(1.0, before * kReportsPerMs)));
    std::vector<Input> inputs;
    for (std::size_t i = 0; i < reports; ++i) inputs.push_back(agents.next());
    inputs.push_back({RequestId(), SubmitJob{job(1, 1), ""}});
    const Stopwatch watch;
    world.step(std::move(inputs));
    const double took = watch.milliseconds();
    // Asked just when the step before began.
    delays.push_back(before + took);
    before = took;
  }
  figures.tell("decision_delay_p99_ms", percentile(delays, 0.99), "ms", spread(delays));
}

int run(int argc, char** argv) {
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--json") json = true;
    if (std::string(argv[i]) == "--cpu") Stopwatch::clock = CLOCK_THREAD_CPUTIME_ID;
  }
  const Figures figures(json);
  World world(plain_fleet(kNodes));
  Random random(1);
  world.fill(random, 0.5);
  world.step({{RequestId(), SetFaultPolicy{default_policy(), "bench"}}});
  const std::size_t before = resident_bytes();
  Agents agents(world.state(), 7);
  bench_throughput(figures, world, agents);
  bench_delay(figures, world, agents);
  figures.tell("fault_state_bytes", static_cast<double>(resident_bytes() - before), "bytes",
               std::to_string(world.state().faults.size()) + " places");
  return 0;
}

}  // namespace
}  // namespace mw::bench

int main(int argc, char** argv) { return mw::bench::run(argc, argv); }
