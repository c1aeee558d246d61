#include "core/allocation.h"

#include "base/check.h"

namespace mw {
namespace {

/// Adds `sign` x the slice to what the node has free.
void change_free(Node& node, const NodeSlice& slice, const TaskShape& task, std::int64_t sign) {
  for (const DeviceShare& device : slice.devices) {
    AcceleratorShare& free = node.device_free.at(device.device);
    free += device.share * sign;
    MW_CHECK(free.count() >= 0 && free <= kWholeAccelerator);
    node.accelerators_free += device.share * sign;
  }
  node.cpus_free += task.cpus * (slice.tasks * sign);
  node.memory_free += task.memory * (slice.tasks * sign);
  MW_CHECK(node.cpus_free.count() >= 0 && node.cpus_free <= node.spec.cpus);
  MW_CHECK(node.memory_free.count() >= 0 && node.memory_free <= node.spec.memory);
}

AcceleratorShare accelerators_of(const NodeSlice& slice) {
  AcceleratorShare sum;
  for (const DeviceShare& device : slice.devices) sum += device.share;
  return sum;
}

}  // namespace

LedgerCategory free_category(const State& state, const Node& node) {
  if (node.lost) return LedgerCategory::kLostContact;
  if (node.phase == NodePhase::kDraining) return LedgerCategory::kDraining;
  return state.idle_cause;
}

void take_capacity(State& state, const Placement& placement, const TaskShape& task,
                   LedgerCategory category) {
  occupy(state, placement, task);
  for (const NodeSlice& slice : placement) {
    const Node& node = state.nodes.at(slice.node.value());
    state.ledger.shift(free_category(state, node), category, accelerators_of(slice));
  }
}

void give_capacity(State& state, const Placement& placement, const TaskShape& task,
                   LedgerCategory category) {
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    change_free(node, slice, task, 1);
    --node.slices;
    state.ledger.shift(category, free_category(state, node), accelerators_of(slice));
  }
}

void occupy(State& state, const Placement& placement, const TaskShape& task) {
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    change_free(node, slice, task, -1);
    ++node.slices;
  }
}

void reset_capacity(Node& node) {
  node.device_free.assign(node.spec.accelerators, kWholeAccelerator);
  node.accelerators_free = kWholeAccelerator * node.spec.accelerators;
  node.cpus_free = node.spec.cpus;
  node.memory_free = node.spec.memory;
  node.slices = 0;
}

AcceleratorShare accelerators_of(const Placement& placement) {
  AcceleratorShare sum;
  for (const NodeSlice& slice : placement) sum += accelerators_of(slice);
  return sum;
}

}  // namespace mw
