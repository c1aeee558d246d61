#include "core/node_room.h"

#include <algorithm>

#include "base/check.h"

namespace mw {
namespace {

std::int64_t idle_devices(const NodeRoom& room) {
  return std::count(room.devices.begin(), room.devices.end(), kWholeAccelerator);
}

}  // namespace

NodeRoom empty_room(const NodeKind& kind, std::uint32_t index) {
  MW_CHECK(kind.type < kTypesMax);
  return {.kind = index,
          .type = kind.type,
          .empty = true,
          .cpus = kind.cpus,
          .memory = kind.memory,
          .devices = std::vector<AcceleratorShare>(kind.devices, kWholeAccelerator)};
}

AcceleratorShare idle(const NodeRoom& room) {
  AcceleratorShare sum;
  for (const AcceleratorShare left : room.devices) sum += left;
  return sum;
}

bool allows(const TaskNeed& need, std::uint32_t type) {
  return need.types == 0 || ((need.types >> type) & 1U) != 0;
}

bool fits(const NodeRoom& room, const TaskNeed& need) {
  if (need.cpus > room.cpus || need.memory > room.memory || !allows(need, room.type)) return false;
  if (need.accelerators.count() == 0) return true;
  if (need.shares_device()) {
    return std::any_of(room.devices.begin(), room.devices.end(),
                       [&](AcceleratorShare left) { return left >= need.accelerators; });
  }
  return idle_devices(room) >= need.whole_devices();
}

std::int64_t fitting(const NodeRoom& room, const TaskNeed& need) {
  MW_CHECK(need.whole_devices() > 0);
  if (!allows(need, room.type)) return 0;
  std::int64_t tasks = idle_devices(room) / need.whole_devices();
  if (tasks > 0 && need.cpus.count() > 0) tasks = std::min(tasks, room.cpus / need.cpus);
  if (tasks > 0 && need.memory.count() > 0) tasks = std::min(tasks, room.memory / need.memory);
  return tasks;
}

std::optional<std::size_t> fullest_device(const NodeRoom& room, AcceleratorShare share) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < room.devices.size(); ++i) {
    if (room.devices[i] >= share && (!best || room.devices[i] < room.devices[*best])) best = i;
  }
  return best;
}

std::vector<std::uint16_t> take(NodeRoom& room, const TaskNeed& need, std::size_t device) {
  MW_CHECK(need.cpus <= room.cpus && need.memory <= room.memory);
  room.cpus -= need.cpus;
  room.memory -= need.memory;
  room.empty = false;
  std::vector<std::uint16_t> taken;
  if (need.shares_device()) {
    MW_CHECK(device < room.devices.size() && room.devices[device] >= need.accelerators);
    room.devices[device] -= need.accelerators;
    taken.push_back(static_cast<std::uint16_t>(device));
    return taken;
  }
  const auto wanted = static_cast<std::size_t>(need.whole_devices());
  for (std::size_t i = 0; i < room.devices.size() && taken.size() < wanted; ++i) {
    if (room.devices[i] != kWholeAccelerator) continue;
    room.devices[i] = AcceleratorShare(0);
    taken.push_back(static_cast<std::uint16_t>(i));
  }
  MW_CHECK(taken.size() == wanted);
  return taken;
}

}  // namespace mw
