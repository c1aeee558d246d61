// A gang may consist of groups, each with a shape of its own, whose ranks follow one another. Most
// have one; these helpers are the only place that knows of more.
#pragma once

#include <cstdint>

#include "model/job.h"

namespace mw {

/// The shape of the group that `rank` belongs to. A slice never spans groups.
inline const GangShape& group_at(const JobSpec& spec, std::uint32_t rank) {
  std::uint32_t end = spec.gang.tasks;
  if (rank < end || spec.groups.empty()) return spec.gang;
  for (const GangShape& group : spec.groups) {
    end += group.tasks;
    if (rank < end) return group;
  }
  return spec.groups.back();
}

/// Calls visit(shape, first rank) for each group in rank order.
template <class Visitor>
void for_each_group(const JobSpec& spec, Visitor&& visit) {
  std::uint32_t first = 0;
  visit(spec.gang, first);
  first += spec.gang.tasks;
  for (const GangShape& group : spec.groups) {
    visit(group, first);
    first += group.tasks;
  }
}

/// All that the job asks for, its groups together; of an array, for each element.
inline AcceleratorShare accelerators_of(const JobSpec& spec) {
  AcceleratorShare sum;
  for_each_group(spec, [&](const GangShape& group, std::uint32_t) {
    sum += group.task.accelerators * group.tasks;
  });
  return sum;
}

/// Tasks of a placement: of an elastic gang there may be fewer than asked for.
inline std::uint32_t tasks_of(const Placement& placement) {
  return placement.empty() ? 0 : placement.back().first_rank + placement.back().tasks;
}

/// It has fewer tasks than the job asks for.
inline bool may_grow(const JobSpec& spec, const Placement& placement) {
  return spec.gang.tasks_min > 0 && tasks_of(placement) < spec.gang.tasks;
}

/// By how many tasks an elastic gang grows or shrinks at once.
inline std::uint32_t elastic_unit(const GangShape& gang) {
  if (gang.nodes > 0) return gang.tasks / gang.nodes;
  return gang.segment > 1 ? gang.segment : 1;
}
/// The gang with another number of tasks.  REQUIRES: a multiple of elastic_unit(gang).
inline GangShape resized(GangShape gang, std::uint32_t tasks) {
  if (gang.nodes > 0) gang.nodes = tasks / (gang.tasks / gang.nodes);
  gang.tasks = tasks;
  gang.tasks_min = 0;
  return gang;
}

}  // namespace mw
