// One run of a job that Slurm has and that is decided about here: what is wanted of it, what Slurm
// last said, what to ask of Slurm next, what to report. As with SlurmAttempt, nothing here asks.
//
// A run begins when the job is let go, and is told from others of the same job by how often Slurm
// has put the job back into its queue: so a job is let go only while it is seen to wait, held,
// and no run is taken for another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engines/slurm/adoption.h"
#include "engines/slurm/slurm_attempt.h"
#include "engines/slurm/slurm_types.h"
#include "loop/engine.h"

namespace mw::slurm {

enum class AdoptedStep { kNothing, kRelease, kHold, kRequeue, kCancel };

class AdoptedAttempt {
 public:
  /// REQUIRES: adopted_job(desired.client_key).
  AdoptedAttempt(DesiredAttempt desired, SlurmAttempt::Limits limits)
      : desired_(std::move(desired)), limits_(limits), origin_(*adopted_job(desired_.client_key)) {}

  [[nodiscard]] const DesiredAttempt& desired() const { return desired_; }
  [[nodiscard]] const std::string& name() const { return origin_.id; }
  /// Its room is ours: it has been let go, or that is not known.
  [[nodiscard]] bool released() const { return released_ && !end_.end; }
  [[nodiscard]] const std::optional<SlurmJob>& last() const { return last_; }
  [[nodiscard]] std::uint32_t runs_before() const { return runs_before_; }
  /// Where its script writes; empty: not known.
  [[nodiscard]] const std::string& output() const { return output_; }

  /// A new goal, or the same told again: then all is reported again.
  void want(DesiredAttempt desired);

  // What came of asking.
  /// Slurm is about to be asked to let it go.
  void release_asked(SteadyTime now);
  /// An earlier control plane asked, when Slurm had put the job back `runs_before` times.
  void was_released(std::uint32_t runs_before, SteadyTime now);
  void release_answered(const Result<void>& answer, SteadyTime now);
  void asked(AdoptedStep step, SteadyTime now);
  /// Slurm does not know the job any more.
  void lost();

  // What a list of jobs said, that was asked for at `asked`.
  void seen(const SlurmJob& job, SteadyTime asked, SteadyTime now);
  /// True: it has been missing for so long that Slurm is to be asked for it by its number.
  bool unseen(SteadyTime asked);

  [[nodiscard]] AdoptedStep next_step(SteadyTime now) const;
  [[nodiscard]] bool unsettled() const;
  void advance(SteadyTime now);
  std::vector<InputBody> reports(SteadyTime now);

 private:
  void seen_waiting(const SlurmJob& job, SteadyTime asked, SteadyTime now);
  void seen_running(const SlurmJob& job);
  void seen_over(const SlurmJob& job, SteadyTime now);
  void put_back(std::string why);
  void gone(bool start_failed, std::string detail);

  DesiredAttempt desired_;
  SlurmAttempt::Limits limits_;
  AdoptedJob origin_;
  std::optional<SlurmJob> last_;  ///< without what it asks for and has
  std::string output_;
  bool in_sight_ = false;
  int misses_ = 0;
  std::uint32_t runs_before_ = 0;  ///< how often it had been put back when it was let go
  bool released_ = false;
  bool sure_ = false;    ///< Slurm said so, or it was seen
  SteadyTime asked_at_;  ///< when what came of letting it go was known, or not
  std::optional<SteadyTime> waiting_since_;
  bool running_ = false;
  bool strange_ = false;  ///< it runs, or may, and not by us: it is taken back
  std::string give_up_;   ///< why it is to be taken back, though it is wanted
  std::optional<SteadyTime> stop_since_;
  SteadyTime again_at_;  ///< the same step not before this again
  bool cancelled_ = false;
  AttemptEnd end_;
};

}  // namespace mw::slurm
