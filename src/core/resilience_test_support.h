// What tests of surviving share: a fleet of racks, and gangs on it that lose nodes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/core_test_support.h"
#include "core/resilience.h"
#include "model/one_block_fleet.h"

namespace mw::testing {

inline Instant at(std::int64_t s) { return Instant() + seconds(s); }

/// One site of nodes with four accelerators, in scale-up domains of `domain` and pods of `pod`.
inline FleetSpec fleet(std::uint32_t nodes, std::uint32_t domain, std::uint32_t pod) {
  BlockSpec block;
  block.name = "b";
  block.nodes = nodes;
  block.fabric = {{FabricLevel::kScaleUp, domain}, {FabricLevel::kPod, pod}};
  return one_block_fleet("test", plain_shape("tray", "gb200", 4), std::move(block));
}

inline FaultPolicy finding_policy() {
  FaultPolicy policy;
  policy.name = "test";
  for (const char* code : {"job.hung", "node.crash_loop", "node.lemon", "node.slow_rank"}) {
    FaultRule rule;
    rule.code = code;
    rule.steps = {{FaultAction::kIgnore}};
    policy.rules.push_back(rule);
  }
  policy.crash_loops = CrashLoopRules{3, Duration(), 2, hours(1)};
  policy.stragglers = StragglerRules{};
  policy.lemons = LemonRules{};
  return policy;
}

/// A fleet, and gangs of whole nodes on it.
struct Scene {
  CheckedCore core;
  std::int64_t now = 10;

  explicit Scene(const FleetSpec& spec, const Policy& policy = {},
                 const FaultPolicy& faults = finding_policy()) {
    core.step(at(0), DeclareFleet{spec, "ada"});
    core.step(at(0), SetPolicy{policy, "ada"});
    core.step(at(0), SetFaultPolicy{faults, "ada"});
  }

  /// A gang of so many nodes that runs, if it can. Returns its number.
  JobId submit(std::uint32_t nodes, std::uint32_t segment = 0, const std::string& name = "job") {
    const JobId id = place(nodes, segment, name);
    start(id);
    return id;
  }
  /// The same, and it has not started.
  JobId place(std::uint32_t nodes, std::uint32_t segment = 0, const std::string& name = "job") {
    JobSpec spec = job_spec(nodes * 4);
    spec.gang.nodes = nodes;
    spec.gang.segment = segment;
    spec.name = name;
    spec.restart = {100, seconds(1), seconds(1)};
    spec.grace = seconds(1);
    const JobId id = core.state().next_job;
    core.step(at(now), SubmitJob{spec, ""});
    return id;
  }
  void start(JobId job) {
    if (!core.state().attempts.contains(job)) return;
    core.step(at(now), AttemptStarted{job, core.epoch(job.value())});
  }
  [[nodiscard]] std::vector<std::uint32_t> nodes_of(JobId job) const {
    std::vector<std::uint32_t> nodes;
    const auto attempt = core.state().attempts.find(job);
    if (attempt == core.state().attempts.end()) return nodes;
    for (const NodeSlice& slice : attempt->second.placement) nodes.push_back(slice.node.value());
    return nodes;
  }
  [[nodiscard]] std::string name(std::uint32_t node) const {
    return core.state().topology->name(NodeId(node));
  }
  /// The node is lost, and what is left of the job's tasks lets go.
  std::vector<Event> lose(std::uint32_t node, JobId job) {
    const Epoch epoch = core.epoch(job.value());
    auto events = core.step(at(++now), NodeLost{name(node)});
    // Of one that ended with its only node there is nothing more to say; this changes nothing then.
    const auto more = core.step(at(now), AttemptGone{job, epoch, false, ""});
    events.insert(events.end(), more.begin(), more.end());
    return events;
  }
  NodeSpec spec_of(std::uint32_t node) { return core.state().topology->spec(NodeId(node)); }
  /// The rank exits with the code, the others follow.
  std::vector<Event> crash(JobId job, std::uint32_t rank, std::int32_t code = 1) {
    now += 2;
    const Epoch epoch = core.epoch(job.value());
    TaskExit exit;
    exit.exit_code = code;
    core.step(at(now), TaskExited{job, epoch, Rank(rank), exit});
    auto events = core.step(at(now), AttemptGone{job, epoch, false, ""});
    core.tick(at(now += 1));
    start(job);
    return events;
  }
  /// The engine could not start it; `node`: by its word, that one.
  std::vector<Event> fail_start(JobId job, std::optional<std::uint32_t> node = {}) {
    AttemptGone gone{job, core.epoch(job.value()), true, "no room on its disk", {}};
    if (node) gone.node = name(*node);
    auto events = core.step(at(++now), gone);
    core.tick(at(++now));
    return events;
  }
  void save(JobId job) {
    const AttemptNumber number = core.state().attempts.at(job).number;
    core.step(at(++now), CheckpointSaved{job, number, {9, "/c"}});
  }
  [[nodiscard]] const FaultRecord* fault(std::uint32_t node, std::string_view code) const {
    return find_fault(core.state(), place_of(NodeId(node)), code, {});
  }
};

inline Policy with_spares(SpareRule rule) {
  Policy policy;
  policy.spares = {rule};
  return policy;
}

}  // namespace mw::testing
