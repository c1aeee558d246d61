// What must hold of nodes, faults and repairs: a part of invariants.h.
#include "core/health_check.h"

#include <algorithm>
#include <set>
#include <string>

#include "core/node_lifecycle.h"

namespace mw {
namespace {

class HealthInspector {
 public:
  HealthInspector(const State& state, std::vector<std::string>& found)
      : state_(state), found_(found) {}

  void inspect() {
    for (const Node& node : state_.nodes) inspect_node(node);
    for (const auto& [node, remedy] : state_.health.remedies) inspect_remedy(node, remedy);
    for (const auto& [node, check] : state_.health.checks.running) inspect_check(node, check);
    for (const auto& [key, samples] : state_.health.checks.pools) inspect_pool(key, samples);
    for (const auto& [place, faults] : state_.faults) inspect_place(place, faults);
    for (const auto& [place, breaker] : state_.health.breakers) inspect_breaker(place, breaker);
    for (const auto& [job, at] : state_.health.heard) {
      const auto attempt = state_.attempts.find(job);
      expect(attempt != state_.attempts.end() && !attempt->second.stopping,
             "somebody listens for job " + std::to_string(job.value()) + ", which does not run");
    }
  }

 private:
  void expect(bool holds, const std::string& sentence) {
    if (!holds) found_.push_back(sentence);
  }

  void inspect_node(const Node& node) {
    const std::string& name = state_.topology->name(node.id);
    const std::uint32_t others = node.others ? 1 : 0;
    expect(!is_empty_phase(node.phase) || node.slices == others,
           name + " is " + std::string(name_of(node.phase)) + " and something is on it");
    expect(!node.drain || node.phase == NodePhase::kDraining, name + " has a drain and drains not");
    expect(state_.health.watched.contains(node.id) == (node.phase == NodePhase::kSuspect),
           name + ": watched and suspect are not the same");
    const bool rests = node.drain && node.slices == 0 && node.drain->then != NodePhase::kDraining;
    expect(!rests, name + " is empty, and its drain goes on");
    if (node.drain && node.drain->deadline) {
      expect(*node.drain->deadline > state_.now, name + ": its drain is overdue");
    }
    if (node.phase != NodePhase::kDraining || !node.drain ||
        node.drain->mode != DrainMode::kForce) {
      return;
    }
    for (const auto& [job, attempt] : state_.attempts) {
      for (const NodeSlice& slice : attempt.placement) {
        expect(slice.node != node.id || attempt.stopping || leaves(state_, job, slice.first_rank),
               "job " + std::to_string(job.value()) + " goes on where it is to be stopped");
      }
    }
  }

  void inspect_remedy(NodeId id, const Remedy& remedy) {
    const std::string& name = state_.topology->name(id);
    const Node& node = state_.nodes.at(id.value());
    const bool repaired =
        node.phase == NodePhase::kRepairing || node.phase == NodePhase::kValidating;
    expect(remedy.begun_at ? repaired : node.phase == NodePhase::kDraining,
           name + ": its remedy does not suit a node that is " + std::string(name_of(node.phase)));
    expect(remedy.begun_at.has_value() == remedy.deadline.has_value(),
           name + ": a remedy that has begun has a deadline, and no other");
    expect(remedy.id < state_.next_epoch, name + ": its remedy is of the future");
  }

  /// What is checked in service is idle: a check is never in the way of work.
  void inspect_check(NodeId id, const RunningCheck& check) {
    const std::string& name = state_.topology->name(id);
    const Node& node = state_.nodes.at(id.value());
    expect(node.phase == NodePhase::kReady && !node.lost,
           name + " is checked though it is not in service");
    expect(node.slices == 0, name + " is checked, and something is on it");
    expect(check.id < state_.next_epoch, name + ": its check is of the future");
    expect(!state_.health.remedies.contains(id), name + " is checked and repaired at once");
  }

  void inspect_pool(const PoolKey& key, const std::vector<PoolSample>& samples) {
    const std::string name = "pool " + key.site + "/" + key.shape + "/" + key.measure;
    expect(!samples.empty() && samples.size() <= kPoolSamplesKept, name + ": number of samples");
    std::set<NodeId> nodes;
    for (const PoolSample& each : samples) {
      expect(nodes.insert(each.node).second, name + " has a node twice");
    }
  }

  void inspect_place(const FaultPlace& place, const PlaceFaults& faults) {
    const std::string name = "place " + std::to_string(place.id) + place.name;
    expect(faults.records.size() <= kFaultsPerPlace, name + " has too many faults");
    expect(place.scope != FaultReach::kAccelerator, name + ": accelerators are of their node");
    const bool known = place.scope != FaultReach::kJob || state_.attempts.contains(JobId(place.id));
    expect(known, name + ": a fault of a job that does not run");
    expect(std::is_sorted(faults.records.begin(), faults.records.end(),
                          [](const FaultRecord& a, const FaultRecord& b) {
                            return std::tie(a.code, a.device) < std::tie(b.code, b.device);
                          }),
           name + ": its faults are not in order");
    for (const FaultRecord& record : faults.records) {
      expect(record.recent.size() <= kOccurrencesKept, record.code + ": too many occurrences");
      expect(record.marks.size() <= kSourcesKept, record.code + ": too many sources");
      expect(record.active || record.acted == FaultAction::kIgnore,
             record.code + " is over, and counts as acted on");
    }
  }

  /// Never more than the rule of the time allowed: it may have changed, so only what is within it.
  void inspect_breaker(const BreakerPlace& place, const Breaker& breaker) {
    const auto by_time = [](const TakenNode& a, const TakenNode& b) { return a.at < b.at; };
    expect(std::is_sorted(breaker.taken.begin(), breaker.taken.end(), by_time),
           "the nodes taken in " + place.name + " are not in order");
    for (std::size_t i = 0; i < breaker.taken.size(); ++i) {
      for (std::size_t k = i + 1; k < breaker.taken.size(); ++k) {
        expect(breaker.taken[i].node != breaker.taken[k].node,
               "a node counts twice in " + place.name);
      }
    }
  }

  const State& state_;
  std::vector<std::string>& found_;
};

}  // namespace

void inspect_health(const State& state, std::vector<std::string>& found) {
  HealthInspector(state, found).inspect();
}

}  // namespace mw
