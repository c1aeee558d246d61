#include "twin/people.h"

#include <algorithm>

namespace mw {
namespace {

constexpr const char* kTechnician = "a technician";
constexpr const char* kOnCall = "whoever is on call";

/// Out of service, and nothing will happen there by itself.
bool waits_for_somebody(const State& state, NodeId id) {
  const Node& node = state.nodes[id.value()];
  switch (node.phase) {
    case NodePhase::kQuarantined:
      return true;
    case NodePhase::kRepairing:
      return !state.health.remedies.contains(id);
    case NodePhase::kDraining:
      // Drained because of a fault, and for no program: whoever mends it gives it back.
      return state.health.remedies.contains(id) && node.drain &&
             node.drain->then == NodePhase::kDraining;
    default:
      return false;
  }
}

}  // namespace

void People::note(const std::vector<Event>& events, const State& state) {
  const auto look_at = [&](NodeId node, Instant at) {
    if (waits_for_somebody(state, node)) {
      out_.emplace(node, at + needed_);
    } else {
      out_.erase(node);
    }
  };
  for (const Event& event : events) {
    if (const auto* moved = std::get_if<NodeMoved>(&event.body)) {
      look_at(moved->node, event.at);
    } else if (const auto* ended = std::get_if<RemedyEnded>(&event.body)) {
      look_at(ended->node, event.at);
    } else if (const auto* tripped = std::get_if<BreakerTripped>(&event.body)) {
      tripped_.emplace(event.at + needed_, std::pair{tripped->level, tripped->place});
    }
  }
}

Instant People::next(const World& world) const {
  Instant at = tripped_.empty() ? Instant::never() : tripped_.begin()->first;
  for (const auto& [node, there] : out_) {
    if (world.is_well(node)) at = std::min(at, there);
  }
  return at;
}

void People::act(Instant now, const State& state, const World& world, std::vector<Input>& inputs) {
  while (!tripped_.empty() && tripped_.begin()->first <= now) {
    const auto& [level, place] = tripped_.begin()->second;
    inputs.push_back({RequestId(), ResetBreaker{level, place, kOnCall}});
    tripped_.erase(tripped_.begin());
    ++breakers_reset_;
  }
  const bool proven = proves_nodes(*state.health.policy);
  for (auto each = out_.begin(); each != out_.end();) {
    if (each->second > now || !world.is_well(each->first)) {
      ++each;
      continue;
    }
    const std::string& name = state.topology->name(each->first);
    if (proven) {
      inputs.push_back(
          {RequestId(), MoveNode{name, NodePhase::kValidating, "repaired", kTechnician}});
    } else {
      inputs.push_back({RequestId(), ResumeNode{name, kTechnician, "repaired"}});
    }
    ++nodes_put_back_;
    each = out_.erase(each);
  }
}

}  // namespace mw
