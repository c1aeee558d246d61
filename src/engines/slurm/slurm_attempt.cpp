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

using std::chrono::seconds;

constexpr seconds kTryAgainAfter{1};
constexpr seconds kCancelAgainAfter{5};

}  // namespace

bool is_waiting(const SlurmJob& job) {
  return job.state == "PENDING" || job.state == "REQUEUED" || job.state == "REQUEUE_HOLD" ||
         job.state == "SPECIAL_EXIT" || job.state == "REQUEUE_FED";
}

bool may_run(const SlurmJob& job) { return is_on(job) || job.state == "CONFIGURING"; }

bool is_over(const SlurmJob& job) { return !is_waiting(job) && !may_run(job); }

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
  end_.tell_anew();
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
  if (end_.end) return;
  running_ = is_on(job);
  if (running_) {
    end_.has_run = end_.has_run || job.state == "RUNNING" || job.state == "COMPLETING";
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

bool SlurmAttempt::unseen(SteadyTime asked) {
  // A list that was asked for before says nothing.
  in_sight_ = false;
  if (end_.end || !handed_over_ || asked <= asked_at_) return false;
  if (!sure_) {
    if (asked - asked_at_ > kUnknownFor) handed_over_ = false;  // it never came to be
    return false;
  }
  return ++misses_ >= kMissesMax;
}

/// Slurm forgets ended jobs after a while (MinJobAge); the script has written down how it ended.
void SlurmAttempt::lost() {
  if (const std::optional<int> code = read_exit(directory_, user_)) {
    end_.has_run = true;
    TaskExit exit;
    exit.exit_code = *code;
    return end(AttemptExited{desired_.job, desired_.epoch, std::move(exit)});
  }
  gone(false, fmt::format("Slurm does not know its job {} any more", slurm_job_));
}

void SlurmAttempt::ended(const SlurmJob& job) {
  // That Slurm does not start it there, or starts it again, is not the job's fault.
  end_.placed_anew = !give_up_.empty() && desired_.goal == AttemptGoal::kRun;
  if (!give_up_.empty()) return gone(!end_.has_run, give_up_);
  std::int32_t code = job.exit_code;
  if (job.state == "FAILED") {
    if (code == kCannotMakeFolder) {
      return gone(true, fmt::format("user {} cannot make the folder {} for its output on {}", user_,
                                    directory_, desired_.node_names.front()));
    }
    if (code == kStartedAgain) {
      end_.placed_anew = desired_.goal == AttemptGoal::kRun;
      return gone(false, "Slurm started it again by itself");
    }
    if (code == kAsWritten) code = read_exit(directory_, user_).value_or(kAsWritten);
  }
  auto exit = exit_of(job, code);
  if (!exit) return gone(false, "Slurm ended it: " + reason_of(job));
  // Before a restart it may have been us.
  end_.cancelled_there =
      job.state == "CANCELLED" && !cancelled_ && desired_.goal != AttemptGoal::kStop;
  end_.has_run = true;
  end(AttemptExited{desired_.job, desired_.epoch, std::move(*exit), over_time(job)});
}

void SlurmAttempt::gone(bool start_failed, std::string detail) {
  end(AttemptGone{desired_.job, desired_.epoch, start_failed, std::move(detail)});
}

void SlurmAttempt::end(InputBody how) {
  end_.end = std::move(how);
  running_ = false;
}

NextStep SlurmAttempt::next_step(SteadyTime now) const {
  if (end_.end) return NextStep::kNothing;
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
  return !end_.end && (!end_.has_run || desired_.goal == AttemptGoal::kStop || !give_up_.empty());
}

void SlurmAttempt::advance(SteadyTime now) {
  if (desired_.goal != AttemptGoal::kStop) return;
  if (!stop_since_) stop_since_ = now;
  if (!handed_over_ && !end_.end) gone(false, "it was stopped before it began");
}

std::vector<InputBody> SlurmAttempt::reports(SteadyTime now) {
  return end_.reports(desired_, limits_.repeat_after, now);
}

}  // namespace mw::slurm
