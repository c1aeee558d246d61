#include "core/fit.h"

#include <algorithm>

namespace mw {
namespace {

bool whole_devices(const TaskShape& task) { return task.accelerators >= kWholeAccelerator; }

std::uint32_t at_most(std::int64_t free, std::int64_t each) {
  if (each <= 0) return kManyTasks;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(free / each, 0, kManyTasks));
}

/// What of `fitting` tasks the gang's number of nodes lets it use.
std::uint32_t usable(const GangShape& gang, std::uint32_t fitting) {
  if (gang.nodes == 0) return std::min(fitting, gang.tasks);
  const std::uint32_t each = gang.tasks / gang.nodes;
  return fitting >= each ? each : 0;
}

/// Keeps at most `limit` of what is there, and a multiple of `unit`. What is too much goes from the
/// back; where nodes are used in equal shares (`each`), as whole nodes.
void cut(std::span<std::uint32_t> tasks, std::uint64_t limit, std::uint32_t unit,
         std::uint32_t each) {
  std::uint64_t sum = 0;
  for (const std::uint32_t count : tasks) sum += count;
  for (std::size_t i = tasks.size(); i-- > 0 && (sum > limit || sum % unit != 0);) {
    const std::uint64_t keep = std::min(sum, limit) / unit * unit;
    const auto less = static_cast<std::uint32_t>(std::min<std::uint64_t>(sum - keep, tasks[i]));
    sum -= each > 0 ? tasks[i] : less;
    tasks[i] -= each > 0 ? tasks[i] : less;
  }
}

/// The vertices of `level` at or below `vertex`; where there are none, the nodes themselves stand
/// for them (as spans of one).
template <class Visitor>
void for_each_at(const Topology& topology, FabricId id, FabricLevel level, Visitor&& visit) {
  const FabricVertex& vertex = topology.fabric(id);
  if (vertex.level <= level) {
    visit(vertex.first, vertex.last);
    return;
  }
  for (Position p = vertex.first; p < vertex.direct_last; ++p) visit(p, p + 1);
  for (const FabricId child : vertex.children) for_each_at(topology, child, level, visit);
}

}  // namespace

std::uint32_t tasks_by_accelerators(std::uint32_t whole, const GangShape& gang) {
  std::uint32_t fitting = kManyTasks;
  if (gang.task.accelerators.count() > 0) {
    fitting = at_most(whole * kWholeAccelerator.count(), gang.task.accelerators.count());
  }
  return usable(gang, fitting);
}

std::uint32_t tasks_on(const Slot& slot, const DeviceRoom* parts, const GangShape& gang) {
  if (!slot.takes_work()) return 0;
  const TaskShape& task = gang.task;
  if (gang.exclusive && slot.busy != 0) return 0;
  std::uint32_t fitting = kManyTasks;
  if (whole_devices(task)) {
    fitting = slot.whole / static_cast<std::uint32_t>(task.accelerators / kWholeAccelerator);
  } else if (task.accelerators.count() > 0) {
    const auto each = static_cast<std::uint32_t>(kWholeAccelerator / task.accelerators);
    fitting = parts != nullptr ? parts->parts(task.accelerators) : slot.whole * each;
  }
  fitting = std::min(fitting, at_most(slot.cpus, task.cpus.count()));
  fitting = std::min(fitting, at_most(slot.memory, task.memory.count()));
  return usable(gang, fitting);
}

Watts draw_of(const NodeShape& shape, AcceleratorShare share) {
  // Exact: a shape's draw is in whole watts.
  return Watts(shape.accelerator.count() / 1000 * share.count());
}

void trim_by_fabric(const Topology& topology, FabricId vertex, const GangShape& gang,
                    TaskCounts& tasks) {
  const Position base = topology.fabric(vertex).first;
  const std::uint32_t each = gang.nodes == 0 ? 0 : gang.tasks / gang.nodes;
  const auto span = [&](Position first, Position last) {
    return std::span(tasks).subspan(first - base, last - first);
  };
  if (gang.spread_tasks > 0) {
    for_each_at(topology, vertex, gang.spread, [&](Position first, Position last) {
      cut(span(first, last), gang.spread_tasks, 1, each);
    });
  }
  if (gang.segment > 1) {
    for_each_at(topology, vertex, FabricLevel::kScaleUp, [&](Position first, Position last) {
      cut(span(first, last), kManyTasks, gang.segment, each);
    });
  }
}

std::optional<PowerId> PowerTrimmer::trim(const Topology& topology, const Room& room, Position base,
                                          const GangShape& gang, TaskCounts& tasks) {
  const std::uint32_t each = gang.nodes == 0 ? 0 : gang.tasks / gang.nodes;
  std::optional<PowerId> limiting;
  taken_.resize(topology.power().size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i] == 0) continue;
    const NodeId node = topology.at(base + static_cast<Position>(i));
    const Watts draw = draw_of(topology.shape(node), gang.task.accelerators);
    if (draw.count() == 0) continue;
    std::int64_t allowed = tasks[i];
    for (PowerId at = topology.power_of(node); at != kNoId<PowerId>;
         at = topology.power(at).parent) {
      const Watts left = topology.power(at).limit - room.draw[at.value()] - taken_[at.value()];
      if (left >= draw * allowed) continue;
      allowed = std::max<std::int64_t>(left / draw, 0);
      if (!limiting) limiting = at;
    }
    if (each > 0 && allowed < tasks[i]) allowed = 0;
    tasks[i] = static_cast<std::uint32_t>(allowed);
    if (allowed == 0) continue;
    for (PowerId at = topology.power_of(node); at != kNoId<PowerId>;
         at = topology.power(at).parent) {
      if (taken_[at.value()].count() == 0) touched_.push_back(at);
      taken_[at.value()] += draw * allowed;
    }
  }
  for (const PowerId at : touched_) taken_[at.value()] = Watts();
  touched_.clear();
  return limiting;
}

}  // namespace mw
