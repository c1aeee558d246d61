#include "core/job_placer.h"

#include <algorithm>
#include <limits>
#include <map>

#include "core/allocation.h"
#include "core/gang.h"
#include "core/planned_room.h"

namespace mw {

std::variant<Placement, NoPlace> JobPlacer::place(State& state, JobId job,
                                                  const ResourceAmounts& in_use) {
  const JobSpec& spec = spec_of(state, job);
  if (spec.gang.tasks_min > 0) return place_elastic(state, job, in_use.accelerators);
  if (spec.groups.empty()) return placer_.place(surroundings(state), spec.gang, spec.where);
  // What is missing of one group says little about when all of them fit.
  const PlannedRoom room(state);
  const auto groups = room.place(placer_, spec);
  if (!groups) return NoPlace{1, true};
  Tentative beside(state, spec);
  std::vector<std::vector<NodeSlice>> placed(groups->size());
  for (const Group& group : placing_order(spec)) {
    std::uint32_t rank = group.first_rank;
    for (const NodeTasks& each : (*groups)[group.index]) {
      const DeviceRoom& devices = state.nodes[each.node.value()].devices;
      placed[group.index].push_back(
          {each.node, rank, each.tasks,
           pick_devices(devices, group.shape->task.accelerators, each.tasks)});
      rank += each.tasks;
    }
    beside.take(Placement(placed[group.index]));
  }
  std::vector<NodeSlice> all;
  for (const auto& each : placed) all.insert(all.end(), each.begin(), each.end());
  return Placement(std::move(all));
}

/// The more the better: what fits with n tasks fits with fewer.
std::variant<Placement, NoPlace> JobPlacer::place_elastic(const State& state, JobId job,
                                                          AcceleratorShare in_use) {
  const JobSpec& spec = spec_of(state, job);
  const std::uint32_t unit = elastic_unit(spec.gang);
  const auto with = [&](std::uint32_t units) {
    return placer_.place(surroundings(state), resized(spec.gang, units * unit), spec.where);
  };
  std::uint32_t least = (spec.gang.tasks_min + unit - 1) / unit;
  std::uint32_t most = spec.gang.tasks / unit;
  const AcceleratorShare each = spec.gang.task.accelerators * unit;
  if (each.count() > 0) {
    const AcceleratorShare room = state.tenants.room_below_limit(record_of(state, job).tenant);
    const bool limited = room < AcceleratorShare(std::numeric_limits<std::int64_t>::max() / 2);
    const AcceleratorShare left = limited ? room + in_use : room;
    most = static_cast<std::uint32_t>(std::clamp<std::int64_t>(left / each, least, most));
  }
  auto placed = with(most);
  if (std::holds_alternative<Placement>(placed)) return placed;
  placed = with(least);
  if (std::holds_alternative<NoPlace>(placed)) return placed;
  while (most - least > 1) {
    const std::uint32_t middle = least + (most - least) / 2;
    auto larger = with(middle);
    if (std::holds_alternative<Placement>(larger)) {
      placed = std::move(larger);
      least = middle;
    } else {
      most = middle;
    }
  }
  return placed;
}

bool JobPlacer::may_place_as_claimed(const State& state, const Claim& claim) {
  const JobSpec& spec = spec_of(state, claim.job);
  if (!spec.groups.empty()) return false;
  return std::all_of(claim.nodes.begin(), claim.nodes.end(), [&](const ClaimedNode& each) {
    const Node& node = state.nodes[each.node.value()];
    const ResourceAmounts need = need_of(spec.gang, each.tasks);
    return takes_work(node) && !node.hidden && need.accelerators <= node.accelerators_free &&
           need.cpus <= node.cpus_free && need.memory <= node.memory_free;
  });
}

std::optional<Placement> JobPlacer::place_as_claimed(const State& state, const Claim& claim) {
  const JobSpec& spec = spec_of(state, claim.job);
  if (!spec.groups.empty()) return std::nullopt;
  const Topology& topology = *state.topology;
  const Room& room = state.free.room();
  std::map<PowerId, Watts> draw;
  std::vector<NodeSlice> slices;
  std::uint32_t rank = 0;
  for (const ClaimedNode& each : claim.nodes) {
    const Node& node = state.nodes[each.node.value()];
    const Position position = topology.position(each.node);
    const auto parts = room.parts.find(position);
    GangShape there = spec.gang;
    there.tasks = each.tasks;
    there.nodes = 0;
    if (tasks_on(room.slot(position), parts == room.parts.end() ? nullptr : &parts->second, there) <
        each.tasks) {
      return std::nullopt;
    }
    const AcceleratorShare share = spec.gang.task.accelerators * each.tasks;
    // Early, beside those that it waits for, it would draw more than was counted for it.
    const AcceleratorShare counted =
        kWholeAccelerator * (node.devices.size() - std::min(each.whole_left, node.devices.size()));
    const AcceleratorShare used = kWholeAccelerator * node.devices.size() - node.accelerators_free;
    if (used + share > counted) return std::nullopt;
    for (PowerId at = topology.power_of(each.node); at != kNoId<PowerId>;
         at = topology.power(at).parent) {
      draw[at] += draw_of(topology.shape(each.node), share);
    }
    slices.push_back({each.node, rank, each.tasks,
                      pick_devices(node.devices, spec.gang.task.accelerators, each.tasks)});
    rank += each.tasks;
  }
  for (const auto& [at, more] : draw) {
    if (room.draw[at.value()] + more > topology.power(at).limit) return std::nullopt;
  }
  return Placement(std::move(slices));
}

PendingReason JobPlacer::explain(State& state, const JobSpec& spec) {
  if (spec.gang.tasks_min > 0) {
    return placer_.explain(surroundings(state), least_gang(spec), spec.where);
  }
  if (spec.groups.empty()) return placer_.explain(surroundings(state), spec.gang, spec.where);
  if (PlannedRoom(state).place(placer_, spec)) return NotYetConsidered{};
  std::uint32_t tasks = 0;
  for_each_group(spec, [&](const GangShape& group, std::uint32_t) { tasks += group.tasks; });
  Tentative beside(state, spec);
  PendingReason reason = NoRoomNow{.resource = Resource::kNodes, .tasks_needed = tasks};
  for (const Group& group : placing_order(spec)) {
    auto placed = placer_.place(surroundings(state), *group.shape, spec.where);
    if (const auto* found = std::get_if<Placement>(&placed)) {
      std::vector<NodeSlice> slices(found->begin(), found->end());
      for (NodeSlice& slice : slices) slice.first_rank += group.first_rank;
      beside.take(Placement(std::move(slices)));
      continue;
    }
    reason = placer_.explain(surroundings(state), *group.shape, spec.where);
    break;
  }
  const auto* room = std::get_if<NoRoomNow>(&reason);
  const bool now = room != nullptr || std::holds_alternative<PowerShort>(reason);
  if (now && !PlannedRoom(state, PlannedRoom::Begin::kEmpty).place(placer_, spec)) {
    return FleetTooSmall{room != nullptr ? room->resource : Resource::kPower, tasks, 0};
  }
  return reason;
}

}  // namespace mw
