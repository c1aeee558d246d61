// A gang that fits on one node: the groups of equal nodes that have room are ranked, and the first
// node of the best that sites and power allow is taken.
#include <algorithm>
#include <limits>
#include <tuple>

#include "core/placement.h"
#include "core/placement_search.h"

namespace mw {

std::optional<Position> Placer::node_of(const Surroundings& around, Search& search,
                                        const GroupKey& key, const PositionSet& positions) {
  if (key.busy) {
    for (auto at = positions.next(0); at; at = positions.next(*at + 1)) {
      if (suits(search, *at)) return at;
    }
    return std::nullopt;
  }
  for (const auto& [count, cell] : around.free.fullest(ShapeId(key.shape))) {
    const FabricVertex& vertex = search.topology.fabric(search.room.cell(cell).vertex);
    for (auto at = positions.next(vertex.first); at && *at < vertex.direct_last;
         at = positions.next(*at + 1)) {
      if (suits(search, *at)) return at;
    }
  }
  return std::nullopt;
}

void Placer::rank_groups(const Surroundings& around, Search& search) {
  ranking_.begin({around.topology, around.demand, around.rules}, search.gang);
  ranked_.clear();
  for (const auto& group : around.free.groups().groups()) {
    if (!search.shapes[group.first.shape]) continue;
    const GroupRank rank = ranking_.rank(group.first, group.second);
    if (rank.fits) ranked_.push_back({0, rank.fit, std::nullopt, &group});
  }
  const auto unranked = ranked_.begin() + std::min(ranked_.size(), kRankedMax);
  if (unranked != ranked_.end()) {
    std::nth_element(ranked_.begin(), unranked, ranked_.end(),
                     [](const Candidate& a, const Candidate& b) {
                       return std::tie(a.fit, a.group->first) < std::tie(b.fit, b.group->first);
                     });
  }
  for (auto each = ranked_.begin(); each != unranked; ++each) {
    const GroupCost cost = ranking_.cost(each->group->first, each->group->second);
    each->cost = cost.cost;
    each->device_left = cost.device_left;
  }
  for (auto each = unranked; each != ranked_.end(); ++each) {
    each->cost = std::numeric_limits<std::int64_t>::max();
  }
}

std::optional<NodeTasks> Placer::one_node(const Surroundings& around, Search& search,
                                          std::optional<AcceleratorShare>& device_left) {
  const GangShape& gang = search.gang;
  if (!may_be_one_node(gang) || !search.may_fit_one_node()) return std::nullopt;
  rank_groups(around, search);
  const auto worse = [](const Candidate& a, const Candidate& b) {
    return std::tie(a.cost, a.fit, a.group->first) > std::tie(b.cost, b.fit, b.group->first);
  };
  std::make_heap(ranked_.begin(), ranked_.end(), worse);
  while (!ranked_.empty()) {
    std::pop_heap(ranked_.begin(), ranked_.end(), worse);
    const Candidate best = ranked_.back();
    ranked_.pop_back();
    const auto& [key, group] = *best.group;
    if (const auto at = node_of(around, search, key, group.positions)) {
      device_left = best.device_left;
      return NodeTasks{search.topology.at(*at), gang.tasks};
    }
  }
  return std::nullopt;
}

}  // namespace mw
