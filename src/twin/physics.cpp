#include "twin/physics.h"

#include <algorithm>

#include "core/gang.h"

namespace mw {

FabricLevel span_of(const Topology& topology, const Placement& placement) {
  if (placement.size() == 1) return FabricLevel::kNode;
  Position first = topology.position(placement.front().node);
  Position last = first;
  for (const NodeSlice& slice : placement) {
    const Position here = topology.position(slice.node);
    first = std::min(first, here);
    last = std::max(last, here);
  }
  if (first == last) return FabricLevel::kNode;
  FabricId vertex = topology.fabric_of(topology.at(first));
  while (vertex != Topology::kRoot && topology.fabric(vertex).last <= last) {
    vertex = topology.fabric(vertex).parent;
  }
  return topology.fabric(vertex).level;
}

std::int64_t accelerator_factor(const Topology& topology, const GangShape& gang,
                                const Placement& placement) {
  const NodeShape& shape = topology.shape(placement.front().node);
  for (const TypeChoice& choice : gang.types) {
    if (choice.type == shape.accelerator_type) return choice.rate;
  }
  return 1000;
}

std::int64_t topology_factor(const Physics& physics, const Topology& topology,
                             const Placement& placement) {
  return physics.topology_milli[static_cast<std::size_t>(span_of(topology, placement))];
}

std::int64_t size_factor(const GangShape& gang, const Placement& placement) {
  if (gang.tasks_min == 0) return 1000;
  return std::int64_t{tasks_of(placement)} * 1000 / gang.tasks;
}

std::int64_t speed_of(const Physics& physics, const Topology& topology, const JobSpec& spec,
                      const Placement& placement) {
  std::int64_t speed = kFullSpeed;
  speed = speed * accelerator_factor(topology, spec.gang, placement) / 1000;
  speed = speed * topology_factor(physics, topology, placement) / 1000;
  speed = speed * size_factor(spec.gang, placement) / 1000;
  return std::max(speed, kSlowest);
}

Duration time_for(std::int64_t work, std::int64_t speed) {
  return Duration(static_cast<std::int64_t>((Int128{work} * kFullSpeed + speed - 1) / speed));
}

Watts draw_at_load(const Physics& physics, const NodeShape& shape, AcceleratorShare share) {
  const Int128 full = Int128{shape.accelerator.count()} * share.count() / kWholeAccelerator.count();
  return Watts(static_cast<std::int64_t>(full * physics.load_milli / 1000));
}

Watts slice_draw(const Physics& physics, const Topology& topology, const NodeSlice& slice) {
  return draw_at_load(physics, topology.shape(slice.node), slice.devices.sum());
}

}  // namespace mw
