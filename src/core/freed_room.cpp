#include "core/freed_room.h"

#include <algorithm>

#include "core/fit.h"
#include "core/placement_search.h"

namespace mw {

void FreedRoom::release(const Attempt& attempt) {
  const Topology& topology = *state_.topology;
  for (const NodeSlice& slice : attempt.placement) {
    std::uint32_t& freed = freed_[topology.position(slice.node)];
    if (freed == kUntouched) freed = 1;
    freed += static_cast<std::uint32_t>(slice.devices.sum().count());
  }
}

std::uint32_t FreedRoom::tasks_at(Position position, const GangShape& gang) const {
  const Slot& slot = state_.free.room().slot(position);
  const std::uint32_t freed = freed_[position];
  if (freed == kUntouched) return slot.takes_work() ? tasks_by_accelerators(slot.whole, gang) : 0;
  const std::uint32_t all = state_.topology->shape(ShapeId(slot.shape)).accelerators;
  // It may be out because somebody had it alone, and parts of devices may make whole ones.
  const bool known = slot.takes_work() && !state_.free.room().parts.contains(position);
  const auto one = static_cast<std::uint32_t>(kWholeAccelerator.count());
  const std::uint32_t whole = known ? std::min(all, slot.whole + (freed - 1 + one - 1) / one) : all;
  return tasks_by_accelerators(whole, gang);
}

bool FreedRoom::may_hold(const GangShape& gang, const Whereabouts& where) const {
  if (gang.task.accelerators < kWholeAccelerator) return true;
  const Topology& topology = *state_.topology;
  const Room& room = state_.free.room();
  const std::vector<bool> sites = allowed_sites(topology, where);
  std::vector<bool> shapes;
  for (const NodeShape& shape : topology.shapes()) shapes.push_back(type_suits(shape, gang));
  const bool one_node = may_be_one_node(gang);
  // The sum over the outermost vertices that are near enough; nodes above them are by themselves.
  FabricId region = kNoId<FabricId>;
  Position region_ends = 0;
  std::uint64_t sum = 0;
  for (Position p = 0; p < topology.size(); ++p) {
    const FabricId stands_at = topology.fabric_of(topology.at(p));
    if (p >= region_ends) {
      region = kNoId<FabricId>;
      region_ends = topology.fabric(stands_at).direct_last;
      for (FabricId at = stands_at;
           at != kNoId<FabricId> && topology.fabric(at).level <= gang.require;
           at = topology.fabric(at).parent) {
        region = at;
        region_ends = topology.fabric(at).last;
      }
      sum = 0;
    }
    const SiteId site = topology.fabric(stands_at).site;
    if (!shapes[room.slot(p).shape] || !sites[site.value()]) continue;
    const std::uint32_t tasks = tasks_at(p, gang);
    if (one_node && tasks >= gang.tasks) return true;
    sum += tasks;
    if (region != kNoId<FabricId> && sum >= gang.tasks) return true;
  }
  return false;
}

}  // namespace mw
