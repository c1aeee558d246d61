#include "engines/slurm/slurm_attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/units.h"
#include "engines/slurm/job_script.h"
#include "engines/slurm/output.h"

namespace mw::slurm {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

/// After a submit that nothing is known of: by then slurmctld has either put it into its list or
/// never will (slurmrestd gives up on it after its MessageTimeout, 10 s by default).
constexpr seconds kUnknownFor{12};
constexpr seconds kTryAgainAfter{1};
constexpr seconds kCancelAgainAfter{5};
constexpr seconds kRepeatAtMost{60};
constexpr std::int32_t kSigTerm = 15;
/// Lists in a row in which a job that Slurm took is missing before it is taken for gone.
constexpr int kMissesMax = 2;

nanoseconds wait_of(Duration duration) { return nanoseconds(duration.count()); }

}  // namespace

bool is_waiting(const SlurmJob& job) {
  return job.state == "PENDING" || job.state == "REQUEUED" || job.state == "REQUEUE_HOLD" ||
         job.state == "SPECIAL_EXIT" || job.state == "REQUEUE_FED";
}

bool is_over(const SlurmJob& job) {
  return !is_waiting(job) && !is_on(job) && job.state != "CONFIGURING";
}

bool is_on(const SlurmJob& job) {
  return job.completing || job.state == "RUNNING" || job.state == "SUSPENDED" ||
         job.state == "STOPPED" || job.state == "RESIZING" || job.state == "SIGNALING" ||
         job.state == "STAGE_OUT";
}

SlurmAttempt::SlurmAttempt(DesiredAttempt desired, std::string user, std::string directory,
                           Limits limits)
    : desired_(std::move(desired)),
      user_(std::move(user)),
      directory_(std::move(directory)),
      limits_(limits) {}

void SlurmAttempt::want(DesiredAttempt desired) {
  desired_ = std::move(desired);
  // Being told again may mean that what we said was lost: it costs little to say it again.
  told_started_ = told_end_ = false;
}

void SlurmAttempt::hand_over(SteadyTime now) {
  handed_over_ = true;
  sure_ = false;
  misses_ = 0;
  asked_at_ = now;
}

void SlurmAttempt::was_handed_over(SlurmJobId job, bool sure, SteadyTime now) {
  handed_over_ = true;
  sure_ = sure;
  slurm_job_ = job;
  asked_at_ = now;
}

void SlurmAttempt::taken(SlurmJobId job, SteadyTime now) {
  slurm_job_ = job;
  sure_ = true;
  asked_at_ = now;
}

void SlurmAttempt::not_reached(SteadyTime now) {
  handed_over_ = false;
  asked_at_ = now;
}

void SlurmAttempt::unknown(SteadyTime now) { asked_at_ = now; }

void SlurmAttempt::cancelled(SteadyTime now) {
  cancelled_ = true;
  cancel_at_ = now + kCancelAgainAfter;
}

void SlurmAttempt::refuse(std::string why) { gone(true, std::move(why)); }

void SlurmAttempt::seen(const SlurmJob& job, SteadyTime now) {
  slurm_job_ = job.id;
  handed_over_ = sure_ = true;
  in_sight_ = true;
  misses_ = 0;
  if (end_) return;
  running_ = is_on(job);
  if (running_) {
    has_run_ = has_run_ || job.state == "RUNNING" || job.state == "COMPLETING";
    pending_since_.reset();
  } else if (is_waiting(job) || job.state == "CONFIGURING") {
    if (!pending_since_) pending_since_ = now;
    if (job.restarts > 0) {
      give_up_ = "Slurm took it off its nodes and put it back into its queue";
    } else if (now - *pending_since_ > wait_of(limits_.start_timeout) && give_up_.empty()) {
      give_up_ = fmt::format("Slurm had not started it after {}: {}",
                             write_duration(limits_.start_timeout), job.reason);
    }
  } else {
    ended(job);
  }
}

bool SlurmAttempt::unseen(SteadyTime asked, SteadyTime now) {
  // A list that was asked for before says nothing.
  in_sight_ = false;
  if (end_ || !handed_over_ || asked <= asked_at_) return false;
  if (!sure_) {
    if (now - asked_at_ > kUnknownFor) handed_over_ = false;  // it never came to be
    return false;
  }
  return ++misses_ >= kMissesMax;
}

/// Slurm forgets ended jobs after a while (MinJobAge); the script has written down how it ended.
void SlurmAttempt::lost() {
  if (const std::optional<int> code = read_exit(directory_, user_)) {
    has_run_ = true;
    TaskExit exit;
    exit.exit_code = *code;
    return end(AttemptExited{desired_.job, desired_.epoch, std::move(exit)});
  }
  gone(false, fmt::format("Slurm does not know its job {} any more", slurm_job_));
}

