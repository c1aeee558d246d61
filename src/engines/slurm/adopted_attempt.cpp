#include "engines/slurm/adopted_attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/units.h"

namespace mw::slurm {
namespace {

using std::chrono::seconds;

constexpr seconds kAgainAfter{5};
/// Slurm looks at time limits twice a minute, and may allow more (OverTimeLimit).
constexpr seconds kOverTimeMax{180};
/// So long the end of a job at Slurm's limit waits for ours to come.
constexpr seconds kOurLimitComes{10};

/// Slurm will not start it, however long one waits.
bool is_hopeless(const SlurmJob& job) {
  return job.reason == "DependencyNeverSatisfied" || job.reason == "BadConstraints" ||
         job.reason == "PartitionTimeLimit" || job.reason == "PartitionNodeLimit";
}

}  // namespace

void AdoptedAttempt::want(DesiredAttempt desired) {
  desired_ = std::move(desired);
  end_.tell_anew();
}

void AdoptedAttempt::release_asked(SteadyTime now) {
  released_ = true;
  sure_ = false;
  asked_at_ = now;
}

void AdoptedAttempt::was_released(std::uint32_t runs_before, SteadyTime now) {
  release_asked(now);
  runs_before_ = runs_before;
}

void AdoptedAttempt::release_answered(const Result<void>& answer, SteadyTime now) {
  asked_at_ = now;
  sure_ = answer.ok();
  if (answer || answer.error().code == ErrorCode::kTimeout) return;
  released_ = false;
  again_at_ = now + kAgainAfter;
  if (answer.error().code != ErrorCode::kInvalid) return;
  // Slurm refuses what was decided: another decision may do.
  put_back(answer.error().message);
}

void AdoptedAttempt::asked(AdoptedStep step, SteadyTime now) {
  again_at_ = now + kAgainAfter;
  cancelled_ = cancelled_ || step == AdoptedStep::kCancel;
}

void AdoptedAttempt::lost() {
  if (end_.end) return;
  gone(false, fmt::format("Slurm does not know its job {} any more", name()));
}

bool AdoptedAttempt::unseen(SteadyTime asked) {
  in_sight_ = false;
  if (end_.end || asked <= asked_at_) return false;
  return ++misses_ >= kMissesMax;
}

void AdoptedAttempt::seen(const SlurmJob& job, SteadyTime asked, SteadyTime now) {
  in_sight_ = true;
  misses_ = 0;
  const bool changed = last_ && (last_->state != job.state || last_->held != job.held ||
                                 last_->restarts != job.restarts);
  if (changed) again_at_ = SteadyTime();  // what was asked for last has come
  last_ = job;
  if (job.request) output_ = output_of(job, name());
  last_->request.reset();
  last_->allocations.clear();
  if (end_.end) return;
  if (is_waiting(job) && !job.completing) {
    seen_waiting(job, asked, now);
  } else if (may_run(job)) {
    seen_running(job);
  } else {
    seen_over(job, now);
  }
}

void AdoptedAttempt::seen_waiting(const SlurmJob& job, SteadyTime asked, SteadyTime now) {
  running_ = false;
  if (!released_) {
    runs_before_ = job.restarts;
    strange_ = !job.held;
    return;
  }
  if (job.restarts > runs_before_) {
    strange_ = !job.held;
    if (job.held) put_back("Slurm put it back into its queue");
    return;
  }
  if (job.held) {
    // A list that was asked for before it was let go says nothing of that.
    if (asked <= asked_at_) return;
    if (sure_ || desired_.goal == AttemptGoal::kStop || !give_up_.empty()) {
      return put_back(give_up_.empty() ? "it is held in Slurm: " + job.reason : give_up_);
    }
    if (asked - asked_at_ > kUnknownFor) released_ = false;  // it was not heard
    return;
  }
  sure_ = true;
  if (!waiting_since_) waiting_since_ = now;
  const bool too_long = now - *waiting_since_ > wait_of(limits_.start_timeout);
  if (give_up_.empty() && (too_long || is_hopeless(job))) {
    give_up_ = fmt::format("Slurm did not start it: {}", job.reason);
  }
}

void AdoptedAttempt::seen_running(const SlurmJob& job) {
  strange_ = !released_ || job.restarts > runs_before_;
  if (strange_) return;
  sure_ = true;
  running_ = true;
  give_up_.clear();
  waiting_since_.reset();
  end_.has_run = end_.has_run || job.state == "RUNNING" || job.state == "COMPLETING";
}

void AdoptedAttempt::seen_over(const SlurmJob& job, SteadyTime now) {
  if (!released_ || job.restarts > runs_before_) {
    end_.cancelled_there = job.state == "CANCELLED" && desired_.goal != AttemptGoal::kStop;
    return gone(true, fmt::format("Slurm has ended it ({}), and it is not to be started again",
                                  reason_of(job)));
  }
  auto exit = exit_of(job, job.exit_code);
  if (!exit) return gone(false, "Slurm ended it: " + reason_of(job));
  if (job.state == "TIMEOUT" && desired_.goal == AttemptGoal::kRun) {
    end_.due_at = now + kOurLimitComes;
  }
  end_.cancelled_there =
      job.state == "CANCELLED" && !cancelled_ && desired_.goal != AttemptGoal::kStop;
  end_.has_run = true;
  running_ = false;
  end_.end = AttemptExited{desired_.job, desired_.epoch, std::move(*exit), over_time(job)};
}

/// It waits in Slurm as before it was let go.
void AdoptedAttempt::put_back(std::string why) {
  end_.placed_anew = desired_.goal == AttemptGoal::kRun;
  gone(!end_.has_run, std::move(why));
}

void AdoptedAttempt::gone(bool start_failed, std::string detail) {
  end_.end = AttemptGone{desired_.job, desired_.epoch, start_failed, std::move(detail)};
  running_ = false;
}

AdoptedStep AdoptedAttempt::next_step(SteadyTime now) const {
  if (end_.end || !in_sight_ || now < again_at_) return AdoptedStep::kNothing;
  const bool runs = last_ && may_run(*last_);
  const bool again = origin_.restartable;
  const bool stop = desired_.goal == AttemptGoal::kStop;
  if (stop && desired_.cause == EndCause::kTimeLimit && running_) {
    // It is Slurm's limit too, and sacct is to say so.
    return now < *stop_since_ + kOverTimeMax ? AdoptedStep::kNothing : AdoptedStep::kCancel;
  }
  if (stop && desired_.cause == EndCause::kCancelled && released_) return AdoptedStep::kCancel;
  if (last_ && last_->completing) return AdoptedStep::kNothing;
  if (runs && (stop || strange_)) return again ? AdoptedStep::kRequeue : AdoptedStep::kCancel;
  if (runs) return AdoptedStep::kNothing;
  const bool held = last_ && last_->held;
  if (!held && (stop || strange_ || !give_up_.empty())) return AdoptedStep::kHold;
  return held && !released_ && !stop ? AdoptedStep::kRelease : AdoptedStep::kNothing;
}

bool AdoptedAttempt::unsettled() const {
  return !end_.end && (!end_.has_run || strange_ || desired_.goal == AttemptGoal::kStop);
}

void AdoptedAttempt::advance(SteadyTime now) {
  if (desired_.goal != AttemptGoal::kStop) return;
  if (!stop_since_) stop_since_ = now;
  const bool may_run = released_ || strange_ || !in_sight_;
  if (!may_run && !end_.end) gone(false, "it was stopped before it began");
  if (end_.end && end_.due_at > now) end_.due_at = now;
}

std::vector<InputBody> AdoptedAttempt::reports(SteadyTime now) {
  return end_.reports(desired_, limits_.repeat_after, now);
}

}  // namespace mw::slurm
