#include "core/planned_room.h"

#include "base/check.h"
#include "core/gang.h"

namespace mw {
PlannedRoom::PlannedRoom(const State& state, Begin begin, Room memory)
    : state_(&state), begin_(begin), room_(std::move(memory)) {
  room_ = begin == Begin::kEmpty ? state.free.empty_room() : state.free.room();
  if (begin == Begin::kEmpty) return;
  for (const auto& [job, claim] : state.claims) {
    for (const ClaimedNode& each : claim.nodes) {
      const Node& node = state.nodes[each.node.value()];
      if (node.claim.job == JobId()) continue;  // lifted
      if (begin == Begin::kUnclaimed) {
        unclaim(node);
        continue;
      }
      const Position position = state.topology->position(each.node);
      Slot slot = room_.slot(position);
      slot.whole = Slot::kOut;
      room_.set_slot(position, slot);
    }
  }
}

void PlannedRoom::unclaim(const Node& node) {
  const Topology& topology = *state_->topology;
  const Position position = topology.position(node.id);
  const Slot slot = unclaimed_slot(topology, node);
  room_.set_slot(position, slot);
  if (slot.takes_work() && node.devices.has_parts()) room_.parts.emplace(position, node.devices);
  const NodeShape& shape = topology.shape(node.id);
  const AcceleratorShare used = kWholeAccelerator * shape.accelerators - node.accelerators_free;
  add_draw(node.id, counted_draw(shape, used, NodeClaim()) - node.draw);
}

PlannedRoom::Touched& PlannedRoom::touched(NodeId node) {
  if (touched_at_.empty()) touched_at_.resize(state_->nodes.size());
  std::uint32_t& at = touched_at_[node.value()];
  if (at != 0) return touched_[at - 1];
  Touched& found = touched_.emplace_back();
  at = static_cast<std::uint32_t>(touched_.size());
  const Node& now = state_->nodes[node.value()];
  if (begin_ == Begin::kEmpty) {
    found.devices = DeviceRoom(now.devices.size());
    return found;
  }
  const std::uint32_t all = state_->topology->shape(node).accelerators;
  found.devices = now.devices;
  found.used = kWholeAccelerator * all - now.accelerators_free;
  found.slices = now.slices;
  return found;
}

void PlannedRoom::add_draw(NodeId node, Watts draw) {
  const Topology& topology = *state_->topology;
  for (PowerId at = topology.power_of(node); at != kNoId<PowerId>; at = topology.power(at).parent) {
    room_.draw[at.value()] += draw;
  }
}

/// `had_parts`: some of the devices were free in part before they changed.
void PlannedRoom::set_devices(Position position, Slot slot, const DeviceRoom& devices,
                              bool had_parts) {
  slot.whole = static_cast<std::uint16_t>(devices.whole());
  if (had_parts) room_.parts.erase(position);
  if (devices.has_parts()) room_.parts.insert_or_assign(position, devices);
  room_.set_slot(position, slot);
}

void PlannedRoom::release(const Attempt& attempt) { change(attempt, 1); }
void PlannedRoom::retain(const Attempt& attempt) { change(attempt, -1); }

void PlannedRoom::change(const Attempt& attempt, std::int64_t sign) {
  const Topology& topology = *state_->topology;
  const JobSpec& spec = *attempt.spec;
  for (const NodeSlice& slice : attempt.placement) {
    AcceleratorShare share;
    for (const DeviceShare& each : slice.devices) share += each.share;
    const Node& now = state_->nodes[slice.node.value()];
    Touched& touched = this->touched(slice.node);
    change_draw(now, touched, share * -sign);
    // What takes no work, or is claimed or hidden, is not there for it.
    if (!is_open(now)) continue;
    const Position position = topology.position(slice.node);
    Slot slot = room_.slot(position);
    DeviceRoom& devices = touched.devices;
    const bool had_parts = devices.has_parts();
    for (const DeviceShare& each : slice.devices) devices.add(each.device, each.share * sign);
    const GangShape& gang = group_at(spec, slice.first_rank);
    const ResourceAmounts need = need_of(gang, slice.tasks);
    slot.cpus += static_cast<std::int32_t>((need.cpus * sign).count());
    slot.memory += (need.memory * sign).count();
    touched.slices -= static_cast<std::uint32_t>(sign);
    slot.busy = touched.slices > 0 ? 1 : 0;
    set_devices(position, slot, devices, had_parts);
    if (gang.exclusive && sign < 0) {
      slot = room_.slot(position);
      slot.whole = Slot::kOut;
      room_.set_slot(position, slot);
    }
  }
}

void PlannedRoom::change_draw(const Node& node, Touched& touched, AcceleratorShare more) {
  const NodeShape& shape = state_->topology->shape(node.id);
  const Watts before = counted_draw(shape, touched.used, node.claim);
  touched.used += more;
  const Watts change = counted_draw(shape, touched.used, node.claim) - before;
  if (change.count() != 0) add_draw(node.id, change);
}

void PlannedRoom::occupy(NodeId node, const GangShape& gang, std::uint32_t tasks) {
  const Position position = state_->topology->position(node);
  Touched& touched = this->touched(node);
  DeviceRoom& devices = touched.devices;
  const bool had_parts = devices.has_parts();
  const auto picked = pick_devices(devices, gang.task.accelerators, tasks);
  AcceleratorShare share;
  for (const DeviceShare& each : picked) {
    devices.add(each.device, -each.share);
    share += each.share;
  }
  Slot slot = room_.slot(position);
  slot.cpus -= static_cast<std::int32_t>((gang.task.cpus * tasks).count());
  slot.memory -= (gang.task.memory * tasks).count();
  slot.busy = 1;
  ++touched.slices;
  set_devices(position, slot, devices, had_parts);
  if (gang.exclusive) {
    slot = room_.slot(position);
    slot.whole = Slot::kOut;
    room_.set_slot(position, slot);
  }
  if (begin_ == Begin::kEmpty) {
    add_draw(node, draw_of(state_->topology->shape(node), share));
  } else {
    change_draw(state_->nodes[node.value()], touched, share);
  }
}

const DeviceRoom* PlannedRoom::parts(NodeId node) const {
  const auto found = room_.parts.find(state_->topology->position(node));
  return found == room_.parts.end() ? nullptr : &found->second;
}

bool PlannedRoom::has_room(NodeId node, const GangShape& gang, std::uint32_t tasks) const {
  GangShape there = gang;
  there.tasks = tasks;
  there.nodes = 0;
  return tasks_on(slot(node), parts(node), there) >= tasks;
}

StillFits::StillFits(const State& state, const JobSpec& spec, const PlannedGroups& groups)
    : state_(state) {
  const Topology& topology = *state.topology;
  for (const Group& group : placing_order(spec)) {
    const GangShape& gang = *group.shape;
    for (const NodeTasks& each : groups[group.index]) {
      parts_[each.node].push_back({&gang, each.tasks});
      const Watts draw = draw_of(topology.shape(each.node), gang.task.accelerators * each.tasks);
      for (PowerId at = topology.power_of(each.node); at != kNoId<PowerId>;
           at = topology.power(at).parent) {
        draw_[at] += draw;
      }
    }
  }
}

bool StillFits::after(const PlannedRoom& room, const Attempt& retained) const {
  const Topology& topology = *state_.topology;
  for (const NodeSlice& slice : retained.placement) {
    const auto planned = parts_.find(slice.node);
    if (planned != parts_.end()) {
      // Several groups on one node are rare; whoever is in doubt is stopped.
      if (planned->second.size() > 1) return false;
      const Part& part = planned->second.front();
      if (!room.has_room(slice.node, *part.gang, part.tasks)) return false;
    }
    for (PowerId at = topology.power_of(slice.node); at != kNoId<PowerId>;
         at = topology.power(at).parent) {
      const auto draw = draw_.find(at);
      if (draw == draw_.end()) continue;
      if (room.room().draw[at.value()] + draw->second > topology.power(at).limit) return false;
    }
  }
  return true;
}

std::optional<PlannedGroups> PlannedRoom::place(Placer& placer, const JobSpec& spec,
                                                FabricId within) const {
  const GangShape first = least_gang(spec);
  if (spec.groups.empty()) {
    auto chosen = placer.place_in(*state_->topology, room_, first, spec.where, within);
    if (!chosen) return std::nullopt;
    return PlannedGroups{std::move(*chosen)};
  }
  PlannedGroups groups(spec.groups.size() + 1);
  PlannedRoom rest = *this;
  for (const Group& group : placing_order(spec)) {
    auto chosen = placer.place_in(*state_->topology, rest.room_, *group.shape, spec.where, within);
    if (!chosen) return std::nullopt;
    for (const NodeTasks& each : *chosen) rest.occupy(each.node, *group.shape, each.tasks);
    groups[group.index] = std::move(*chosen);
  }
  return groups;
}

std::vector<ClaimedNode> claimed_nodes(PlannedRoom& room, const JobSpec& spec,
                                       const PlannedGroups& groups) {
  std::vector<ClaimedNode> claimed;
  std::map<NodeId, std::size_t> index;
  for (const Group& group : placing_order(spec)) {
    for (const NodeTasks& each : groups[group.index]) {
      room.occupy(each.node, *group.shape, each.tasks);
      const auto [at, added] = index.emplace(each.node, claimed.size());
      if (added) claimed.push_back({each.node, 0, 0, CpuShare(), Bytes()});
      claimed[at->second].tasks += each.tasks;
    }
  }
  for (ClaimedNode& each : claimed) {
    const Slot& slot = room.slot(each.node);
    if (!slot.takes_work()) continue;  // it has the node for itself
    each.whole_left = slot.whole;
    each.cpus_left = CpuShare(slot.cpus);
    each.memory_left = Bytes(slot.memory);
  }
  return claimed;
}

}  // namespace mw
