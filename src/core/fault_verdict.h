// What the policy asks for because of one fault: handed from judging to acting.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/stepper.h"

namespace mw {

/// How many nodes stand at the place of that level around a node (health.cpp).
std::uint32_t nodes_around(const State& state, NodeId node, BreakerLevel level);
/// Something was done to the node within the window of each breaker around it.
bool counts_for_breakers(const State& state, NodeId node);
/// The places watched over by breakers that lie wholly in a fault's, which has these nodes. A site
/// never does: when all of it is at fault, that is for a person to decide.
std::set<BreakerPlace> breakers_within(const State& state, FaultReach scope,
                                       const std::vector<NodeId>& nodes);

struct Core::Stepper::Verdict {
  FaultReach scope = FaultReach::kNode;
  std::string code;
  std::optional<std::uint32_t> device;
  FaultAction action = FaultAction::kIgnore;
  std::optional<DrainMode> drain;
  std::string reason;  ///< for people
  /// Breakers that say nothing to it: all of their place is in the fault's, so it is one fault
  /// there and not many.
  std::set<BreakerPlace> within;
  /// Where it is looked at again only: nodes that came back into service since are mended.
  std::optional<Instant> happened{};
  /// Nodes on which jobs start again because of it, so far: the next is asked for after these.
  mutable std::map<BreakerPlace, std::uint32_t> restarted;
};

/// Why something is not done to a node.
struct Core::Stepper::NotDone {
  std::string why;
  bool by_breaker = false;
};

/// What was done about one fault.
struct Core::Stepper::Deeds {
  std::uint32_t done = 0;       ///< on so many nodes, or it is the job's
  std::uint32_t held_back = 0;  ///< by breakers, on so many
  std::string why;              ///< why not on the others
};

}  // namespace mw
