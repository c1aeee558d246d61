// Deciding what starts. One pass so far: allocate, in queue order, whatever fits. A shape that
// does not fit is not tried again before capacity that could matter comes free, so a long queue
// costs what its distinct shapes cost.
#include "core/allocation.h"
#include "core/placement.h"
#include "core/stepper.h"

namespace mw {

void Core::Stepper::allocate() {
  try_restarts();
  // The best job over all shapes that may fit goes first.
  std::set<std::pair<QueueRank, GangShape>> heads;
  for (auto shape = ready_.begin(); shape != ready_.end();) {
    const auto line = state_.queue.find(*shape);
    if (line == state_.queue.end()) {
      shape = ready_.erase(shape);
      continue;
    }
    heads.emplace(*line->second.begin(), *shape);
    ++shape;
  }
  while (!heads.empty()) {
    const GangShape shape = heads.begin()->second;
    const JobId job = heads.begin()->first.job;
    heads.erase(heads.begin());
    if (!try_job(job)) {
      ready_.erase(shape);
      full_.insert(shape);
      continue;
    }
    const auto line = state_.queue.find(shape);
    if (line == state_.queue.end()) {
      ready_.erase(shape);
    } else {
      heads.emplace(*line->second.begin(), shape);
    }
  }
}

void Core::Stepper::try_restarts() {
  std::vector<JobId> due;
  for (const auto& [not_before, job] : state_.restarts) {
    if (not_before > now_) break;
    due.push_back(job);
  }
  for (const JobId job : due) {
    const GangShape& shape = spec_of(state_, job).gang;
    const bool hopeless = full_.contains(shape) && !state_.holds.contains(job);
    if (!hopeless && !try_job(job)) {
      full_.insert(shape);
      ready_.erase(shape);
    }
  }
}

bool Core::Stepper::try_job(JobId job) {
  const auto hold = state_.holds.find(job);
  if (hold != state_.holds.end()) {
    // Kept free since it ran there, on nodes that still take work: it fits by construction.
    place(job, hold->second.placement);
    return true;
  }
  auto result = placer_.place(surroundings(state_), spec_of(state_, job).gang, {});
  if (auto* placement = std::get_if<Placement>(&result)) {
    place(job, std::move(*placement));
    return true;
  }
  note_blocked(job, std::get<PendingReason>(result));
  return false;
}

void Core::Stepper::place(JobId id, Placement placement) {
  const Job& job = state_.jobs.at(id);
  emit(AttemptPlaced{id, AttemptNumber(job.attempts + 1), state_.next_epoch, std::move(placement),
                     job.checkpoint});
}

void Core::Stepper::note_blocked(JobId job, const PendingReason& reason) {
  const auto told = state_.blocked.find(spec_of(state_, job).gang);
  if (told != state_.blocked.end() && told->second.index() == reason.index()) return;
  emit(JobBlocked{job, reason});
}

void Core::Stepper::explain_idle() {
  const bool someone_waits =
      !state_.queue.empty() || (!state_.restarts.empty() && state_.restarts.begin()->first <= now_);
  const LedgerCategory cause =
      someone_waits ? LedgerCategory::kIdleShape : LedgerCategory::kIdleNoDemand;
  if (cause != state_.idle_cause) emit(IdleCauseChanged{cause});
}

void Core::Stepper::reconsider_all() {
  full_.clear();
  ready_.clear();
  for (const auto& [shape, line] : state_.queue) ready_.insert(shape);
}

void Core::Stepper::note_for_passes(const EventBody& body) {
  const auto now_waits = [&](const GangShape& shape) {
    if (!full_.contains(shape)) ready_.insert(shape);
  };
  if (const auto* submitted = std::get_if<JobSubmitted>(&body)) {
    if (!submitted->spec.hold) now_waits(submitted->spec.gang);
  } else if (const auto* released = std::get_if<JobReleased>(&body)) {
    now_waits(spec_of(state_, released->job).gang);
  } else if (std::holds_alternative<AttemptEnded>(body) ||
             std::holds_alternative<FleetDeclared>(body) ||
             std::holds_alternative<NodeJoined>(body) ||
             std::holds_alternative<NodeChanged>(body) ||
             std::holds_alternative<NodeContact>(body) || std::holds_alternative<NodeMoved>(body)) {
    reconsider_all();
  } else if (!state_.holds.empty() &&
             (std::holds_alternative<JobHeld>(body) || std::holds_alternative<JobFinished>(body))) {
    reconsider_all();  // what was kept for that job is free now
  }
}

}  // namespace mw
