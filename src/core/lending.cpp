#include "core/lending.h"

#include <algorithm>
#include <tuple>

#include "core/preemption_rights.h"
#include "core/queueing.h"

namespace mw {

bool may_borrow(const State& state, const JobSpec& spec) {
  if (!state.policy.lend_spares || spec.reservation) return false;
  const PriorityClass* highest = find_class(state.policy, *state.policy.lend_spares);
  const PriorityClass& own = class_rules(state, spec);
  return highest != nullptr && own.preemptible && own.value <= highest->value;
}

std::vector<JobId> borrowers(const State& state) {
  std::vector<JobId> all;
  if (!state.policy.lend_spares || state.resilience.spares.empty()) return all;
  for (const auto& [job, attempt] : state.attempts) {
    const bool there =
        std::any_of(attempt.placement.begin(), attempt.placement.end(),
                    [&](const NodeSlice& slice) { return state.nodes[slice.node.value()].spare; });
    if (there) all.push_back(job);
  }
  return all;
}

bool lost_a_node(const Job& job) {
  return job.first_in_line &&
         (job.last_end == EndCause::kNodeLost || job.last_end == EndCause::kFaulty);
}

bool someone_waits_for_spares(const State& state) {
  return std::any_of(state.restarts.begin(), state.restarts.end(), [&](const auto& each) {
    return lost_a_node(state.jobs.at(each.second)) &&
           !may_borrow(state, spec_of(state, each.second));
  });
}

std::vector<JobId> kept_below(const State& state, JobId job) {
  std::vector<std::tuple<std::int32_t, AcceleratorShare, JobId>> found;
  if (state.resilience.gaps.empty()) return {};
  const Rights rights(state, job, Stopping::kPreempt);
  for (const auto& [owner, gap] : state.resilience.gaps) {
    if (owner == job) continue;
    const HeldCapacity& hold = state.holds.at(owner);
    // As if it still ran there, and long enough.
    Attempt as_it_was;
    as_it_was.job = owner;
    as_it_was.placed_at = state.now - state.policy.preemption.runtime_min;
    note_rules(state, as_it_was);
    if (rights.over(as_it_was) == Right::kNone) continue;
    found.emplace_back(as_it_was.class_value, hold.accelerators, owner);
  }
  std::sort(found.begin(), found.end());
  std::vector<JobId> owners;
  for (const auto& each : found) owners.push_back(std::get<JobId>(each));
  return owners;
}

}  // namespace mw
