// What gangs need of the resources that tenants share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

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
/// The job's first group, of an elastic one with as few tasks as it starts with.
inline GangShape least_gang(const JobSpec& spec) {
  return spec.gang.tasks_min > 0 ? resized(spec.gang, spec.gang.tasks_min) : spec.gang;
}
/// A group of a gang: which one of the job's it is, and its first rank.
struct Group {
  const GangShape* shape;
  std::uint32_t first_rank = 0;
  std::size_t index = 0;  ///< 0: the job's first, `spec.gang`
};
/// The groups in the order in which they are placed: the most demanding first, as they have the
/// least choice. Whoever gives them their devices does it in this order too: two of them on one
/// node may not both fit in another.
inline std::vector<Group> placing_order(const JobSpec& spec) {
  std::vector<Group> groups;
  for_each_group(spec, [&](const GangShape& gang, std::uint32_t first) {
    groups.push_back({&gang, first, groups.size()});
  });
  const auto demand = [](const GangShape& gang) {
    const std::uint32_t each = gang.nodes > 0 ? gang.tasks / gang.nodes : 1;
    return std::make_tuple(gang.exclusive, gang.task.accelerators * each, gang.task.cpus * each,
                           gang.task.memory * each, gang.tasks);
  };
  std::stable_sort(groups.begin(), groups.end(), [&](const Group& a, const Group& b) {
    return demand(*a.shape) > demand(*b.shape);
  });
  return groups;
}

inline ResourceAmounts use_of(const JobSpec& spec, const Placement& placement) {
  ResourceAmounts sum;
  for (const NodeSlice& slice : placement) {
    sum += need_of(group_at(spec, slice.first_rank), slice.tasks);
  }
  return sum;
}

}  // namespace mw
