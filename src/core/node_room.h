// What ranking sees of a node, and what a task takes of it. A small plain view rather than the
// whole Node, so that the same code ranks live nodes, nodes of an experiment, and nodes that are
// only imagined: a node after a placement, after the next twenty.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"

namespace mw {

/// A set of accelerator types by their index; 0 stands for any type.
using TypeSet = std::uint64_t;
inline constexpr std::uint32_t kTypesMax = 64;

/// What one task needs of one node.
struct TaskNeed {
  AcceleratorShare accelerators;  ///< whole devices, or less than one
  CpuShare cpus;
  Bytes memory;
  TypeSet types = 0;
  auto operator<=>(const TaskNeed&) const = default;
  /// The devices that it holds alone; 0 for a share of one, and for none at all.
  [[nodiscard]] std::int64_t whole_devices() const { return accelerators / kWholeAccelerator; }
  [[nodiscard]] bool shares_device() const {
    return accelerators.count() > 0 && accelerators < kWholeAccelerator;
  }
  MW_FIELDS(accelerators, cpus, memory, types)
};

/// Nodes that are alike when they are empty.
struct NodeKind {
  std::uint32_t type = 0;  ///< below kTypesMax
  std::uint32_t devices = 0;
  CpuShare cpus;
  Bytes memory;
  auto operator<=>(const NodeKind&) const = default;
  MW_FIELDS(type, devices, cpus, memory)
};

/// The room that is left on one node.
struct NodeRoom {
  std::uint32_t kind = 0;  ///< index into the list of kinds
  std::uint32_t type = 0;  ///< the kind's, at hand
  bool empty = true;       ///< nothing is placed there
  CpuShare cpus;
  Bytes memory;
  std::vector<AcceleratorShare> devices;
  bool operator==(const NodeRoom&) const = default;
};

/// An empty node of that kind.
NodeRoom empty_room(const NodeKind& kind, std::uint32_t index);

/// What is left on all its devices together.
AcceleratorShare idle(const NodeRoom& room);

bool allows(const TaskNeed& need, std::uint32_t type);
/// Types, CPUs, memory and devices suffice.
bool fits(const NodeRoom& room, const TaskNeed& need);
/// How many tasks with this need of whole devices fit at once.  REQUIRES: whole_devices() > 0.
std::int64_t fitting(const NodeRoom& room, const TaskNeed& need);

/// The device with the least left that is enough; the first among equals.
std::optional<std::size_t> fullest_device(const NodeRoom& room, AcceleratorShare share);

/// Takes the need: a share from `device`, whole devices lowest number first.
/// Returns the devices taken.  REQUIRES: fits(room, need), and on `device` when it shares one.
std::vector<std::uint16_t> take(NodeRoom& room, const TaskNeed& need, std::size_t device);

}  // namespace mw
