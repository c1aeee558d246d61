// How attempts end and what follows: done, again, or for good.
#include <algorithm>

#include "base/check.h"
#include "core/accounting.h"
#include "core/queueing.h"
#include "core/reservations.h"
#include "core/stepper.h"

namespace mw {
namespace {

/// Longest wait for a restart during which the job's capacity is kept free for it. Long enough
/// for the first delays, short enough that a job which keeps failing does not idle a fleet.
constexpr Duration kHoldCapacityMax = seconds(30);

/// `restarts` made so far: the first waits `delay`, each next one twice as long.
Duration restart_delay(const RestartPolicy& policy, std::uint32_t restarts) {
  Duration delay = policy.delay;
  for (std::uint32_t i = 0; i < restarts && delay < policy.delay_max; ++i) delay += delay;
  return std::min(delay, policy.delay_max);
}

/// Failures of the machine below a job do not use up the restarts that its owner allowed.
bool counts_against_limit(EndCause cause) {
  switch (cause) {
    case EndCause::kNodeLost:
    case EndCause::kRequeued:
    case EndCause::kPreempted:
    case EndCause::kResized:
    case EndCause::kMoved:
    case EndCause::kDrained:
    case EndCause::kFaulty:
      return false;
    default:
      return true;
  }
}

bool starts_again(const Job& job, const RestartPolicy& policy, EndCause cause) {
  switch (cause) {
    case EndCause::kTaskFailed:
    case EndCause::kStartFailed:
    case EndCause::kEngineLost:
    case EndCause::kJobFault:
      return job.restarts < policy.limit;
    case EndCause::kNodeLost:
    case EndCause::kRequeued:
    case EndCause::kPreempted:
    case EndCause::kResized:
    case EndCause::kMoved:
    case EndCause::kDrained:
    case EndCause::kFaulty:
      return true;
    case EndCause::kCompleted:
    case EndCause::kCancelled:
    case EndCause::kTimeLimit:
      return false;
  }
  MW_CHECK(!"every cause is handled");
}

JobState final_state(EndCause cause) {
  switch (cause) {
    case EndCause::kCompleted:
      return JobState::kSucceeded;
    case EndCause::kCancelled:
      return JobState::kCancelled;
    case EndCause::kTimeLimit:
      return JobState::kTimedOut;
    default:
      return JobState::kFailed;
  }
}

Duration delay_before(const Job& job, const RestartPolicy& policy, EndCause cause) {
  return counts_against_limit(cause) ? restart_delay(policy, job.restarts) : Duration();
}

/// What it had is for whom it was stopped.
bool stopped_for_others(EndCause cause) {
  return cause == EndCause::kPreempted || cause == EndCause::kResized || cause == EndCause::kMoved;
}

/// Spares among them are lent, and not kept for who borrowed them.
bool all_take_work(const State& state, const Placement& placement) {
  return std::all_of(placement.begin(), placement.end(), [&](const NodeSlice& slice) {
    const Node& node = state.nodes.at(slice.node.value());
    return node.phase == NodePhase::kReady && !node.lost && !node.spare &&
           !state.others_short.contains(node.id);
  });
}

}  // namespace

const Attempt* Core::Stepper::current(JobId job, Epoch epoch) const {
  const auto found = state_.attempts.find(job);
  if (found == state_.attempts.end() || found->second.epoch != epoch) return nullptr;
  return &found->second;
}

const Attempt* Core::Stepper::reporting(JobId id, AttemptNumber number, std::optional<Rank> rank) {
  const auto found = state_.attempts.find(id);
  if (found != state_.attempts.end() && speaks_for(state_, found->second, number, rank)) {
    return &found->second;
  }
  Refusal refusal;
  refusal.job = id;
  const Job* job = state_.jobs.find(id);
  if (job == nullptr) {
    refusal.code = ErrorCode::kNotFound;
    refusal.kind = RefusalKind::kNoSuchJob;
  } else {
    refusal.code = ErrorCode::kConflict;
    refusal.kind = RefusalKind::kStaleAttempt;
    refusal.job_state = job->state;
    refusal.attempt = AttemptNumber(job->attempts);
  }
  refuse(refusal);
  return nullptr;
}

void Core::Stepper::stop_attempt(const Attempt& attempt, EndCause cause, const std::string& by) {
  emit(AttemptStopping{attempt.job, attempt.number, cause, spec_of(state_, attempt.job).grace, by});
}

void Core::Stepper::end_attempt(JobId id, EndCause cause, const std::string& detail,
                                std::optional<NodeId> failed_on) {
  const Attempt& attempt = state_.attempts.at(id);
  const Job& job = state_.jobs.at(id);
  const RestartPolicy& policy = spec_of(state_, id).restart;
  const WorkSplit work = split_work(attempt, cause, now_);
  const std::string by = attempt.stop_by;
  const bool again = starts_again(job, policy, cause);
  const bool soon =
      again && !stopped_for_others(cause) && delay_before(job, policy, cause) <= kHoldCapacityMax;
  const bool hold = soon && !fails_there_again(attempt, cause) &&
                    all_take_work(state_, attempt.placement) &&
                    may_be_held(state_, spec_of(state_, id), attempt.placement,
                                now_ + delay_before(job, policy, cause) + kHoldCapacityMax);
  const Placement placement = soon && !hold ? attempt.placement : Placement();
  emit(AttemptEnded{id, attempt.number, cause, work.lost, work.kept, hold, detail, std::nullopt,
                    failed_on});
  if (cause == EndCause::kTaskFailed || failed_on) blame_node(id);
  if (failed_on) tell_of_start(*failed_on, detail);
  if (!again) return finish(id, final_state(cause), by);
  if (end_crash_loop(id)) return;
  plan_restart(id, cause);
  const Duration keep = state_.policy.keep_nodes_for.value_or(Duration());
  const bool elastic = spec_of(state_, id).gang.tasks_min > 0;
  if (!soon || hold || elastic || keep.count() == 0 || !state_.jobs.at(id).first_in_line) return;
  keep_good_nodes(id, placement, {}, std::max(now_, state_.jobs.at(id).not_before) + keep);
}

void Core::Stepper::plan_restart(JobId id, EndCause cause) {
  const Job& job = state_.jobs.at(id);
  const Instant not_before = now_ + delay_before(job, spec_of(state_, id).restart, cause);
  const std::uint32_t restarts = job.restarts + (counts_against_limit(cause) ? 1 : 0);
  if (last_start(spec_of(state_, id)) < now_) {
    return finish(id, JobState::kTimedOut, "its deadline");
  }
  const JobSpec& spec = spec_of(state_, id);
  if (spec.reservation && reservation_of(state_, spec) == nullptr) {
    return finish(id, JobState::kTimedOut, "the end of reservation " + *spec.reservation);
  }
  emit(RestartPlanned{id, restarts, not_before, job.checkpoint, cause != EndCause::kPreempted});
}

void Core::Stepper::end_overdue() {
  while (!state_.deadlines.empty() && state_.deadlines.begin()->first <= now_) {
    const JobId job = state_.deadlines.begin()->second;
    const JobSpec& spec = spec_of(state_, job);
    const Reservation* own = reservation_of(state_, spec);
    const bool by_end = own != nullptr && own->spec.end() - spec.grace <= now_;
    stop_attempt(state_.attempts.at(job), EndCause::kTimeLimit,
                 by_end ? "the end of reservation " + *spec.reservation : "");
  }
}

}  // namespace mw
