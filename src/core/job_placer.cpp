#include "core/job_placer.h"

#include <algorithm>

#include "core/allocation.h"
#include "core/gang.h"

namespace mw {

std::variant<Placement, NoPlace> JobPlacer::place(State& state, JobId job) {
  const JobSpec& spec = spec_of(state, job);
  if (spec.gang.tasks_min > 0) return place_elastic(state, job);
  auto first = placer_.place(surroundings(state), spec.gang, spec.where);
  if (spec.groups.empty() || std::holds_alternative<NoPlace>(first)) return first;
  Tentative beside(state, spec);
  Placement all = std::get<Placement>(std::move(first));
  beside.take(all);
  std::uint32_t rank = spec.gang.tasks;
  for (const GangShape& group : spec.groups) {
    auto next = placer_.place(surroundings(state), group, spec.where);
    // What is missing of one group says little about when all of them fit.
    if (const auto* none = std::get_if<NoPlace>(&next)) return NoPlace{1, none->power};
    Placement placed = std::get<Placement>(std::move(next));
    for (NodeSlice& slice : placed) slice.first_rank += rank;
    rank += group.tasks;
    all.insert(all.end(), placed.begin(), placed.end());
    beside.take(std::move(placed));
  }
  return all;
}

/// The more the better: what fits with n tasks fits with fewer.
std::variant<Placement, NoPlace> JobPlacer::place_elastic(const State& state, JobId job) {
  const JobSpec& spec = spec_of(state, job);
  const std::uint32_t unit = elastic_unit(spec.gang);
  const auto with = [&](std::uint32_t units) {
    return placer_.place(surroundings(state), resized(spec.gang, units * unit), spec.where);
  };
  std::uint32_t least = (spec.gang.tasks_min + unit - 1) / unit;
  std::uint32_t most = spec.gang.tasks / unit;
  const AcceleratorShare each = spec.gang.task.accelerators * unit;
  if (each.count() > 0) {
    const AcceleratorShare left = state.tenants.room_below_limit(record_of(state, job).tenant);
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

PendingReason JobPlacer::explain(State& state, const JobSpec& spec) {
  if (spec.gang.tasks_min > 0) {
    return placer_.explain(surroundings(state), resized(spec.gang, spec.gang.tasks_min),
                           spec.where);
  }
  Tentative beside(state, spec);
  PendingReason reason = NotYetConsidered{};
  for_each_group(spec, [&](const GangShape& group, std::uint32_t first) {
    if (!std::holds_alternative<NotYetConsidered>(reason)) return;
    auto placed = placer_.place(surroundings(state), group, spec.where);
    if (auto* slices = std::get_if<Placement>(&placed)) {
      for (NodeSlice& slice : *slices) slice.first_rank += first;
      beside.take(std::move(*slices));
    } else {
      reason = placer_.explain(surroundings(state), group, spec.where);
    }
  });
  return reason;
}

}  // namespace mw
