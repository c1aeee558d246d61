#include "core/reservation_nodes.h"

#include <algorithm>
#include <optional>

namespace mw {
namespace {

bool is_suitable(const State& state, const ReservationSpec& spec, NodeId node) {
  const Topology& topology = *state.topology;
  const bool type = spec.accelerator_type.empty() ||
                    spec.accelerator_type == topology.shape(node).accelerator_type;
  return type && (spec.site.empty() || spec.site == topology.site(topology.site_of(node)).name);
}

void count(NodesShort& figures, NodeStanding standing) {
  switch (standing) {
    case NodeStanding::kAvailable:
      ++figures.available;
      return;
    case NodeStanding::kInUse:
      ++figures.in_use;
      return;
    case NodeStanding::kKept:
      ++figures.kept;
      return;
    case NodeStanding::kOutOfUse:
      ++figures.out_of_use;
      return;
    case NodeStanding::kReserved:
      ++figures.reserved;
      return;
  }
}

/// By node: something runs there, or is about to again, that need not have ended by `from`.
std::vector<bool> nodes_in_use(const State& state, Instant from) {
  std::vector<bool> in_use(state.nodes.size());
  const auto add = [&](const Placement& placement) {
    for (const NodeSlice& slice : placement) in_use[slice.node.value()] = true;
  };
  for (const auto& [job, attempt] : state.attempts) {
    if (expected_end(state, attempt) > from) add(attempt.placement);
  }
  for (const auto& [job, hold] : state.holds) add(hold.placement);
  return in_use;
}

/// Nodes that are taken willingly, and by force; by position.
class Choice {
 public:
  explicit Choice(const Topology& topology) : topology_(topology), ranks_(topology.size(), kNot) {}

  void allow(NodeId node, bool by_force) {
    ranks_[topology_.position(node)] = by_force ? kByForce : kWillingly;
  }

  std::vector<NodeId> take(std::uint32_t wanted, std::uint8_t rank_max) {
    below_.assign(ranks_.size() + 1, 0);
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      below_[i + 1] = below_[i] + (ranks_[i] <= rank_max ? 1 : 0);
    }
    const FabricVertex* best = nullptr;
    for (std::size_t level = 0; best == nullptr; ++level) {
      for (const FabricId id : topology_.at_level(static_cast<FabricLevel>(level))) {
        const FabricVertex& vertex = topology_.fabric(id);
        if (count(vertex) < wanted) continue;
        if (best == nullptr || count(vertex) < count(*best)) best = &vertex;
      }
    }
    std::vector<NodeId> nodes;
    for (std::uint8_t rank = kWillingly; rank <= rank_max; ++rank) {
      for (Position p = best->first; p < best->last && nodes.size() < wanted; ++p) {
        if (ranks_[p] == rank) nodes.push_back(topology_.at(p));
      }
    }
    std::sort(nodes.begin(), nodes.end());
    return nodes;
  }

  static constexpr std::uint8_t kWillingly = 0;
  static constexpr std::uint8_t kByForce = 1;

 private:
  [[nodiscard]] std::uint32_t count(const FabricVertex& vertex) const {
    return below_[vertex.last] - below_[vertex.first];
  }
  static constexpr std::uint8_t kNot = 2;
  const Topology& topology_;
  std::vector<std::uint8_t> ranks_;   ///< by position
  std::vector<std::uint32_t> below_;  ///< sums of those that count, up to each position
};

}  // namespace

std::vector<NodeStanding> standings(const State& state, const ReservationSpec& spec, Instant from) {
  std::vector<NodeStanding> all(state.nodes.size(), NodeStanding::kAvailable);
  const std::vector<bool> in_use = nodes_in_use(state, from);
  for (const Node& node : state.nodes) {
    NodeStanding& standing = all[node.id.value()];
    if (in_use[node.id.value()] || node.others) standing = NodeStanding::kInUse;
    if (node.claim.job != JobId()) standing = NodeStanding::kKept;
    if (node.phase != NodePhase::kReady || node.lost || node.spare)
      standing = NodeStanding::kOutOfUse;
  }
  for (const auto& [name, each] : state.reservations) {
    if (each.spec.end() <= from || spec.end() <= each.spec.start) continue;
    for (const NodeId node : each.nodes) all[node.value()] = NodeStanding::kReserved;
  }
  return all;
}

std::variant<std::vector<NodeId>, NodesShort> choose_nodes(const State& state,
                                                           const ReservationSpec& spec,
                                                           Instant from, std::uint32_t wanted) {
  const std::vector<NodeStanding> all = standings(state, spec, from);
  NodesShort figures;
  figures.wanted = wanted;
  Choice choice(*state.topology);
  for (const Node& node : state.nodes) {
    if (!is_suitable(state, spec, node.id)) continue;
    const NodeStanding standing = all[node.id.value()];
    ++figures.suitable;
    count(figures, standing);
    if (standing > NodeStanding::kKept) continue;
    choice.allow(node.id, standing != NodeStanding::kAvailable);
  }
  if (figures.available >= wanted) return choice.take(wanted, Choice::kWillingly);
  const std::uint32_t by_force = figures.available + figures.in_use + figures.kept;
  if (spec.force && by_force >= wanted) return choice.take(wanted, Choice::kByForce);
  return figures;
}

std::variant<std::vector<NodeId>, NodesShort> listed_nodes(const State& state,
                                                           const ReservationSpec& spec,
                                                           Instant from) {
  const std::vector<NodeStanding> all = standings(state, spec, from);
  NodesShort figures;
  std::vector<NodeId> nodes;
  for (const std::string& name : spec.node_list) nodes.push_back(*state.topology->find(name));
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  const std::vector<bool> in_use = nodes_in_use(state, from);
  for (const NodeId node : nodes) {
    // Out of use it would do, but one that is drained still has what ran on it before.
    const bool drains = all[node.value()] == NodeStanding::kOutOfUse && in_use[node.value()];
    count(figures, drains ? NodeStanding::kInUse : all[node.value()]);
  }
  figures.wanted = figures.suitable = static_cast<std::uint32_t>(nodes.size());
  const bool taken = figures.in_use + figures.kept > 0;
  if (figures.reserved > 0 || (taken && !spec.force)) return figures;
  return nodes;
}

}  // namespace mw
