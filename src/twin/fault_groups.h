// Which nodes one fault takes with it: the nodes themselves, or all below a vertex of the fabric or
// of the power tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/id.h"
#include "core/topology.h"
#include "model/scenario.h"

namespace mw {

class FaultGroups {
 public:
  FaultGroups(const Topology& topology, FaultScope scope);

  /// 0: the fleet has no such vertices.
  [[nodiscard]] std::size_t size() const { return begins_.size() - 1; }
  /// In fabric order, and never none.
  [[nodiscard]] std::span<const NodeId> nodes(std::size_t group) const {
    return std::span(nodes_).subspan(begins_[group], begins_[group + 1] - begins_[group]);
  }

 private:
  void add_range(const Topology& topology, Position first, Position last);
  void add_power(const Topology& topology, PowerLevel level);

  std::vector<NodeId> nodes_;
  std::vector<std::uint32_t> begins_{0};  ///< of each group in nodes_, and the end
};

}  // namespace mw
