// Why there is no place, with figures. Only looked for when someone is told: it costs more than
// to find out that there is none.
#include <set>

#include "core/placement_search.h"
#include "core/state.h"

namespace mw {
namespace {

std::uint32_t saturated(std::uint64_t n) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, kManyTasks));
}

/// Tasks over the slots of a vertex by each resource alone, to say which one binds.
struct Alone {
  std::uint64_t accelerators = 0, cpus = 0, memory = 0;

  void add(const Slot& slot, const DeviceRoom* parts, const GangShape& gang) {
    GangShape only = gang;
    only.task.cpus = CpuShare();
    only.task.memory = Bytes();
    accelerators += tasks_on(slot, parts, only);
    only = gang;
    only.task.accelerators = AcceleratorShare();
    only.task.memory = Bytes();
    cpus += tasks_on(slot, parts, only);
    only.task.cpus = CpuShare();
    only.task.memory = gang.task.memory;
    memory += tasks_on(slot, parts, only);
  }
  [[nodiscard]] Resource binding(std::uint32_t needed) const {
    const std::uint64_t least = std::min({accelerators, cpus, memory});
    if (least >= needed) return Resource::kNodes;
    if (least == accelerators) return Resource::kAccelerators;
    return least == cpus ? Resource::kCpus : Resource::kMemory;
  }
};

}  // namespace

PendingReason Placer::why_not(const Surroundings& around, const GangShape& gang,
                              const Whereabouts& where, const Search& search) {
  const Topology& topology = around.topology;
  if (!search.any_shape) {
    std::set<std::string> types;
    for (const NodeShape& shape : topology.shapes()) types.insert(shape.accelerator_type);
    std::string wanted = gang.task.accelerator_type;
    for (const TypeChoice& each : gang.types) wanted += (wanted.empty() ? "" : ", ") + each.type;
    if (!wanted.empty()) return NoSuchAccelerator{wanted, {types.begin(), types.end()}};
  }
  if (!topology.sites().empty() &&
      std::find(search.sites.begin(), search.sites.end(), true) == search.sites.end()) {
    NoSuchSite reason;
    for (const auto* list : {&where.sites, &where.jurisdictions}) {
      reason.wanted.insert(reason.wanted.end(), list->begin(), list->end());
    }
    for (const Site& site : topology.sites()) {
      reason.present.push_back(site.name + (site.jurisdiction.empty() ? "" : " in ") +
                               site.jurisdiction);
    }
    return reason;
  }
  const Room& empty = around.free.empty_room();
  if (!place_in(topology, empty, gang, where)) {
    const Search full = most_that_fit(topology, empty, gang, where);
    const std::uint64_t possible = full.limiting ? full.fitting : full.fitting_without_power;
    const bool power = full.limiting && full.fitting_without_power >= gang.tasks;
    return FleetTooSmall{power ? Resource::kPower : binding(full, gang), gang.tasks,
                         saturated(possible)};
  }
  const Search now = most_that_fit(topology, search.room, gang, where);
  if (now.limiting && now.fitting_without_power >= gang.tasks) {
    const PowerVertex& vertex = topology.power(*now.limiting);
    return PowerShort{vertex.name,  vertex.level,
                      vertex.limit, search.room.draw[now.limiting->value()],
                      gang.tasks,   saturated(now.fitting)};
  }
  NoRoomNow reason;
  reason.resource = binding(now, gang);
  reason.tasks_needed = gang.tasks;
  reason.tasks_fitting = saturated(now.fitting_without_power);
  reason.nodes_considered = now.nodes;
  reason.level = gang.require;
  if (now.best) reason.place = topology.fabric(*now.best).name;
  return reason;
}

/// The most tasks that fit inside one vertex of the level that is required, over all of them.
Placer::Search Placer::most_that_fit(const Topology& topology, const Room& room,
                                     const GangShape& gang, const Whereabouts& where) {
  Search most = begin(topology, room, gang, where);
  for (const std::string& type : types_for(topology, gang)) {
    if (!most.choose_type(type)) continue;
    if (may_be_one_node(gang) && gang.require == FabricLevel::kNode) best_node(most);
    for (std::size_t level = static_cast<std::size_t>(gang.require);; --level) {
      const auto& vertices = topology.at_level(static_cast<FabricLevel>(level));
      for (const FabricId vertex : vertices) {
        if (most.allows(vertex)) inside(most, vertex);
      }
      // Lower ones are inside these, but where a branch has no vertex of this level.
      if (!vertices.empty() || level == 0) break;
    }
    // Also where none would hold any: they are ready, and full.
    const FabricVertex& vertex = topology.fabric(most.best.value_or(Topology::kRoot));
    std::uint32_t nodes = 0;
    for (Position p = vertex.first; p < vertex.last; ++p) {
      const Slot& slot = room.slot(p);
      nodes += slot.takes_work() && most.shapes[slot.shape] ? 1 : 0;
    }
    most.nodes = std::max(most.nodes, nodes);
  }
  return most;
}

/// The most that one node holds, when all has to be on one.
void Placer::best_node(Search& search) {
  for (Position p = 0; p < search.room.size(); ++p) {
    const Slot& slot = search.room.slot(p);
    if (!slot.takes_work() || !search.shapes[slot.shape]) continue;
    const auto parts = search.room.parts.find(p);
    const DeviceRoom* devices = parts == search.room.parts.end() ? nullptr : &parts->second;
    const std::uint64_t tasks = tasks_on(slot, devices, search.gang);
    ++search.nodes;
    search.fitting_without_power = std::max(search.fitting_without_power, tasks);
  }
}

Resource Placer::binding(const Search& search, const GangShape& gang) {
  Alone alone;
  const FabricVertex& vertex = search.topology.fabric(search.best.value_or(Topology::kRoot));
  for (Position p = vertex.first; p < vertex.last; ++p) {
    const Slot& slot = search.room.slot(p);
    const NodeShape& shape = search.topology.shape(ShapeId(slot.shape));
    const bool suits = type_suits(shape, gang);
    if (!suits) continue;
    const auto parts = search.room.parts.find(p);
    const DeviceRoom* devices = parts == search.room.parts.end() ? nullptr : &parts->second;
    alone.add(slot, devices, gang);
  }
  return alone.binding(gang.tasks);
}

}  // namespace mw
