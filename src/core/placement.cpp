#include "core/placement.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "core/placement_search.h"
#include "core/state.h"

namespace mw {
namespace {

/// After so many nodes that have room and no power, it is worth the while to count the power.
constexpr std::uint32_t kRefusalsMax = 64;

constexpr std::size_t index_of(FabricLevel level) { return static_cast<std::size_t>(level); }

bool in_jurisdiction(const std::string& site, const std::string& allowed) {
  return site == allowed ||
         (site.size() > allowed.size() && site.starts_with(allowed) && site[allowed.size()] == '-');
}

/// The device with the least room that still has enough; the first among equals.
std::uint32_t fullest_with_room(const DeviceRoom& devices, AcceleratorShare share) {
  std::uint32_t best = devices.size();
  for (std::uint32_t i = 0; i < devices.size(); ++i) {
    if (devices[i] < share) continue;
    if (best == devices.size() || devices[i] < devices[best]) best = i;
  }
  MW_CHECK(best < devices.size());
  return best;
}

/// What is left of a node when it takes all of the gang: the least is the best fit. A device that
/// is begun counts before all else, as it is lost to every task that wants whole ones.
using NodeCost = std::tuple<std::uint32_t, std::uint32_t, std::int64_t, std::int64_t, std::int64_t>;
NodeCost cost_of(const GroupKey& key, const GangShape& gang) {
  const TaskShape& task = gang.task;
  const std::uint32_t whole = key.whole;
  const std::int64_t cpus = key.cpus - task.cpus.count() * gang.tasks;
  const std::int64_t memory = key.memory - task.memory.count() * gang.tasks;
  if (task.accelerators >= kWholeAccelerator || task.accelerators.count() == 0) {
    const auto taken =
        static_cast<std::uint32_t>(task.accelerators / kWholeAccelerator) * gang.tasks;
    return {0, whole - taken, 0, cpus, memory};
  }
  // Of a node without parts only the devices that are free matter.
  const DeviceRoom before = key.parts.size() > 0 ? key.parts : DeviceRoom(whole);
  DeviceRoom after = before;
  std::int64_t left_beside = 0;
  for (const DeviceShare& taken : pick_devices(before, task.accelerators, gang.tasks)) {
    after.add(taken.device, -taken.share);
    left_beside = after[taken.device].count();
  }
  return {whole - after.whole(), after.whole(), left_beside, cpus, memory};
}

}  // namespace

std::vector<bool> allowed_sites(const Topology& topology, const Whereabouts& where) {
  std::vector<bool> allowed;
  for (const Site& site : topology.sites()) {
    const bool named = where.sites.empty() || std::find(where.sites.begin(), where.sites.end(),
                                                        site.name) != where.sites.end();
    const bool lawful = where.jurisdictions.empty() ||
                        std::any_of(where.jurisdictions.begin(), where.jurisdictions.end(),
                                    [&](const std::string& each) {
                                      return in_jurisdiction(site.jurisdiction, each);
                                    });
    allowed.push_back(named && lawful);
  }
  return allowed;
}

bool type_suits(const NodeShape& shape, const GangShape& gang) {
  if (gang.types.empty()) {
    return gang.task.accelerator_type.empty() ||
           gang.task.accelerator_type == shape.accelerator_type;
  }
  return std::any_of(gang.types.begin(), gang.types.end(),
                     [&](const TypeChoice& each) { return each.type == shape.accelerator_type; });
}

std::vector<std::string> types_for(const Topology& topology, const GangShape& gang) {
  std::vector<TypeChoice> choices = gang.types;
  std::stable_sort(choices.begin(), choices.end(),
                   [](const TypeChoice& a, const TypeChoice& b) { return a.rate > b.rate; });
  std::vector<std::string> types;
  for (const TypeChoice& choice : choices) types.push_back(choice.type);
  if (types.empty() && !gang.task.accelerator_type.empty()) {
    types.push_back(gang.task.accelerator_type);
  }
  if (!types.empty()) return types;
  for (const NodeShape& shape : topology.shapes()) {
    const auto known = std::find(types.begin(), types.end(), shape.accelerator_type);
    if (known == types.end()) types.push_back(shape.accelerator_type);
  }
  return types;
}

bool may_be_one_node(const GangShape& gang) {
  return gang.nodes <= 1 && (gang.spread_tasks == 0 || gang.spread_tasks >= gang.tasks);
}

Placer::Search Placer::begin(const Topology& topology, const Room& room, const GangShape& gang,
                             const Whereabouts& where) {
  return {.topology = topology,
          .room = room,
          .gang = gang,
          .sites = allowed_sites(topology, where),
          .shapes = {},
          .by_free = {},
          .type = {},
          .best = std::nullopt,
          .limiting = std::nullopt};
}

DeviceList pick_devices(const DeviceRoom& devices, AcceleratorShare share, std::uint32_t tasks) {
  DeviceList picked;
  if (share.count() == 0) return picked;
  const bool whole = share >= kWholeAccelerator;
  auto pieces = static_cast<std::uint32_t>(whole ? share / kWholeAccelerator : 1) * tasks;
  if (whole) {
    for (std::uint32_t next = 0; pieces > 0; ++next) {
      MW_CHECK(next < devices.size());
      if (devices[next] != kWholeAccelerator) continue;
      picked.push_back({static_cast<std::uint16_t>(next), kWholeAccelerator});
      --pieces;
    }
    return picked;
  }
  DeviceRoom free = devices;
  for (; pieces > 0; --pieces) {
    const std::uint32_t device = fullest_with_room(free, share);
    free.add(device, -share);
    picked.push_back({static_cast<std::uint16_t>(device), share});
  }
  return picked;
}

std::variant<Placement, NoPlace> Placer::place(const Surroundings& around, const GangShape& gang,
                                               const Whereabouts& where) {
  MW_CHECK(gang.tasks > 0);
  MW_CHECK(gang.nodes == 0 || gang.tasks % gang.nodes == 0);
  Search search = begin(around.topology, around.free.room(), gang, where);
  std::optional<std::vector<NodeTasks>> chosen;
  for (const std::string& type : types_for(around.topology, gang)) {
    if (!search.choose_type(type)) continue;
    search.power =
        bounds_.follows(search.room) ? bounds_.find(search.topology, gang, type) : nullptr;
    search.refusals = 0;
    if (const auto one = one_node(around, search)) chosen = std::vector<NodeTasks>{*one};
    if (!chosen) chosen = in_fabric(search);
    if (chosen) break;
  }
  if (!chosen) return shortage_of(search);
  std::vector<NodeSlice> slices;
  slices.reserve(chosen->size());
  std::uint32_t rank = 0;
  for (const NodeTasks& each : *chosen) {
    slices.push_back({each.node, rank, each.tasks,
                      pick_devices(around.nodes[each.node.value()].devices, gang.task.accelerators,
                                   each.tasks)});
    rank += each.tasks;
  }
  return Placement(std::move(slices));
}

NoPlace Placer::shortage_of(const Search& search) {
  const GangShape& gang = search.gang;
  const bool power = search.by_power || search.limiting.has_value();
  const bool countable = gang.segment <= 1 && gang.spread_tasks == 0;
  // Of one node alone it was not counted how much power it lacks.
  const bool known = countable && !(power && gang.require == FabricLevel::kNode);
  if (!known || search.bound_max >= gang.tasks) return {1, power};
  return {gang.tasks - search.bound_max, power};
}

PendingReason Placer::explain(const Surroundings& around, const GangShape& gang,
                              const Whereabouts& where) {
  auto placed = place(around, gang, where);
  if (std::holds_alternative<Placement>(placed)) return NotYetConsidered{};
  Search search = begin(around.topology, around.free.room(), gang, where);
  for (const std::string& type : types_for(around.topology, gang)) search.choose_type(type);
  return why_not(around, gang, where, search);
}

std::optional<std::vector<NodeTasks>> Placer::place_in(const Topology& topology, const Room& room,
                                                       const GangShape& gang,
                                                       const Whereabouts& where) {
  Search search = begin(topology, room, gang, where);
  for (const std::string& type : types_for(topology, gang)) {
    if (!search.choose_type(type)) continue;
    if (const auto one = one_node_in(search)) return std::vector<NodeTasks>{*one};
    if (auto chosen = in_fabric(search)) return chosen;
  }
  return std::nullopt;
}

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
std::optional<NodeTasks> Placer::one_node_in(Search& search) {
  if (!may_be_one_node(search.gang) || !search.may_fit_one_node()) return std::nullopt;
  std::optional<Position> best;
  for (Position p = 0; p < search.room.size(); ++p) {
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

std::optional<NodeTasks> Placer::one_node(const Surroundings& around, Search& search) {
  const GangShape& gang = search.gang;
  if (!may_be_one_node(gang) || !search.may_fit_one_node()) return std::nullopt;
  const auto power_for_one = [&](FabricId vertex) {
    return search.power == nullptr || bound(search, vertex).by_both >= gang.tasks;
  };
  if (!power_for_one(Topology::kRoot)) return std::nullopt;
  using Candidate = std::pair<NodeCost, const NodeGroups::Map::value_type*>;
  std::vector<Candidate> candidates;
  for (const auto& group : around.free.groups().groups()) {
    const GroupKey& key = group.first;
    if (!search.shapes[key.shape]) continue;
    const Slot slot = slot_of(key);
    const DeviceRoom* parts = key.parts.size() > 0 ? &key.parts : nullptr;
    if (tasks_on(slot, parts, gang) < gang.tasks) continue;
    candidates.emplace_back(cost_of(key, gang), &group);
  }
  const auto worse = [](const Candidate& a, const Candidate& b) { return a.first > b.first; };
  std::make_heap(candidates.begin(), candidates.end(), worse);
  while (!candidates.empty()) {
    std::pop_heap(candidates.begin(), candidates.end(), worse);
    const auto& [key, positions] = *candidates.back().second;
    candidates.pop_back();
    if (!key.busy) {
      for (const auto& [count, cell] : around.free.fullest(ShapeId(key.shape))) {
        const FabricId id = search.room.cell(cell).vertex;
        const FabricVertex& vertex = search.topology.fabric(id);
        if (!power_for_one(id)) continue;
        for (auto at = positions.next(vertex.first); at && *at < vertex.direct_last;
             at = positions.next(*at + 1)) {
          if (suits(search, *at)) return NodeTasks{search.topology.at(*at), gang.tasks};
        }
      }
      continue;
    }
    for (auto at = positions.next(0); at;) {
      if (suits(search, *at)) return NodeTasks{search.topology.at(*at), gang.tasks};
      const FabricId id = search.topology.fabric_of(search.topology.at(*at));
      // Of a vertex without power for it, the other nodes need no look.
      at = positions.next(power_for_one(id) ? *at + 1 : search.topology.fabric(id).direct_last);
    }
  }
  return std::nullopt;
}

Placer::Bound Placer::bound(Search& search, FabricId id) {
  const FabricVertex& vertex = search.topology.fabric(id);
  Bound sum;
  if (vertex.level == FabricLevel::kFleet) {
    for (const FabricId child : vertex.children) {
      const Bound below = bound(search, child);
      sum.by_room += below.by_room;
      sum.by_both += below.by_both;
    }
    return sum;
  }
  sum.by_room = search.bound_by_room(id);
  sum.by_both = sum.by_room;
  if (sum.by_room == 0 || search.power == nullptr) return sum;
  sum.by_both = std::min(sum.by_room, bounds_.below(search.topology, *search.power, id));
  if (sum.by_both < sum.by_room) search.by_power = true;
  return sum;
}

void Placer::learn_of_power(Search& search) {
  if (search.power != nullptr || !bounds_.follows(search.room)) return;
  search.power = bounds_.make(search.topology, search.gang, search.type, search.shapes);
}

/// The vertices below that may hold the gang and are near enough, by level. A vertex that cannot
/// hold it has none below it that can, so most of the fabric is never looked at.
void Placer::candidates_below(Search& search, FabricId id) {
  const FabricVertex& vertex = search.topology.fabric(id);
  const Bound most = bound(search, id);
  if (most.by_both < search.gang.tasks) {
    search.bound_max = std::max(search.bound_max, most.by_both);
    return;
  }
  // In the order of room, which is the same whether or not the power is known.
  const bool near = vertex.level <= search.gang.require;
  if (near) candidates_[index_of(vertex.level)].emplace_back(most.by_room, id);
  if (vertex.level <= search.gang.prefer) return;
  for (const FabricId child : vertex.children) {
    const FabricLevel level = search.topology.fabric(child).level;
    if (level >= search.gang.prefer) candidates_below(search, child);
  }
}

std::optional<std::vector<NodeTasks>> Placer::in_fabric(Search& search) {
  for (auto& level : candidates_) level.clear();
  candidates_below(search, Topology::kRoot);
  for (auto& level : candidates_) {
    std::sort(level.begin(), level.end());
    for (const auto& [by_room, vertex] : level) {
      const bool knew_power = search.power != nullptr;
      if (auto chosen = inside(search, vertex)) return chosen;
      search.bound_max = std::max(search.bound_max, search.counted);
      // Once power is known, most of those that are left need no look.
      if (!knew_power && search.power != nullptr) { return in_fabric(search); }
    }
  }
  return std::nullopt;
}

void Placer::count_tasks(const Search& search, FabricId id, TaskCounts& tasks) {
  const FabricVertex& vertex = search.topology.fabric(id);
  tasks.assign(vertex.last - vertex.first, 0);
  const bool whole_fleet = vertex.level == FabricLevel::kFleet;
  auto parts = search.room.parts.lower_bound(vertex.first);
  for (Position p = vertex.first; p < vertex.last; ++p) {
    const Slot& slot = search.room.slot(p);
    const DeviceRoom* devices = nullptr;
    if (parts != search.room.parts.end() && parts->first == p) {
      devices = &parts->second;
      ++parts;
    }
    if (!search.shapes[slot.shape]) continue;
    if (whole_fleet && !search.sites[search.topology.site_of(search.topology.at(p)).value()]) {
      continue;
    }
    tasks[p - vertex.first] = tasks_on(slot, devices, search.gang);
  }
}

std::optional<std::vector<NodeTasks>> Placer::inside(Search& search, FabricId id) {
  const FabricVertex& vertex = search.topology.fabric(id);
  const GangShape& gang = search.gang;
  const auto settle = [&] {
    trim_by_fabric(search.topology, id, gang, counts_);
    below_.assign(counts_.size() + 1, 0);
    for (std::size_t i = 0; i < counts_.size(); ++i) below_[i + 1] = below_[i] + counts_[i];
    return below_.back();
  };
  count_tasks(search, id, counts_);
  origin_ = vertex.first;
  const std::uint64_t without_power = settle();
  if (without_power > search.fitting_without_power) {
    search.fitting_without_power = without_power;
    search.best = id;
  }
  search.counted = without_power;
  if (without_power < gang.tasks) {
    search.fitting = std::max(search.fitting, without_power);
    return std::nullopt;
  }
  taken_.assign(counts_.size(), 0);
  take(search, id, gang.tasks);
  TaskCounts allowed = taken_;
  if (const auto limit = power_.trim(search.topology, search.room, vertex.first, gang, allowed)) {
    // Somewhere there is too little power for these; look at all that may be drawn.
    search.limiting = limit;
    power_.trim(search.topology, search.room, vertex.first, gang, counts_);
    const std::uint64_t with_power = settle();
    search.fitting = std::max(search.fitting, with_power);
    if (with_power < gang.tasks) {
      search.counted = search.unequal ? gang.tasks - 1 : with_power;
      learn_of_power(search);
      return std::nullopt;
    }
    taken_.assign(counts_.size(), 0);
    take(search, id, gang.tasks);
  }
  std::vector<NodeTasks> chosen;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    if (taken_[i] == 0) continue;
    chosen.push_back({search.topology.at(vertex.first + static_cast<Position>(i)), taken_[i]});
  }
  return chosen;
}

/// Takes `want` tasks below the vertex from as few of its children as possible: the roomiest whole,
/// and of what is left, the least roomy child that holds it.
void Placer::take(const Search& search, FabricId id, std::uint64_t want) {
  const FabricVertex& vertex = search.topology.fabric(id);
  struct Child {
    std::uint64_t room;
    Position first;
    FabricId vertex;  ///< none: a node
  };
  const Position origin = origin_;  // of the vertex that was counted
  const auto room_of = [&](Position first, Position last) {
    return below_[last - origin] - below_[first - origin];
  };
  if (room_of(vertex.first, vertex.last) == want) {
    for (Position p = vertex.first; p < vertex.last; ++p) taken_[p - origin] = counts_[p - origin];
    return;
  }
  std::vector<Child> children;
  for (Position p = vertex.first; p < vertex.direct_last; ++p) {
    if (counts_[p - origin] > 0) children.push_back({counts_[p - origin], p, kNoId<FabricId>});
  }
  for (const FabricId child : vertex.children) {
    const FabricVertex& below = search.topology.fabric(child);
    const std::uint64_t room = room_of(below.first, below.last);
    if (room > 0) children.push_back({room, below.first, child});
  }
  std::sort(children.begin(), children.end(), [](const Child& a, const Child& b) {
    return a.room != b.room ? a.room > b.room : a.first < b.first;
  });
  const auto take_from = [&](const Child& child, std::uint64_t tasks) {
    if (child.vertex == kNoId<FabricId>) {
      taken_[child.first - origin] = static_cast<std::uint32_t>(tasks);
    } else {
      take(search, child.vertex, tasks);
    }
  };
  for (std::size_t i = 0; want > 0; ++i) {
    MW_CHECK(i < children.size());
    if (children[i].room < want) {
      take_from(children[i], children[i].room);
      want -= children[i].room;
      continue;
    }
    // The last of those that hold the rest; of equals, the first in the fabric.
    std::size_t k = i;
    while (k + 1 < children.size() && children[k + 1].room >= want) ++k;
    while (k > i && children[k - 1].room == children[k].room) --k;
    take_from(children[k], want);
    return;
  }
}

}  // namespace mw
