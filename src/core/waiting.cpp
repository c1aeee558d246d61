// What lets a job into the queue, or out of it, beside its turn: the clock, other jobs, patience.
#include <algorithm>

#include "core/queueing.h"
#include "core/reservations.h"
#include "core/stepper.h"

namespace mw {

/// What the calendar says for the time since it was last looked at.
void Core::Stepper::let_in_due() {
  std::vector<JobId> due;
  for (auto at = state_.calendar.upper_bound({looked_at_, JobId(~std::uint64_t{0})});
       at != state_.calendar.end() && at->first <= now_; ++at) {
    due.push_back(at->second);
  }
  // Those whose planned start has come are tried, though nothing has come free just now.
  for (const auto& [owner, claim] : state_.claims) {
    if (claim.at <= looked_at_ || claim.at > now_) continue;
    const Job& job = state_.jobs.at(owner);
    sleeping_restarts_.erase(owner);
    if (!job.first_in_line) wakes_.wake(class_of(state_, job));
  }
  looked_at_ = now_;
  for (const JobId record : due) settle_record(record);
}

/// A record that may be eligible now, or never.
void Core::Stepper::settle_record(JobId id) {
  const auto found = state_.records.find(id);
  if (found == state_.records.end() || found->second.unfinished == 0) return;
  const JobRecord& record = found->second;
  if (record.never != JobId()) {
    give_up_pending(id, JobState::kCancelled,
                    "its dependency on job " + std::to_string(record.never.value()) +
                        ", which did not succeed");
    return;
  }
  if (last_start(*record.spec) < now_) {
    give_up_pending(id, JobState::kTimedOut, "its deadline");
    return;
  }
  const bool time_has_come =
      record.spec->not_before <= now_ && reservation_has_begun(state_, *record.spec);
  if (!record.eligible && record.awaits.empty() && time_has_come) emit(JobEligible{id});
}

void Core::Stepper::give_up_pending(JobId id, JobState state, const std::string& by) {
  const std::uint32_t count = state_.records.at(id).spec->array;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Job* job = state_.jobs.find(JobId(id.value() + i));
    if (job != nullptr && job->state == JobState::kPending) finish(job->id, state, by);
  }
}

/// The end of a job, and what that means for those who await it.
void Core::Stepper::finish(JobId job, JobState state, const std::string& by) {
  const JobId record = state_.jobs.at(job).record;
  std::vector<JobId> dependents;
  for (auto at = state_.awaited.lower_bound({record, JobId()});
       at != state_.awaited.end() && at->first == record; ++at) {
    dependents.push_back(at->second);
  }
  emit(JobFinished{job, state, by});
  for (const JobId each : dependents) settle_record(each);
}

/// Only the heads of lines can be the first to have waited too long.
void Core::Stepper::boost_starved() {
  const Duration patience = state_.policy.starvation_after;
  if (patience.count() <= 0 || starving_at_ > now_) return;
  while (true) {
    std::vector<JobId> starved;
    starving_at_ = Instant::never();
    state_.classes.for_each_line([&](ClassId id) {
      const JobClass& line = state_.classes.at(id);
      if (!line.key.level.patient) return;
      const Instant at = record_of(state_, line.line.front()).eligible_at + patience;
      if (at <= now_) {
        starved.push_back(line.line.front());
      } else {
        starving_at_ = std::min(starving_at_, at);
      }
    });
    if (starved.empty()) return;
    std::sort(starved.begin(), starved.end());  // classes have other ids after a recovery
    for (const JobId job : starved) emit(JobBoosted{job});
  }
}

}  // namespace mw
