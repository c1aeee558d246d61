#include "twin/queueing_cluster.h"

#include <algorithm>

#include "base/check.h"

namespace mw {

std::optional<NodePieces> QueueingCluster::place(std::uint32_t accelerators) {
  NodePieces pieces;
  const bool wide = accelerators > per_node_;
  std::uint32_t left = accelerators;
  for (std::uint32_t node = 0; node < free_.size() && left > 0; ++node) {
    // A wide job takes idle nodes only, also for its remainder.
    const bool room = wide ? free_[node] == per_node_ : free_[node] >= left;
    if (!room) continue;
    const std::uint32_t here = std::min(left, per_node_);
    pieces.emplace_back(node, here);
    left -= here;
  }
  if (left > 0) return std::nullopt;
  take(pieces);
  return pieces;
}

void QueueingCluster::take(const NodePieces& pieces) {
  for (const auto& [node, accelerators] : pieces) {
    MW_CHECK(free_.at(node) >= accelerators);
    free_[node] -= accelerators;
  }
}

}  // namespace mw
