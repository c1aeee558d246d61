#include "engines/slurm/adopted_attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/units.h"

namespace mw::slurm {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

/// After a request of which nothing is known; see SlurmAttempt.
constexpr seconds kUnknownFor{12};
constexpr seconds kAgainAfter{5};
constexpr seconds kRepeatAtMost{60};
/// Slurm looks at time limits twice a minute, and may allow more (OverTimeLimit).
constexpr seconds kOverTimeMax{180};
/// So long the end of a job at Slurm's limit waits for ours to come.
constexpr seconds kOurLimitComes{10};
constexpr std::int32_t kSigTerm = 15;
constexpr int kMissesMax = 2;

nanoseconds wait_of(Duration duration) { return nanoseconds(duration.count()); }

std::string reason_of(const SlurmJob& job) {
  return job.reason.empty() || job.reason == "None" ? job.state : job.state + ", " + job.reason;
}

/// Slurm will not start it, however long one waits.
bool is_hopeless(const SlurmJob& job) {
  return job.reason == "DependencyNeverSatisfied" || job.reason == "BadConstraints" ||
         job.reason == "PartitionTimeLimit" || job.reason == "PartitionNodeLimit";
}

}  // namespace

void AdoptedAttempt::want(DesiredAttempt desired) {
  desired_ = std::move(desired);
  if (told_end_) report_at_ = SteadyTime();
  told_started_ = told_end_ = false;
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
  if (end_) return;
  gone(false, fmt::format("Slurm does not know its job {} any more", name()));
}

bool AdoptedAttempt::unseen(SteadyTime asked) {
  in_sight_ = false;
  if (end_ || asked <= asked_at_) return false;
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
  if (end_) return;
  if (is_waiting(job) && !job.completing) {
    seen_waiting(job, asked, now);
  } else if (is_on(job) || job.state == "CONFIGURING") {
    seen_running(job, now);
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
    if (now - asked_at_ > kUnknownFor) released_ = false;  // it was not heard
    return;
  }
  sure_ = true;
  if (!waiting_since_) waiting_since_ = now;
  const bool too_long = now - *waiting_since_ > wait_of(limits_.start_timeout);
  if (give_up_.empty() && (too_long || is_hopeless(job))) {
    give_up_ = fmt::format("Slurm did not start it: {}", job.reason);
  }
}

void AdoptedAttempt::seen_running(const SlurmJob& job, SteadyTime) {
  strange_ = !released_ || job.restarts > runs_before_;
  if (strange_) return;
  sure_ = true;
  running_ = true;
  give_up_.clear();
  waiting_since_.reset();
  has_run_ = has_run_ || job.state == "RUNNING" || job.state == "COMPLETING";
}

void AdoptedAttempt::seen_over(const SlurmJob& job, SteadyTime now) {
  if (!released_ || job.restarts > runs_before_) {
    cancelled_there_ = job.state == "CANCELLED" && desired_.goal != AttemptGoal::kStop;
    return gone(true, fmt::format("Slurm has ended it ({}), and it is not to be started again",
                                  reason_of(job)));
  }
  TaskExit exit;
  exit.exit_code = job.exit_code;
  exit.signal = job.exit_signal;
  if (job.state == "COMPLETED") {
    exit = TaskExit();
  } else if (job.state == "FAILED") {
    if (exit.ok()) exit.exit_code = 1;
    if (job.reason == "JobLaunchFailure") exit.detail = "Slurm could not launch it";
  } else if (job.state == "TIMEOUT") {
    exit.signal = kSigTerm;
    exit.detail = "it reached its time limit in Slurm";
    if (desired_.goal == AttemptGoal::kRun) report_at_ = now + kOurLimitComes;
  } else if (job.state == "OUT_OF_MEMORY") {
    exit.out_of_memory = true;
  } else if (job.state == "CANCELLED") {
    exit.signal = kSigTerm;
    cancelled_there_ = !cancelled_ && desired_.goal != AttemptGoal::kStop;
  } else {
    return gone(false, "Slurm ended it: " + reason_of(job));
  }
  has_run_ = true;
  running_ = false;
  end_ = AttemptExited{desired_.job, desired_.epoch, std::move(exit)};
}

/// It waits in Slurm as before it was let go.
void AdoptedAttempt::put_back(std::string why) {
  placed_anew_ = desired_.goal == AttemptGoal::kRun;
  gone(!has_run_, std::move(why));
}

void AdoptedAttempt::gone(bool start_failed, std::string detail) {
  end_ = AttemptGone{desired_.job, desired_.epoch, start_failed, std::move(detail)};
  running_ = false;
}

AdoptedStep AdoptedAttempt::next_step(SteadyTime now) const {
  if (end_ || !in_sight_ || now < again_at_) return AdoptedStep::kNothing;
  const bool runs = last_ && (is_on(*last_) || last_->state == "CONFIGURING");
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
  return !end_ && (!has_run_ || strange_ || desired_.goal == AttemptGoal::kStop);
}

void AdoptedAttempt::advance(SteadyTime now) {
  if (desired_.goal != AttemptGoal::kStop) return;
  if (!stop_since_) stop_since_ = now;
  const bool may_run = released_ || strange_ || !in_sight_;
  if (!may_run && !end_) gone(false, "it was stopped before it began");
  if (end_ && report_at_ > now) report_at_ = now;
}

std::vector<InputBody> AdoptedAttempt::reports(SteadyTime now) {
  std::vector<InputBody> result;
  if (has_run_ && !told_started_) {
    result.emplace_back(AttemptStarted{desired_.job, desired_.epoch});
    told_started_ = true;
  }
  if (!end_ || now < report_at_) return result;
  // Each time: without these the end would be taken for a failure of the job, should the step that
  // they came to first not have been kept.
  if (cancelled_there_) result.emplace_back(CancelJob{desired_.job, false, "slurm"});
  if (placed_anew_) result.emplace_back(RequeueJob{desired_.job, "slurm"});
  result.push_back(*end_);
  repeat_delay_ = told_end_ ? std::min<nanoseconds>(2 * repeat_delay_, kRepeatAtMost)
                            : wait_of(limits_.repeat_after);
  report_at_ = now + repeat_delay_;
  told_end_ = true;
  return result;
}

}  // namespace mw::slurm