void SlurmAttempt::ended(const SlurmJob& job) {
  TaskExit exit;
  exit.exit_code = job.exit_code;
  exit.signal = job.exit_signal;
  // That Slurm does not start it there, or starts it again, is not the job's fault.
  placed_anew_ = !give_up_.empty() && desired_.goal == AttemptGoal::kRun;
  if (!give_up_.empty()) return gone(!has_run_, give_up_);
  if (job.state == "COMPLETED") {
    exit = TaskExit();
  } else if (job.state == "FAILED") {
    if (job.exit_code == kCannotMakeFolder) {
      return gone(true, fmt::format("user {} cannot make the folder {} for its output on {}", user_,
                                    directory_, desired_.node_names.front()));
    }
    if (job.exit_code == kStartedAgain) {
      placed_anew_ = desired_.goal == AttemptGoal::kRun;
      return gone(false, "Slurm started it again by itself");
    }
    if (job.exit_code == kAsWritten) {
      exit.exit_code = read_exit(directory_, user_).value_or(kAsWritten);
    }
    if (exit.ok()) exit.exit_code = 1;
    if (job.reason == "JobLaunchFailure") exit.detail = "Slurm could not launch it";
  } else if (job.state == "TIMEOUT") {
    exit.signal = kSigTerm;
    exit.detail = "it reached its time limit in Slurm";
  } else if (job.state == "OUT_OF_MEMORY") {
    exit.out_of_memory = true;
  } else if (job.state == "CANCELLED") {
    exit.signal = kSigTerm;
    // Before a restart it may have been us.
    cancelled_there_ = !cancelled_ && desired_.goal != AttemptGoal::kStop;
  } else {
    return gone(false, "Slurm ended it: " + job.state +
                           (job.reason.empty() || job.reason == "None" ? "" : ", " + job.reason));
  }
  has_run_ = true;
  end(AttemptExited{desired_.job, desired_.epoch, std::move(exit)});
}

void SlurmAttempt::gone(bool start_failed, std::string detail) {
  end(AttemptGone{desired_.job, desired_.epoch, start_failed, std::move(detail)});
}

void SlurmAttempt::end(InputBody report) {
  end_ = std::move(report);
  running_ = false;
}

NextStep SlurmAttempt::next_step(SteadyTime now) const {
  if (end_) return NextStep::kNothing;
  const bool stop = desired_.goal == AttemptGoal::kStop || !give_up_.empty();
  if (!handed_over_) {
    if (stop) return NextStep::kNothing;
    return now >= asked_at_ + kTryAgainAfter || asked_at_ == SteadyTime() ? NextStep::kSubmit
                                                                          : NextStep::kNothing;
  }
  if (!stop || !in_sight_) return NextStep::kNothing;
  const bool gently = running_ && give_up_.empty() && desired_.grace.count() > 0;
  const bool in_time = !stop_since_ || now < *stop_since_ + wait_of(desired_.grace);
  if (gently && in_time) return signalled_ ? NextStep::kNothing : NextStep::kSignal;
  return now >= cancel_at_ ? NextStep::kCancel : NextStep::kNothing;
}

bool SlurmAttempt::unsettled() const {
  return !end_ && (!has_run_ || desired_.goal == AttemptGoal::kStop || !give_up_.empty());
}

void SlurmAttempt::advance(SteadyTime now) {
  if (desired_.goal != AttemptGoal::kStop) return;
  if (!stop_since_) stop_since_ = now;
  if (!handed_over_ && !end_) gone(false, "it was stopped before it began");
}

std::vector<InputBody> SlurmAttempt::reports(SteadyTime now) {
  std::vector<InputBody> result;
  if (has_run_ && !told_started_) {
    result.emplace_back(AttemptStarted{desired_.job, desired_.epoch});
    told_started_ = true;
  }
  if (!end_ || (told_end_ && now < repeat_at_)) return result;
  // Whoever cancels it in Slurm means the job, and not only this run of it.
  if (std::exchange(cancelled_there_, false)) {
    result.emplace_back(CancelJob{desired_.job, false, "slurm"});
  }
  if (std::exchange(placed_anew_, false)) {
    result.emplace_back(RequeueJob{desired_.job, "slurm"});
  }
  result.push_back(*end_);
  repeat_delay_ = told_end_ ? std::min<nanoseconds>(2 * repeat_delay_, kRepeatAtMost)
                            : wait_of(limits_.repeat_after);
  repeat_at_ = now + repeat_delay_;
  told_end_ = true;
  return result;
}

}  // namespace mw::slurm
