// How an attempt ended in Slurm, and telling of it until we are told to forget it: the same for
// jobs that we hand to Slurm and for those that people do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "engines/slurm/slurm_types.h"
#include "loop/engine.h"
#include "model/input.h"

namespace mw::slurm {

using SteadyTime = std::chrono::steady_clock::time_point;

/// What its program came to; none: not the program, Slurm ended it. `exit_code`: of the program.
std::optional<TaskExit> exit_of(const SlurmJob& job, std::int32_t exit_code);
/// Slurm ended it at its own time limit.
std::optional<bool> over_time(const SlurmJob& job);
/// Its state, and why, as far as Slurm says.
std::string reason_of(const SlurmJob& job);

/// What is to be told of an attempt: that it runs, once, and how it ended, again and again.
struct AttemptEnd {
  bool has_run = false;
  std::optional<InputBody> end;  ///< how it ended
  bool cancelled_there = false;  ///< by somebody, in Slurm
  bool placed_anew = false;      ///< it is to start again, and nobody is to blame
  SteadyTime due_at;             ///< the end is not told before

  /// All is told again: who asks again may not have heard it.
  void tell_anew();
  /// What has not been told yet, or is due to be repeated.
  std::vector<InputBody> reports(const DesiredAttempt& attempt, Duration repeat_after,
                                 SteadyTime now);

 private:
  bool told_started_ = false;
  bool told_end_ = false;
  std::chrono::nanoseconds repeat_delay_{};
};

}  // namespace mw::slurm
