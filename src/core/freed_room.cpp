#include "core/freed_room.h"

#include <algorithm>

#include "core/fit.h"
#include "core/placement_search.h"
#include "core/power_bounds.h"

namespace mw {
namespace {

bool is_claimed(const State& state, NodeId node) {
  return state.nodes[node.value()].claim.job != JobId();
}

}  // namespace

FreedRoom::FreedRoom(const State& state, const GangShape& gang, const Whereabouts& where)
    : state_(state), gang_(gang), at_once_(tasks_at_once(gang)) {
  // Parts of devices are free in too many ways to be counted.
  if (gang.task.accelerators < kWholeAccelerator) {
    may_hold_ = true;
    return;
  }
  const Topology& topology = *state.topology;
  freed_.assign(topology.size(), 0);
  find_types(where);
  count_power();
  // Before they are counted: a region is noted with all that it has, and never without.
  leave_out_claimed();
  count_regions(Topology::kRoot);
  for (std::uint32_t site = 0; site < topology.sites().size(); ++site) judge(SiteId(site));
}

void FreedRoom::find_types(const Whereabouts& where) {
  const Topology& topology = *state_.topology;
  const std::vector<bool> allowed = allowed_sites(topology, where);
  type_of_.assign(topology.shapes().size(), kNoType);
  for (const std::string& type : types_for(topology, gang_)) {
    const auto index = static_cast<std::uint32_t>(types_.size());
    std::vector<bool> shapes;
    for (std::size_t i = 0; i < type_of_.size(); ++i) {
      shapes.push_back(topology.shapes()[i].accelerator_type == type);
      if (shapes.back()) type_of_[i] = index;
    }
    OfType& made = types_.emplace_back();
    made.draw = least_draw(topology, shapes, gang_.task.accelerators) * at_once_;
    made.power.resize(topology.power().size());
    made.room.assign(topology.fabric().size(), 0);
    made.has_room.assign(topology.sites().size(), false);
    for (std::size_t site = 0; site < allowed.size(); ++site) {
      // Where it would not fit if nothing ran there, nothing need be counted.
      const std::uint64_t most = tasks_if_empty(topology.sites()[site].fabric, index);
      made.at_site.push_back(allowed[site] && most > 0 &&
                             (most >= gang_.tasks || gang_.require == FabricLevel::kFleet));
    }
  }
}

std::uint64_t FreedRoom::tasks_if_empty(FabricId vertex, std::uint32_t type) const {
  const Room& empty = state_.free.empty_room();
  std::uint64_t tasks = 0;
  for (const FabricCell& cell : empty.cells(vertex)) {
    if (type_of_[cell.shape.value()] != type) continue;
    const std::uint32_t whole = cell.width - 1;
    tasks += std::uint64_t{empty.counts(cell)[whole]} * tasks_by_accelerators(whole, gang_);
  }
  return tasks;
}

void FreedRoom::count_power() {
  const Topology& topology = *state_.topology;
  const auto& vertices = topology.power();
  left_.reserve(vertices.size());
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    left_.push_back(vertices[v].limit - state_.free.room().draw[v]);
  }
  for (std::size_t site = 0; site < topology.sites().size(); ++site) {
    const bool counts = std::any_of(types_.begin(), types_.end(),
                                    [&](const OfType& type) { return type.at_site[site]; });
    if (!counts) continue;
    const FabricVertex& all = topology.fabric(topology.sites()[site].fabric);
    for (Position p = all.first; p < all.last; ++p) {
      const Slot& slot = state_.free.room().slot(p);
      const std::uint32_t type = type_of_[slot.shape];
      if (type == kNoType || !slot.takes_work()) continue;
      types_[type].power[topology.power_of(topology.at(p)).value()].room += units_on(slot.whole);
    }
  }
  for (OfType& type : types_) {
    // Parents come before their children.
    for (std::uint32_t v = static_cast<std::uint32_t>(left_.size()); v-- > 0;) {
      type.power[v].most = may_be_drawn(type, PowerId(v));
      const PowerId parent = vertices[v].parent;
      if (parent != kNoId<PowerId>) type.power[parent.value()].room += type.power[v].most;
    }
  }
}

