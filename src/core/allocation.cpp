#include "core/allocation.h"

#include "base/check.h"
#include "core/fit.h"

namespace mw {
namespace {

/// Adds `sign` x the slice to what the node has free.
void change_free(Node& node, const NodeShape& shape, const NodeSlice& slice, const GangShape& gang,
                 std::int64_t sign) {
  for (const DeviceShare& device : slice.devices) {
    node.devices.add(device.device, device.share * sign);
    node.accelerators_free += device.share * sign;
  }
  node.cpus_free += gang.task.cpus * (slice.tasks * sign);
  node.memory_free += gang.task.memory * (slice.tasks * sign);
  node.slices -= static_cast<std::uint32_t>(sign);
  if (gang.exclusive) node.exclusive = sign < 0;
  MW_CHECK(node.cpus_free.count() >= 0 && node.cpus_free <= shape.cpus);
  MW_CHECK(node.memory_free.count() >= 0 && node.memory_free <= shape.memory);
}

AcceleratorShare accelerators_of(const NodeSlice& slice) { return slice.devices.sum(); }

/// As change_free() for all of a placement, with the index of what is free.
void change_capacity(State& state, const Placement& placement, const GangShape& gang,
                     std::int64_t sign) {
  const Topology& topology = *state.topology;
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    const NodeShape& shape = topology.shape(node.id);
    change_free(node, shape, slice, gang, sign);
    state.free.update(topology, node);
    const Watts draw = draw_of(shape, accelerators_of(slice));
    if (draw.count() > 0) state.free.add_draw(topology, node.id, draw * -sign);
  }
}

}  // namespace

LedgerCategory free_category(const State& state, const Node& node) {
  if (node.lost) return LedgerCategory::kLostContact;
  if (node.phase == NodePhase::kDraining) return LedgerCategory::kDraining;
  return state.idle_cause;
}

void take_capacity(State& state, const Placement& placement, const GangShape& gang,
                   LedgerCategory category) {
  change_capacity(state, placement, gang, -1);
  for (const NodeSlice& slice : placement) {
    const Node& node = state.nodes.at(slice.node.value());
    state.ledger.shift(free_category(state, node), category, accelerators_of(slice));
  }
}

void give_capacity(State& state, const Placement& placement, const GangShape& gang,
                   LedgerCategory category) {
  change_capacity(state, placement, gang, 1);
  for (const NodeSlice& slice : placement) {
    const Node& node = state.nodes.at(slice.node.value());
    state.ledger.shift(category, free_category(state, node), accelerators_of(slice));
  }
}

void occupy(State& state, const Placement& placement, const GangShape& gang) {
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    change_free(node, state.topology->shape(node.id), slice, gang, -1);
  }
}

void reset_capacity(Node& node, const NodeShape& shape) {
  node.devices = DeviceRoom(shape.accelerators);
  node.accelerators_free = kWholeAccelerator * shape.accelerators;
  node.cpus_free = shape.cpus;
  node.memory_free = shape.memory;
  node.slices = 0;
  node.exclusive = false;
}

AcceleratorShare accelerators_of(const Placement& placement) {
  AcceleratorShare sum;
  for (const NodeSlice& slice : placement) sum += accelerators_of(slice);
  return sum;
}

}  // namespace mw
