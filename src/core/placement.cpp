#include "core/placement.h"

#include <algorithm>

#include "base/check.h"
#include "core/placement_search.h"
#include "core/state.h"

namespace mw {
namespace {

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

std::vector<std::vector<std::string>> types_by_rate(const Topology& topology,
                                                    const GangShape& gang) {
  std::vector<TypeChoice> choices = gang.types;
  if (choices.empty() && !gang.task.accelerator_type.empty()) {
    choices.push_back({gang.task.accelerator_type});
  }
  if (choices.empty()) {
    for (const NodeShape& shape : topology.shapes()) {
      const bool known = std::any_of(choices.begin(), choices.end(), [&](const TypeChoice& each) {
        return each.type == shape.accelerator_type;
      });
      if (!known) choices.push_back({shape.accelerator_type});
    }
  }
  if (choices.size() == 1) return {{std::move(choices.front().type)}};
  std::stable_sort(choices.begin(), choices.end(),
                   [](const TypeChoice& a, const TypeChoice& b) { return a.rate > b.rate; });
  std::vector<std::vector<std::string>> types;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i == 0 || choices[i].rate != choices[i - 1].rate) types.emplace_back();
    types.back().push_back(choices[i].type);
  }
  return types;
}

std::vector<std::string> types_for(const Topology& topology, const GangShape& gang) {
  std::vector<std::string> types;
  for (const auto& alike : types_by_rate(topology, gang)) {
    types.insert(types.end(), alike.begin(), alike.end());
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

namespace {

/// The first device that has just `left` free.
DeviceList device_with(const DeviceRoom& devices, AcceleratorShare left, AcceleratorShare share) {
  std::uint32_t device = 0;
  while (devices[device] != left) MW_CHECK(++device < devices.size());
  DeviceList picked;
  picked.push_back({static_cast<std::uint16_t>(device), share});
  return picked;
}

}  // namespace

std::variant<Placement, NoPlace> Placer::place(const Surroundings& around, const GangShape& gang,
                                               const Whereabouts& where) {
  MW_CHECK(gang.tasks > 0);
  MW_CHECK(gang.nodes == 0 || gang.tasks % gang.nodes == 0);
  Search search = begin(around.topology, around.free.room(), gang, where);
  std::optional<std::vector<NodeTasks>> chosen;
  std::optional<AcceleratorShare> device_left;
  for (const auto& alike : types_by_rate(around.topology, gang)) {
    if (const auto one = one_node_of(around, search, alike, device_left)) {
      chosen = std::vector<NodeTasks>{*one};
      break;
    }
    for (std::size_t i = 0; i < alike.size() && !chosen; ++i) {
      if (choose(search, alike[i])) chosen = in_fabric(search);
    }
    if (chosen) break;
  }
  if (!chosen) return shortage_of(search);
  std::vector<NodeSlice> slices;
  slices.reserve(chosen->size());
  std::uint32_t rank = 0;
  for (const NodeTasks& each : *chosen) {
    const DeviceRoom& devices = around.nodes[each.node.value()].devices;
    slices.push_back({each.node, rank, each.tasks,
                      device_left ? device_with(devices, *device_left, gang.task.accelerators)
                                  : pick_devices(devices, gang.task.accelerators, each.tasks)});
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
  const auto shortage = [&](std::uint64_t most) {
    return known && most < gang.tasks ? gang.tasks - most : 1;
  };
  NoPlace none{shortage(search.bound_max), power};
  if (gang.require == FabricLevel::kFleet) return none;
  for (const std::uint64_t most : search.most_at) none.shortage_at.push_back(shortage(most));
  return none;
}

PendingReason Placer::explain(const Surroundings& around, const GangShape& gang,
                              const Whereabouts& where) {
  // Whether there is a place does not depend on how nodes are ranked.
  auto placed = place({around.topology, around.free, around.nodes}, gang, where);
  if (std::holds_alternative<Placement>(placed)) return NotYetConsidered{};
  Search search = begin(around.topology, around.free.room(), gang, where);
  for (const std::string& type : types_for(around.topology, gang)) search.choose_type(type);
  return why_not(around, gang, where, search);
}

std::optional<std::vector<NodeTasks>> Placer::place_in(const Topology& topology, const Room& room,
                                                       const GangShape& gang,
                                                       const Whereabouts& where, FabricId within) {
  Search search = begin(topology, room, gang, where);
  for (const std::string& type : types_for(topology, gang)) {
    if (!search.choose_type(type)) continue;
    if (const auto one = one_node_in(search, within)) return std::vector<NodeTasks>{*one};
    if (auto chosen = in_fabric(search, within)) return chosen;
  }
  return std::nullopt;
}

std::uint64_t Placer::most_by_power(const Topology& topology, const Room& room,
                                    const GangShape& gang, FabricId vertex) {
  if (!bounds_.follows(room)) return kManyTasks;
  std::uint64_t tasks = 0;
  for (const std::string& type : types_for(topology, gang)) {
    const PowerBounds::Table* table = bounds_.find(topology, gang, type);
    if (table == nullptr) {
      std::vector<bool> shapes;
      for (const NodeShape& shape : topology.shapes()) {
        shapes.push_back(shape.accelerator_type == type);
      }
      table = bounds_.make(topology, gang, type, shapes);
    }
    if (table == nullptr) return kManyTasks;
    bounds_.helped(*table);
    tasks += bounds_.below(topology, *table, vertex);
  }
  return tasks;
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
  if (sum.by_both < search.gang.tasks && sum.by_room >= search.gang.tasks) {
    bounds_.helped(*search.power);
  }
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
  const bool near = vertex.level <= search.gang.require;
  // The whole fleet is no place for a gang that has to be at one site: each of them counts.
  if (vertex.level == FabricLevel::kFleet && !near) {
    for (const FabricId child : vertex.children) candidates_below(search, child);
    return;
  }
  const Bound most = bound(search, id);
  if (most.by_both < search.gang.tasks) {
    search.note_most(id, most.by_both);
    return;
  }
  // In the order of room, which is the same whether or not the power is known.
  if (near) candidates_[index_of(vertex.level)].emplace_back(most.by_room, id);
  if (vertex.level <= search.gang.prefer) return;
  for (const FabricId child : vertex.children) {
    const FabricLevel level = search.topology.fabric(child).level;
    if (level >= search.gang.prefer) candidates_below(search, child);
  }
}

std::optional<std::vector<NodeTasks>> Placer::in_fabric(Search& search, FabricId within) {
  for (auto& level : candidates_) level.clear();
  candidates_below(search, within);
  for (auto& level : candidates_) {
    std::sort(level.begin(), level.end());
    for (const auto& [by_room, vertex] : level) {
      const bool knew_power = search.power != nullptr;
      if (auto chosen = inside(search, vertex)) return chosen;
      search.note_most(vertex, search.counted);
      // Once power is known, most of those that are left need no look.
      if (!knew_power && search.power != nullptr) return in_fabric(search, within);
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
