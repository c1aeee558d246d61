#include "core/demand.h"

#include <algorithm>

#include "core/gang.h"
#include "core/placement_search.h"

namespace mw {
namespace {

/// For a need of types that no node has.
constexpr std::uint32_t kNoType = kDemandTypesMax;

/// Prices are looked at again after so many jobs, and one more for so many steps of the work that
/// it is: with 1 to 2 ns a step that is below half a microsecond a job.
constexpr std::uint64_t kRepriceAfter = 16;
constexpr std::uint64_t kStepsPerJob = 256;

bool exists(const Topology& topology, const std::string& type) {
  return std::any_of(topology.shapes().begin(), topology.shapes().end(),
                     [&](const NodeShape& shape) { return shape.accelerator_type == type; });
}

/// The set of types that the gang insists on; new ones are given an index.
/// Result: 0 when it takes any, or when there is no index left.
TypeSet type_set(Demand& demand, const Topology& topology, const GangShape& gang) {
  std::vector<std::string> wanted;
  for (const TypeChoice& choice : gang.types) wanted.push_back(choice.type);
  if (wanted.empty() && !gang.task.accelerator_type.empty()) {
    wanted.push_back(gang.task.accelerator_type);
  }
  TypeSet set = 0;
  for (const std::string& type : wanted) {
    std::uint32_t index = type_index(demand, type);
    if (index == kOtherType) {
      if (!exists(topology, type)) {
        set |= TypeSet{1} << kNoType;
        continue;
      }
      if (demand.types.size() == kDemandTypesMax) return 0;
      index = static_cast<std::uint32_t>(demand.types.size());
      demand.types.push_back(type);
      reconsider(demand);
    }
    set |= TypeSet{1} << index;
  }
  return set;
}

/// How many of the gang's tasks one node takes at most.
std::uint32_t tasks_per_node(const Topology& topology, const GangShape& gang) {
  if (gang.nodes > 0) return gang.tasks / gang.nodes;
  const std::int64_t each = gang.task.accelerators / kWholeAccelerator;
  if (each == 0) return 1;
  std::int64_t most = 1;
  for (const NodeShape& shape : topology.shapes()) {
    if (type_suits(shape, gang)) most = std::max<std::int64_t>(most, shape.accelerators / each);
  }
  return static_cast<std::uint32_t>(std::min<std::int64_t>(most, gang.tasks));
}

/// Makes prices follow the supply, and says when to do it again.
void reprice(Demand& demand, const Topology& topology, const NodeGroups& groups,
             const RankingRules& rules) {
  Supply supply;
  supply.idle_by_type.assign(kTypesMax, AcceleratorShare(0));
  for (const NodeShape& shape : topology.shapes()) {
    supply.kinds.push_back(
        {type_index(demand, shape.accelerator_type), shape.accelerators, shape.cpus, shape.memory});
  }
  supply.empty_by_kind.assign(supply.kinds.size(), 0);
  for (const NeedCount& entry : demand.outlook.needs) {
    if (is_wide(entry.need)) supply.room_for_wide[entry.need] = 0;
  }
  for (const auto& [key, group] : groups.groups()) {
    const NodeRoom room = room_of(demand, topology, key);
    if (room.empty) supply.empty_by_kind[room.kind] += group.nodes;
    supply.idle_by_type[room.type] += idle(room) * std::int64_t{group.nodes};
    for (auto& [need, tasks] : supply.room_for_wide) {
      tasks += fitting(room, need) * std::int64_t{group.nodes};
    }
  }
  mw::reprice(demand.outlook, supply, rules);
  // The prices of types compare each set of types that is insisted on with each other one.
  std::uint64_t sets = 0;
  for (const NeedCount& entry : demand.outlook.needs) sets += entry.need.types != 0 ? 1 : 0;
  const std::uint64_t steps = groups.groups().size() * (4 + supply.room_for_wide.size()) +
                              demand.outlook.needs.size() + sets * sets;
  demand.reprice_in = kRepriceAfter + steps / kStepsPerJob;
}

}  // namespace

std::uint32_t type_index(const Demand& demand, std::string_view type) {
  const auto found = std::find(demand.types.begin(), demand.types.end(), type);
  if (found == demand.types.end()) return kOtherType;
  return static_cast<std::uint32_t>(found - demand.types.begin());
}

NodeRoom room_of(const Demand& demand, const Topology& topology, const GroupKey& key) {
  const NodeShape& shape = topology.shape(ShapeId(key.shape));
  NodeRoom room{.kind = key.shape,
                .type = type_index(demand, shape.accelerator_type),
                .empty = !key.busy,
                .cpus = CpuShare(key.cpus),
                .memory = Bytes(key.memory),
                .devices = std::vector<AcceleratorShare>(shape.accelerators)};
  for (std::uint32_t i = 0; i < key.parts.size(); ++i) room.devices[i] = key.parts[i];
  if (key.parts.size() == 0) std::fill_n(room.devices.begin(), key.whole, kWholeAccelerator);
  return room;
}

void note_demand(Demand& demand, const JobSpec& spec, const Topology& topology,
                 const NodeGroups& groups, const RankingRules& rules) {
  for_each_group(spec, [&](const GangShape& gang, std::uint32_t) {
    const std::uint32_t there = tasks_per_node(topology, gang);
    const TaskNeed need{gang.task.accelerators * there, gang.task.cpus * there,
                        gang.task.memory * there, type_set(demand, topology, gang)};
    // A new sample makes the prices stale as well.
    const std::uint64_t nodes = (gang.tasks + there - 1) / there;
    if (observe(demand.outlook, need, nodes * spec.array)) demand.reprice_in = 0;
  });
  if (demand.reprice_in > 0) {
    --demand.reprice_in;
  } else {
    reprice(demand, topology, groups, rules);
  }
}

void reconsider(Demand& demand) {
  set_mark(demand.outlook);
  demand.reprice_in = 0;
}

}  // namespace mw
