// What the policy asks for because of one fault: handed from judging to acting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/stepper.h"

namespace mw {

/// How many nodes stand at the place of that level around a node (health.cpp).
std::uint32_t nodes_around(const State& state, NodeId node, BreakerLevel level);

struct Core::Stepper::Verdict {
  FaultReach scope = FaultReach::kNode;
  std::string code;
  std::optional<std::uint32_t> device;
  FaultAction action = FaultAction::kIgnore;
  std::optional<DrainMode> drain;
  std::string reason;  ///< for people
};

}  // namespace mw
