// Ranks whose node is lost, replaced while the others go on: where the job says that it can bear it
// (restart.in_place) and the engine can do it. First what is left of these ranks is stopped; when
// it has ended and nodes for them are at hand, the attempt ends and the next one begins in the same
// step, and keeps the others' processes. When none are at hand, all stop and start again as ever.
#include <algorithm>

#include "core/accounting.h"
#include "core/replacement.h"
#include "core/reservations.h"
#include "core/stepper.h"

namespace mw {
namespace {

std::vector<LostSlice> slices_on(const Attempt& attempt, const std::set<NodeId>& nodes) {
  std::vector<LostSlice> lost;
  for (const NodeSlice& slice : attempt.placement) {
    if (nodes.contains(slice.node)) lost.push_back({slice.node, slice.first_rank, slice.tasks});
  }
  return lost;
}

bool have_ended(const Attempt& attempt, const std::vector<LostSlice>& lost) {
  return std::all_of(lost.begin(), lost.end(), [&](const LostSlice& each) {
    for (std::uint32_t i = 0; i < each.tasks; ++i) {
      if (!attempt.exited[each.first_rank + i]) return false;
    }
    return true;
  });
}

/// Since which attempt the ranks of these slices run, as few pieces as can be.
std::vector<KeptRanks> kept_ranks(const State& state, const Attempt& attempt,
                                  const std::vector<NodeSlice>& slices) {
  std::vector<KeptRanks> kept;
  for (const NodeSlice& slice : slices) {
    KeptRanks piece{slice.first_rank, slice.tasks, attempt.number, attempt.epoch};
    if (const KeptRanks* const known = kept_piece(state, attempt.job, slice.first_rank)) {
      piece.attempt = known->attempt;
      piece.epoch = known->epoch;
    }
    const bool follows = !kept.empty() && kept.back().epoch == piece.epoch &&
                         kept.back().first_rank + kept.back().tasks == piece.first_rank;
    if (follows) {
      kept.back().tasks += piece.tasks;
    } else {
      kept.push_back(piece);
    }
  }
  return kept;
}

}  // namespace

/// Ranks may be taken from under the attempt: it runs, bears it, and something is left of it.
bool Core::Stepper::may_lose(const Attempt& attempt, const std::vector<LostSlice>& lost) const {
  const JobSpec& spec = spec_of(state_, attempt.job);
  if (!spec.restart.in_place.value_or(false) || !state_.resilience.replaces_ranks) return false;
  if (!attempt.running_at || attempt.stopping || attempt.first_failure) return false;
  std::uint64_t live = attempt.exited.size() - attempt.exited_count;
  for (const LostSlice& each : lost) {
    for (std::uint32_t i = 0; i < each.tasks; ++i) {
      live -= attempt.exited[each.first_rank + i] ? 0 : 1;
    }
  }
  // Those that have left already are among the exited.
  return live > 0 && spec.gang.tasks_min == 0;
}

/// Its ranks on these nodes have to leave them: they alone, if that can be; else all of it stops.
void Core::Stepper::lose_ranks(JobId job, const Leave& leave, const std::set<NodeId>& nodes) {
  const Attempt& attempt = state_.attempts.at(job);
  if (attempt.stopping) return;
  std::vector<LostSlice> lost = slices_on(attempt, nodes);
  const auto known = state_.resilience.leaving.find(job);
  if (known != state_.resilience.leaving.end()) {
    std::erase_if(
        lost, [&](const LostSlice& each) { return is_among(known->second.lost, each.first_rank); });
    if (lost.empty()) return;
  }
  if (leave.stays || !may_lose(attempt, lost)) return stop_attempt(attempt, leave.cause, leave.by);
  emit(RanksLeaving{job, attempt.number, std::move(lost), leave.cause, spec_of(state_, job).grace,
                    leave.by});
}

/// Of whom all that had to leave is gone.
void Core::Stepper::replace_lost_ranks() {
  if (state_.resilience.leaving.empty()) return;
  std::vector<JobId> ready;
  for (const auto& [job, leaving] : state_.resilience.leaving) {
    if (have_ended(state_.attempts.at(job), leaving.lost)) ready.push_back(job);
  }
  for (const JobId job : ready) {
    has_tried_ = true;
    const Leaving leaving = state_.resilience.leaving.at(job);
    if (!replace_ranks(job)) stop_attempt(state_.attempts.at(job), leaving.cause, leaving.by);
  }
  see(state_, View());
}

bool Core::Stepper::replace_ranks(JobId job) {
  const Leaving leaving = state_.resilience.leaving.at(job);
  const Attempt& attempt = state_.attempts.at(job);
  std::vector<NodeSlice> good;
  for (const NodeSlice& slice : attempt.placement) {
    const Node& node = state_.nodes[slice.node.value()];
    if (is_among(leaving.lost, slice.first_rank)) continue;
    // What else is to go is asked to save first, and would go on on a node that it has to leave.
    if (node.phase != NodePhase::kReady || node.lost) return false;
    good.push_back(slice);
  }
  // Its tenant may use less by now than it does: then it is for the queue to decide.
  const TenantId tenant = record_of(state_, job).tenant;
  if (state_.tenants.over_limit(tenant, AcceleratorShare())) return false;
  if (good.empty() || !see_as(job)) return false;
  auto placement = fill_gap(state_, job, Placement(good), leaving.lost);
  if (!placement) return false;
  // A segment that moves as a whole would take good ranks with it.
  auto at = placement->begin();  // both are in rank order
  const bool all_stay = std::all_of(good.begin(), good.end(), [&](const NodeSlice& slice) {
    while (at != placement->end() && at->first_rank < slice.first_rank) ++at;
    return at != placement->end() && *at == slice;
  });
  if (!all_stay || !may_be_held(state_, spec_of(state_, job), *placement, attempt.placed_at)) {
    return false;
  }
  see(state_, View());
  const WorkSplit work = split_work(attempt, leaving.cause, now_);
  std::vector<KeptRanks> kept = kept_ranks(state_, attempt, good);
  const AttemptNumber number = attempt.number;
  const Instant since = attempt.placed_at;
  const std::uint32_t restarts = state_.jobs.at(job).restarts;
  const Checkpoint checkpoint = state_.jobs.at(job).checkpoint;
  // They go on from what they have, so nothing of it has to be done again. Not yet: what is not
  // saved is lost when they all end before it is.
  emit(AttemptEnded{job, number, leaving.cause, AcceleratorTime(), work.kept, false,
                    "its lost ranks are replaced, and the others go on", work.lost});
  // It counts as placed since then: how long it may run is not begun anew.
  emit(RestartPlanned{job, restarts, since, checkpoint, true});
  emit(AttemptPlaced{job, number.next(), state_.next_epoch, std::move(*placement), checkpoint,
                     std::move(kept), work.lost});
  return true;
}

}  // namespace mw
