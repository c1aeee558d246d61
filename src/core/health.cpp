#include "core/health.h"

#include <algorithm>

#include "core/fault_verdict.h"
#include "core/state.h"

namespace mw {
namespace {

/// The power vertex of that level above the node; none: there is none.
std::optional<FabricId> fabric_above(const Topology& topology, NodeId node, FabricLevel level) {
  for (FabricId at = topology.fabric_of(node); at != kNoId<FabricId>;
       at = topology.fabric(at).parent) {
    if (topology.fabric(at).level == level) return at;
  }
  return std::nullopt;
}

std::optional<FabricId> fabric_named(const Topology& topology, FabricLevel level,
                                     const std::string& name) {
  for (const FabricId id : topology.at_level(level)) {
    if (topology.fabric(id).name == name) return id;
  }
  return std::nullopt;
}
bool is_power(const Topology& topology, const std::string& name, bool rack) {
  return std::any_of(topology.power().begin(), topology.power().end(), [&](const auto& vertex) {
    return vertex.name == name && (!rack || vertex.level == PowerLevel::kRack);
  });
}

bool stands_below(const Topology& topology, NodeId node, const FaultPlace& place) {
  for (PowerId at = topology.power_of(node); at != kNoId<PowerId>; at = topology.power(at).parent) {
    const PowerVertex& vertex = topology.power(at);
    const bool fits = place.scope == FaultReach::kPower || vertex.level == PowerLevel::kRack;
    if (fits && vertex.name == place.name) return true;
  }
  return false;
}

std::optional<FabricLevel> fabric_level(BreakerLevel level) {
  switch (level) {
    case BreakerLevel::kLeaf:
      return FabricLevel::kLeaf;
    case BreakerLevel::kPod:
      return FabricLevel::kPod;
    case BreakerLevel::kSite:
      return FabricLevel::kSite;
    case BreakerLevel::kRack:
      break;
  }
  return std::nullopt;
}

std::vector<NodeId> nodes_in(const Topology& topology, FabricId id) {
  std::vector<NodeId> nodes;
  const FabricVertex& vertex = topology.fabric(id);
  for (Position at = vertex.first; at < vertex.last; ++at) nodes.push_back(topology.at(at));
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace

FaultPlace place_of(NodeId node) { return {FaultReach::kNode, node.value(), ""}; }
FaultPlace place_of(JobId job) { return {FaultReach::kJob, job.value(), ""}; }

std::optional<FaultPlace> place_of(const State& state, const FaultReport& report) {
  const Topology& topology = *state.topology;
  const FaultPlace named{report.scope, 0, report.place};
  switch (report.scope) {
    case FaultReach::kJob:
      return place_of(report.job);
    case FaultReach::kAccelerator:
    case FaultReach::kNode: {
      const auto node = topology.find(report.place);
      if (!node) return std::nullopt;
      return place_of(*node);
    }
    case FaultReach::kRack:
      if (is_power(topology, report.place, true)) return named;
      return std::nullopt;
    case FaultReach::kPower:
      if (is_power(topology, report.place, false)) return named;
      return std::nullopt;
    case FaultReach::kLeaf:
      if (fabric_named(topology, FabricLevel::kLeaf, report.place)) return named;
      return std::nullopt;
    case FaultReach::kSite:
      if (fabric_named(topology, FabricLevel::kSite, report.place)) return named;
      return std::nullopt;
  }
  return std::nullopt;
}

const FaultRecord* find_fault(const State& state, const FaultPlace& place, std::string_view code,
                              std::optional<std::uint32_t> device) {
  const auto found = state.faults.find(place);
  if (found == state.faults.end()) return nullptr;
  for (const FaultRecord& record : found->second.records) {
    if (record.code == code && record.device == device) return &record;
  }
  return nullptr;
}

std::vector<NodeId> nodes_at(const State& state, const FaultPlace& place) {
  const Topology& topology = *state.topology;
  switch (place.scope) {
    case FaultReach::kJob:
      return {};
    case FaultReach::kAccelerator:
    case FaultReach::kNode:
      return {NodeId(static_cast<std::uint32_t>(place.id))};
    case FaultReach::kLeaf:
    case FaultReach::kSite: {
      const bool leaf = place.scope == FaultReach::kLeaf;
      const auto id =
          fabric_named(topology, leaf ? FabricLevel::kLeaf : FabricLevel::kSite, place.name);
      return id ? nodes_in(topology, *id) : std::vector<NodeId>();
    }
    case FaultReach::kRack:
    case FaultReach::kPower:
      break;
  }
  std::vector<NodeId> nodes;
  for (std::uint32_t i = 0; i < topology.size(); ++i) {
    if (stands_below(topology, NodeId(i), place)) nodes.push_back(NodeId(i));
  }
  return nodes;
}

std::uint64_t occurrences_since(const FaultRecord& record, Instant since) {
  std::uint64_t count = 0;
  for (auto each = record.recent.rbegin(); each != record.recent.rend(); ++each) {
    if (each->at < since) break;
    count += each->count;
  }
  return count;
}

const FaultStep* reached_step(const FaultRule& rule, const FaultRecord& record, Instant now) {
  const FaultStep* most = nullptr;
  for (const FaultStep& step : rule.steps) {
    const Instant since = step.within.count() == 0 ? Instant() : now - step.within;
    if (occurrences_since(record, since) < step.count) continue;
    if (most == nullptr || step.action > most->action) most = &step;
  }
  return most;
}

const BreakerRule* breaker_rule(const FaultPolicy& policy, BreakerLevel level) {
  for (const BreakerRule& rule : policy.breakers) {
    if (rule.level == level) return &rule;
  }
  return nullptr;
}

std::uint32_t breaker_limit(const BreakerRule& rule, std::uint32_t nodes) {
  return std::max(rule.at_least,
                  static_cast<std::uint32_t>(std::uint64_t{nodes} * rule.percent / 100));
}

std::vector<BreakerPlace> breaker_places(const State& state, NodeId node) {
  const Topology& topology = *state.topology;
  std::vector<BreakerPlace> places;
  for (const BreakerRule& rule : state.health.policy->breakers) {
    if (const auto level = fabric_level(rule.level)) {
      const auto id = fabric_above(topology, node, *level);
      if (id) places.push_back({rule.level, topology.fabric(*id).name});
    } else if (const auto rack = power_above(topology, node, PowerLevel::kRack)) {
      places.push_back({rule.level, topology.power(*rack).name});
    }
  }
  return places;
}

std::uint32_t nodes_around(const State& state, NodeId node, BreakerLevel level) {
  const Topology& topology = *state.topology;
  if (const auto fabric = fabric_level(level)) {
    const auto id = fabric_above(topology, node, *fabric);
    return id ? topology.fabric(*id).last - topology.fabric(*id).first : 0;
  }
  const auto rack = power_above(topology, node, PowerLevel::kRack);
  if (!rack) return 0;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < topology.size(); ++i) {
    count += power_above(topology, NodeId(i), PowerLevel::kRack) == rack ? 1 : 0;
  }
  return count;
}

namespace {

/// Those of which all nodes are among these.
void add_racks(std::set<BreakerPlace>& within, const Topology& topology,
               const std::vector<NodeId>& nodes) {
  std::map<PowerId, std::int64_t> missing;
  for (const NodeId node : nodes) {
    if (const auto rack = power_above(topology, node, PowerLevel::kRack)) --missing[*rack];
  }
  for (std::uint32_t i = 0; i < topology.size() && !missing.empty(); ++i) {
    const auto rack = power_above(topology, NodeId(i), PowerLevel::kRack);
    const auto found = rack ? missing.find(*rack) : missing.end();
    if (found != missing.end()) ++found->second;
  }
  for (const auto& [rack, count] : missing) {
    if (count == 0) within.insert({BreakerLevel::kRack, topology.power(rack).name});
  }
}

}  // namespace

std::set<BreakerPlace> breakers_within(const State& state, FaultReach scope,
                                       const std::vector<NodeId>& nodes) {
  std::set<BreakerPlace> within;
  const bool is_place =
      scope != FaultReach::kJob && scope != FaultReach::kNode && scope != FaultReach::kAccelerator;
  if (!is_place) return within;
  const Topology& topology = *state.topology;
  for (const BreakerRule& rule : state.health.policy->breakers) {
    if (rule.level == BreakerLevel::kSite) continue;
    const auto level = fabric_level(rule.level);
    if (!level) {
      add_racks(within, topology, nodes);
      continue;
    }
    std::map<FabricId, std::uint32_t> found;
    for (const NodeId node : nodes) {
      if (const auto id = fabric_above(topology, node, *level)) ++found[*id];
    }
    for (const auto& [id, count] : found) {
      const FabricVertex& vertex = topology.fabric(id);
      if (count == vertex.last - vertex.first) within.insert({rule.level, vertex.name});
    }
  }
  return within;
}

bool counts_for_breakers(const State& state, NodeId node) {
  for (const BreakerPlace& place : breaker_places(state, node)) {
    const Instant since = state.now - breaker_rule(*state.health.policy, place.level)->window;
    const auto breaker = state.health.breakers.find(place);
    if (breaker == state.health.breakers.end()) return false;
    const auto& taken = breaker->second.taken;
    const bool known = std::any_of(taken.begin(), taken.end(), [&](const TakenNode& each) {
      return each.node == node && each.at > since;
    });
    if (!known) return false;
  }
  return true;
}

std::uint32_t nodes_of(const State& state, const BreakerPlace& place) {
  const Topology& topology = *state.topology;
  if (const auto level = fabric_level(place.level)) {
    const auto id = fabric_named(topology, *level, place.name);
    return id ? topology.fabric(*id).last - topology.fabric(*id).first : 0;
  }
  return static_cast<std::uint32_t>(nodes_at(state, {FaultReach::kRack, 0, place.name}).size());
}

bool is_asked_to_save(const State& state, const Attempt& attempt) {
  if (state.health.asking.empty() || attempt.stopping) return false;
  return std::any_of(
      attempt.placement.begin(), attempt.placement.end(),
      [&](const NodeSlice& slice) { return state.health.asking.contains(slice.node); });
}

std::optional<Instant> save_deadline(const State& state, const Attempt& attempt) {
  std::optional<Instant> first;
  if (!is_asked_to_save(state, attempt)) return first;
  for (const NodeSlice& slice : attempt.placement) {
    if (!state.health.asking.contains(slice.node)) continue;
    const auto& deadline = state.nodes[slice.node.value()].drain->deadline;
    if (deadline && (!first || *deadline < *first)) first = deadline;
  }
  return first;
}

}  // namespace mw
