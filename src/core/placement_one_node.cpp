// A gang that fits on one node: the groups of equal nodes that have room are ranked, and the first
// node of the best that sites and power allow is taken.
#include <algorithm>
#include <limits>
#include <tuple>

#include "core/placement.h"
#include "core/placement_search.h"

namespace mw {
namespace {

/// After so many nodes that have room and no power, it is worth the while to count the power.
constexpr std::uint32_t kRefusalsMax = 64;

}  // namespace

bool Placer::suits(Search& search, Position position) {
  const NodeId node = search.topology.at(position);
  if (!search.sites[search.topology.site_of(node).value()]) return false;
  alone_.assign(1, search.gang.tasks);
  const auto limit = power_.trim(search.topology, search.room, position, search.gang, alone_);
  if (!limit) return true;
  search.limiting = limit;
  if (++search.refusals == kRefusalsMax) learn_of_power(search);
  return false;
}

/// Without groups: a room that is only planned has none.
std::optional<NodeTasks> Placer::one_node_in(Search& search, FabricId within) {
  if (!may_be_one_node(search.gang) || !search.may_fit_one_node()) return std::nullopt;
  std::optional<Position> best;
  const FabricVertex& vertex = search.topology.fabric(within);
  for (Position p = vertex.first; p < vertex.last; ++p) {
    const Slot& slot = search.room.slot(p);
    if (!slot.takes_work() || !search.shapes[slot.shape]) continue;
    if (best && search.room.slot(*best).whole <= slot.whole) continue;
    const auto parts = search.room.parts.find(p);
    const DeviceRoom* devices = parts == search.room.parts.end() ? nullptr : &parts->second;
    if (tasks_on(slot, devices, search.gang) < search.gang.tasks) continue;
    if (suits(search, p)) best = p;
  }
  if (!best) return std::nullopt;
  return NodeTasks{search.topology.at(*best), search.gang.tasks};
}

bool Placer::choose(Search& search, const std::string& type) {
  search.power = nullptr;
  search.refusals = 0;
  if (!search.choose_type(type)) return false;
  if (bounds_.follows(search.room)) search.power = bounds_.find(search.topology, search.gang, type);
  return true;
}

bool Placer::power_for_one(Search& search, FabricId vertex) {
  return search.power == nullptr || bound(search, vertex).by_both >= search.gang.tasks;
}

std::optional<NodeTasks> Placer::one_node_of(const Surroundings& around, Search& search,
                                             const std::vector<std::string>& types,
                                             std::optional<AcceleratorShare>& device_left) {
  if (!may_be_one_node(search.gang)) return std::nullopt;
  // Types that have no power for it are not ranked at all.
  std::vector<std::string> open;
  for (const std::string& type : types) {
    if (!choose(search, type) || !search.may_fit_one_node()) continue;
    if (power_for_one(search, Topology::kRoot)) open.push_back(type);
  }
  if (open.empty()) return std::nullopt;
  if (open.size() > 1) {
    search.choose_types(open);
  } else {
    choose(search, open.front());
  }
  return one_node(around, search, device_left);
}

std::optional<Position> Placer::node_of(const Surroundings& around, Search& search,
                                        const GroupKey& key, const PositionSet& positions) {
  const std::string& type = search.topology.shape(ShapeId(key.shape)).accelerator_type;
  if (search.type != type) {
    choose(search, type);
    if (!power_for_one(search, Topology::kRoot)) return std::nullopt;
  }
  if (key.busy) {
    for (auto at = positions.next(0); at;) {
      if (suits(search, *at)) return at;
      const FabricId id = search.topology.fabric_of(search.topology.at(*at));
      // Of a vertex without power for it, the other nodes need no look.
      at = positions.next(power_for_one(search, id) ? *at + 1
                                                    : search.topology.fabric(id).direct_last);
    }
    return std::nullopt;
  }
  for (const auto& [count, cell] : around.free.fullest(ShapeId(key.shape))) {
    const FabricId id = search.room.cell(cell).vertex;
    const FabricVertex& vertex = search.topology.fabric(id);
    if (!power_for_one(search, id)) continue;
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
