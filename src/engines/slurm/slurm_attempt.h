// One attempt on its way through Slurm: what is wanted, what Slurm has of it, what was reported.
// Nothing here asks Slurm anything: it is told what Slurm said, and says what to ask next.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "engines/slurm/attempt_end.h"
#include "engines/slurm/slurm_types.h"
#include "loop/engine.h"

namespace mw::slurm {

/// After a request that nothing is known of: by then slurmctld has either done it or never will
/// (slurmrestd gives up on it after its MessageTimeout, 10 s by default).
inline constexpr std::chrono::seconds kUnknownFor{12};
/// Lists in a row in which a job that Slurm took is missing before it is taken for gone.
inline constexpr int kMissesMax = 2;

inline std::chrono::nanoseconds wait_of(Duration duration) {
  return std::chrono::nanoseconds(duration.count());
}

/// What is to be asked of Slurm for an attempt.
enum class NextStep { kNothing, kSubmit, kSignal, kCancel };

/// It waits for Slurm to start it.
bool is_waiting(const SlurmJob& job);
/// It has nodes.
bool is_on(const SlurmJob& job);
/// It has nodes, or is about to.
bool may_run(const SlurmJob& job);
/// It has ended, and Slurm will not start it again by itself.
bool is_over(const SlurmJob& job);

class SlurmAttempt {
 public:
  struct Limits {
    Duration start_timeout;
    Duration repeat_after;
  };
  SlurmAttempt(DesiredAttempt desired, std::string user, std::string directory, Limits limits);

  [[nodiscard]] const DesiredAttempt& desired() const { return desired_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] SlurmJobId slurm_job() const { return slurm_job_; }
  [[nodiscard]] bool handed_over() const { return handed_over_; }
  /// It is to come to its end.
  [[nodiscard]] bool unwanted() const {
    return end_.end || desired_.goal == AttemptGoal::kStop || !give_up_.empty();
  }

  /// A new goal, or the same told again: then all is reported again.
  /// REQUIRES: same job, attempt and epoch.
  void want(DesiredAttempt desired);

  // What came of asking.
  /// Slurm is about to be asked to take it.
  void hand_over(SteadyTime now);
  /// It was handed over by an earlier control plane.  `sure`: Slurm had taken it.
  void was_handed_over(SlurmJobId job, bool sure, SteadyTime now);
  void taken(SlurmJobId job, SteadyTime now);
  /// Slurm was not reached: nothing was handed over.
  void not_reached(SteadyTime now);
  /// What came of it is unknown; the next list of jobs tells.
  void unknown(SteadyTime now);
  void signalled() { signalled_ = true; }
  void cancelled(SteadyTime now);
  /// It cannot be started.
  void refuse(std::string why);

  // What a list of jobs said, which was asked for at `asked`.
  void seen(const SlurmJob& job, SteadyTime now);
  /// True: it is missing though Slurm had taken it, so that Slurm is to be asked for it alone.
  bool unseen(SteadyTime asked);
  /// Slurm does not know it any more: how it ended is what its script has written down.
  void lost();

  [[nodiscard]] NextStep next_step(SteadyTime now) const;
  /// Something is on its way, so that Slurm is to be looked at soon.
  [[nodiscard]] bool unsettled() const;
  /// What follows from what is wanted, without asking anybody.
  void advance(SteadyTime now);
  /// What has not been reported yet, or is due to be repeated.
  std::vector<InputBody> reports(SteadyTime now);

 private:
  void ended(const SlurmJob& job);
  void end(InputBody how);
  void gone(bool start_failed, std::string detail);

  DesiredAttempt desired_;
  std::string user_;
  std::string directory_;
  Limits limits_;

  bool handed_over_ = false;
  bool sure_ = false;  ///< Slurm said that it took it
  SlurmJobId slurm_job_ = 0;
  SteadyTime asked_at_;  ///< when what came of handing over was known, or not
  int misses_ = 0;       ///< lists in a row without it
  std::optional<SteadyTime> pending_since_;
  bool in_sight_ = false;  ///< in the last list; numbers of jobs are used again when Slurm forgets
  bool running_ = false;   ///< as last seen
  std::string give_up_;    ///< why it is to be ended, though it is wanted
  std::optional<SteadyTime> stop_since_;
  bool signalled_ = false;
  SteadyTime cancel_at_;  ///< not before this again
  bool cancelled_ = false;
  AttemptEnd end_;
};

}  // namespace mw::slurm
