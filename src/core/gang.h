// What gangs need of the resources that tenants share.
#pragma once

#include <cstdint>

#include "core/tenants.h"
#include "model/gang.h"

namespace mw {

/// What `tasks` tasks of the gang need.
inline ResourceAmounts need_of(const GangShape& gang, std::uint32_t tasks) {
  return {gang.task.accelerators * tasks, gang.task.cpus * tasks, gang.task.memory * tasks};
}
/// What the job needs at least; an elastic one with as few tasks as it starts with.
inline ResourceAmounts least_need(const JobSpec& spec) {
  ResourceAmounts sum;
  for_each_group(spec, [&](const GangShape& gang, std::uint32_t) {
    sum += need_of(gang, gang.tasks_min > 0 ? gang.tasks_min : gang.tasks);
  });
  return sum;
}
inline ResourceAmounts use_of(const JobSpec& spec, const Placement& placement) {
  ResourceAmounts sum;
  for (const NodeSlice& slice : placement) {
    sum += need_of(group_at(spec, slice.first_rank), slice.tasks);
  }
  return sum;
}

}  // namespace mw
