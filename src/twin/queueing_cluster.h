// Accelerators of a few equal nodes, and jobs put onto them: up to one node's worth on one node,
// wider jobs on whole idle nodes and a remainder on one more. The queueing experiment's placement.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace mw {

/// Node and number of accelerators there.
using NodePieces = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

class QueueingCluster {
 public:
  QueueingCluster(std::uint32_t nodes, std::uint32_t per_node)
      : per_node_(per_node), free_(nodes, per_node) {}

  /// On the first node with room, or the first idle nodes; nothing when it does not fit.
  std::optional<NodePieces> place(std::uint32_t accelerators);
  /// Takes exactly these.  REQUIRES: they are free.
  void take(const NodePieces& pieces);

 private:
  std::uint32_t per_node_;
  std::vector<std::uint32_t> free_;
};

}  // namespace mw
