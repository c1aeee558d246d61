// A node's life as one table: which phase may follow which, by whom, and why. Every move of a node
// is held against it (apply checks), docs/operations.md shows it as a drawing that is made from it,
// and nothing else decides what is allowed.
// Always: work is placed on ready nodes only, and nothing is left on a node that is neither ready
// nor suspect nor draining; so every way out of service goes through a drain.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/node_phase.h"

namespace mw {

struct NodeTransition {
  NodePhase from;
  NodePhase to;
  Mover who;
  std::string_view why;
};

/// All that may happen, by `from`, then `to`, then `who`.
std::span<const NodeTransition> node_transitions();

/// Whether `who` may move a node so.
bool may_move(NodePhase from, NodePhase to, Mover who);

/// Nothing runs on a node in this phase.
constexpr bool is_empty_phase(NodePhase phase) {
  return phase != NodePhase::kReady && phase != NodePhase::kSuspect &&
         phase != NodePhase::kDraining;
}

/// The table as a drawing in the language Mermaid, which web views of Markdown draw.
std::string draw_node_lifecycle();
/// The table as rows of a Markdown table.
std::string list_node_transitions();

}  // namespace mw