/// The outermost parts of the fabric that are near enough for the gang; nodes that stand above all
/// of those are regions of their own.
void FreedRoom::count_regions(FabricId id) {
  const Topology& topology = *state_.topology;
  const FabricVertex& vertex = topology.fabric(id);
  if (vertex.level > gang_.require) {
    for (Position p = vertex.first; p < vertex.direct_last; ++p) {
      const std::uint32_t type = type_of_[state_.free.room().slot(p).shape];
      if (type == kNoType || !types_[type].at_site[vertex.site.value()]) continue;
      if (is_claimed(state_, topology.at(p))) continue;
      note_room(types_[type], vertex.site, tasks_by_accelerators(whole_at(p, 0), gang_));
    }
    for (const FabricId child : vertex.children) count_regions(child);
    return;
  }
  for (const FabricCell& cell : state_.free.room().cells(id)) {
    const std::uint32_t type = type_of_[cell.shape.value()];
    if (type == kNoType) continue;
    if (vertex.site != kNoId<SiteId> && !types_[type].at_site[vertex.site.value()]) continue;
    const auto counts = state_.free.room().counts(cell);
    std::uint64_t& room = types_[type].room[id.value()];
    for (std::uint32_t whole = 1; whole < cell.width; ++whole) {
      room += std::uint64_t{counts[whole]} * tasks_by_accelerators(whole, gang_);
    }
  }
  for (OfType& type : types_) note_room(type, vertex.site, type.room[id.value()]);
}

/// What is claimed is not there for anybody else.
void FreedRoom::leave_out_claimed() {
  const Topology& topology = *state_.topology;
  for (const auto& [job, claim] : state_.claims) {
    for (const ClaimedNode& each : claim.nodes) {
      const Position position = topology.position(each.node);
      const std::uint32_t type = type_of_[state_.free.room().slot(position).shape];
      if (type == kNoType || !is_claimed(state_, each.node)) continue;
      if (!types_[type].at_site[topology.site_of(each.node).value()]) continue;
      change_room(each.node, types_[type], whole_at(position, 0), 0);
    }
  }
}

void FreedRoom::release(const Attempt& attempt) {
  if (freed_.empty()) return;
  const Topology& topology = *state_.topology;
  for (const NodeSlice& slice : attempt.placement) {
    const SiteId site = topology.site_of(slice.node);
    const auto counts = [&](const OfType& type) { return type.at_site[site.value()]; };
    if (std::none_of(types_.begin(), types_.end(), counts)) continue;
    const AcceleratorShare share = slice.devices.sum();
    const PowerId lowest = topology.power_of(slice.node);
    const Watts drawn = draw_of(topology.shape(slice.node), share);
    for (PowerId at = lowest; at != kNoId<PowerId>; at = topology.power(at).parent) {
      left_[at.value()] += drawn;
    }
    const Node& node = state_.nodes[slice.node.value()];
    const std::uint32_t own = type_of_[topology.shape_of(slice.node).value()];
    const bool there = own != kNoType && counts(types_[own]) && is_open(node);
    if (there) {
      const Position position = topology.position(slice.node);
      std::uint32_t& freed = freed_[position];
      const std::uint32_t before = whole_at(position, freed);
      if (freed == 0) freed = 1;
      freed += static_cast<std::uint32_t>(share.count());
      const Region region = change_room(slice.node, types_[own], before, whole_at(position, freed));
      note_room(types_[own], region.site, region.tasks);
    }
    // What runs on nodes that are of no use draws from the same vertices.
    for (std::uint32_t type = 0; type < types_.size(); ++type) {
      if (there && type == own) continue;
      if (counts(types_[type])) refresh_power(types_[type], lowest, 0, 0);
    }
    judge(site);
  }
}

