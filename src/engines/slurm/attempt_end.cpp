#include "engines/slurm/attempt_end.h"

#include <algorithm>

namespace mw::slurm {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kRepeatAtMost{60};
constexpr std::int32_t kSigTerm = 15;

}  // namespace

std::optional<TaskExit> exit_of(const SlurmJob& job, std::int32_t exit_code) {
  TaskExit exit;
  if (job.state == "COMPLETED") return exit;
  exit.exit_code = exit_code;
  exit.signal = job.exit_signal;
  if (job.state == "FAILED") {
    if (exit.ok()) exit.exit_code = 1;
    if (job.reason == "JobLaunchFailure") exit.detail = "Slurm could not launch it";
  } else if (job.state == "TIMEOUT") {
    exit.signal = kSigTerm;
    exit.detail = "it reached its time limit in Slurm";
  } else if (job.state == "OUT_OF_MEMORY") {
    exit.out_of_memory = true;
  } else if (job.state == "CANCELLED") {
    exit.signal = kSigTerm;
  } else {
    return std::nullopt;
  }
  return exit;
}

std::optional<bool> over_time(const SlurmJob& job) {
  return job.state == "TIMEOUT" ? std::optional(true) : std::nullopt;
}

std::string reason_of(const SlurmJob& job) {
  return job.reason.empty() || job.reason == "None" ? job.state : job.state + ", " + job.reason;
}

void AttemptEnd::tell_anew() {
  if (told_end_) due_at = SteadyTime();
  told_started_ = told_end_ = false;
}

std::vector<InputBody> AttemptEnd::reports(const DesiredAttempt& attempt, Duration repeat_after,
                                           SteadyTime now) {
  std::vector<InputBody> result;
  if (has_run && !told_started_) {
    result.emplace_back(AttemptStarted{attempt.job, attempt.epoch});
    told_started_ = true;
  }
  if (!end || now < due_at) return result;
  // Without these the end would be taken for a failure of the job. Whoever cancels it in Slurm
  // means the job, and not only this run of it.
  if (cancelled_there) result.emplace_back(CancelJob{attempt.job, false, "slurm"});
  // Once: it names no attempt, so one that comes late would stop the next. What was told is kept
  // until it is heard, and whoever begins anew asks anew. One that is to stop already has a cause.
  if (placed_anew && !told_end_ && attempt.goal == AttemptGoal::kRun) {
    result.emplace_back(RequeueJob{attempt.job, "slurm"});
  }
  result.push_back(*end);
  repeat_delay_ = told_end_ ? std::min<nanoseconds>(2 * repeat_delay_, kRepeatAtMost)
                            : nanoseconds(repeat_after.count());
  due_at = now + repeat_delay_;
  told_end_ = true;
  return result;
}

}  // namespace mw::slurm
