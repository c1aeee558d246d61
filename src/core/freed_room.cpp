#include "core/freed_room.h"

#include <algorithm>

#include "core/fit.h"
#include "core/placement_search.h"

namespace mw {

FreedRoom::FreedRoom(const State& state, const GangShape& gang, const Whereabouts& where)
    : state_(state), gang_(gang), one_node_(may_be_one_node(gang)) {
  // Parts of devices are free in too many ways to be counted.
  if (gang.task.accelerators < kWholeAccelerator) {
    may_hold_ = true;
    return;
  }
  const Topology& topology = *state.topology;
  const std::vector<bool> sites = allowed_sites(topology, where);
  std::vector<bool> shapes;
  for (const NodeShape& shape : topology.shapes()) shapes.push_back(type_suits(shape, gang));
  power_needed_ = least_draw(topology, shapes, gang.task.accelerators) * gang.tasks;
  for (const Site& site : topology.sites()) {
    sites_.push_back(
        {false, topology.power(site.power).limit - state.free.room().draw[site.power.value()]});
  }
  seats_.assign(topology.size(), Seat{kNoRegion});
  Position region_ends = 0;
  for (Position p = 0; p < topology.size(); ++p) {
    if (p >= region_ends) {
      region_ends = p + 1;
      bool of_fleet = false;
      for (FabricId at = topology.fabric_of(topology.at(p));
           at != kNoId<FabricId> && topology.fabric(at).level <= gang.require;
           at = topology.fabric(at).parent) {
        region_ends = topology.fabric(at).last;
        of_fleet = topology.fabric(at).level == FabricLevel::kFleet;
      }
      regions_.push_back({0, of_fleet ? kNoId<SiteId> : topology.site_of(topology.at(p))});
    }
    const SiteId site = topology.site_of(topology.at(p));
    if (!shapes[state.free.room().slot(p).shape] || !sites[site.value()]) continue;
    seats_[p].region = static_cast<std::uint32_t>(regions_.size() - 1);
    count(p);
  }
}

void FreedRoom::release(const Attempt& attempt) {
  if (seats_.empty()) return;
  const Topology& topology = *state_.topology;
  for (const NodeSlice& slice : attempt.placement) {
    const Position position = topology.position(slice.node);
    const AcceleratorShare share = slice.devices.sum();
    // What runs on nodes that are of no use draws from the same site.
    const SiteId site = topology.site_of(slice.node);
    sites_[site.value()].power_left += draw_of(topology.shape(slice.node), share);
    judge(site);
    Seat& seat = seats_[position];
    if (seat.region == kNoRegion) continue;
    if (seat.freed == 0) seat.freed = 1;
    seat.freed += static_cast<std::uint32_t>(share.count());
    count(position);
  }
}

std::uint32_t FreedRoom::tasks_at(Position position) const {
  const Slot& slot = state_.free.room().slot(position);
  const std::uint32_t freed = seats_[position].freed;
  if (freed == 0) return slot.takes_work() ? tasks_by_accelerators(slot.whole, gang_) : 0;
  const std::uint32_t all = state_.topology->shape(ShapeId(slot.shape)).accelerators;
  // It may be out because somebody had it alone, and parts of devices may make whole ones.
  const bool known = slot.takes_work() && !state_.free.room().parts.contains(position);
  const auto one = static_cast<std::uint32_t>(kWholeAccelerator.count());
  const std::uint32_t whole = known ? std::min(all, slot.whole + (freed - 1 + one - 1) / one) : all;
  return tasks_by_accelerators(whole, gang_);
}

void FreedRoom::count(Position position) {
  Seat& seat = seats_[position];
  const std::uint32_t tasks = tasks_at(position);
  Region& region = regions_[seat.region];
  region.tasks += tasks;
  region.tasks -= seat.tasks;
  seat.tasks = tasks;
  if (region.tasks < gang_.tasks && !(one_node_ && tasks >= gang_.tasks)) return;
  if (region.site == kNoId<SiteId>) {
    may_hold_ = true;
    return;
  }
  sites_[region.site.value()].has_room = true;
  judge(region.site);
}

}  // namespace mw