/// A node that had so many accelerators free has another number of them now.
FreedRoom::Region FreedRoom::change_room(NodeId node, OfType& type, std::uint32_t before,
                                         std::uint32_t now) {
  const Topology& topology = *state_.topology;
  const std::uint32_t tasks = tasks_by_accelerators(now, gang_);
  refresh_power(type, topology.power_of(node), units_on(before), units_on(now));
  const FabricId region = region_of(node);
  if (region == kNoId<FabricId>) return {topology.site_of(node), tasks};
  std::uint64_t& room = type.room[region.value()];
  room += tasks;
  room -= tasks_by_accelerators(before, gang_);
  return {topology.fabric(region).site, room};
}

/// The node's region; none when it stands above all of them.
FabricId FreedRoom::region_of(NodeId node) const {
  const Topology& topology = *state_.topology;
  FabricId region = kNoId<FabricId>;
  for (FabricId at = topology.fabric_of(node);
       at != kNoId<FabricId> && topology.fabric(at).level <= gang_.require;
       at = topology.fabric(at).parent) {
    region = at;
  }
  return region;
}

void FreedRoom::refresh_power(OfType& type, PowerId lowest, std::uint64_t units_before,
                              std::uint64_t units_now) {
  for (PowerId at = lowest; at != kNoId<PowerId>; at = state_.topology->power(at).parent) {
    Power& power = type.power[at.value()];
    power.room += units_now;
    power.room -= units_before;
    units_before = power.most;
    power.most = may_be_drawn(type, at);
    units_now = power.most;
  }
}

std::uint64_t FreedRoom::may_be_drawn(const OfType& type, PowerId vertex) const {
  const std::uint64_t room = type.power[vertex.value()].room;
  const Watts left = left_[vertex.value()];
  // To divide takes longer than all else here, and mostly power is enough for all that fits.
  if (room == 0 || type.draw.count() == 0) return room;
  if (type.draw * static_cast<std::int64_t>(room) <= left) return room;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(left / type.draw, 0));
}

std::uint64_t FreedRoom::units_on(std::uint32_t whole) const {
  return whole / static_cast<std::uint32_t>(gang_.task.accelerators / kWholeAccelerator) / at_once_;
}

/// Accelerators that are entirely free at most.  `freed`: as freed_.
std::uint32_t FreedRoom::whole_at(Position position, std::uint32_t freed) const {
  const Slot& slot = state_.free.room().slot(position);
  if (freed == 0) return slot.takes_work() ? slot.whole : 0;
  const std::uint32_t all = state_.topology->shape(ShapeId(slot.shape)).accelerators;
  // It may be out because somebody had it alone, and parts of devices may make whole ones.
  if (!slot.takes_work() || state_.free.room().parts.contains(position)) return all;
  const auto one = static_cast<std::uint32_t>(kWholeAccelerator.count());
  return std::min(all, slot.whole + (freed - 1 + one - 1) / one);
}

/// A region has room for so many tasks; of no site: the whole fleet.
void FreedRoom::note_room(OfType& type, SiteId site, std::uint64_t tasks) {
  if (tasks < gang_.tasks) return;
  if (site != kNoId<SiteId>) {
    type.has_room[site.value()] = true;
  } else {
    type.fleet_has_room = true;
  }
}

/// What is free at the site, or may be drawn there, has changed.
void FreedRoom::judge(SiteId site) {
  const auto& sites = state_.topology->sites();
  for (std::size_t i = 0; i < types_.size() && !may_hold_; ++i) {
    const OfType& type = types_[i];
    const auto at_site = [&](std::size_t each) {
      return type.at_site[each] ? type.power[sites[each].power.value()].most * at_once_ : 0;
    };
    may_hold_ = type.has_room[site.value()] && at_site(site.value()) >= gang_.tasks;
    if (may_hold_ || !type.fleet_has_room) continue;
    std::uint64_t tasks = 0;
    for (std::size_t each = 0; each < sites.size(); ++each) tasks += at_site(each);
    may_hold_ = tasks >= gang_.tasks;
  }
}

}  // namespace mw
