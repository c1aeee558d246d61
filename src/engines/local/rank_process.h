// One rank as the control plane sees it: through its files, its lock, and a descriptor of its
// supervisor's process. Holds no truth of its own: everything is read again, so what an earlier
// control plane started is no different from what this one did.
//
// Whether a supervisor lives is decided by the lock alone. Whoever wants to start a rank takes the
// lock first, and hands it to the supervisor; so of two that try, one starts it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "engines/local/task_record.h"

namespace mw::local {

enum class RankPhase : std::uint8_t {
  kAbsent,    ///< never started
  kStarting,  ///< has a supervisor; the program is not executed yet
  kRunning,
  kClearing,  ///< its supervisor vanished, and what is left of the task is being killed
  kEnded,     ///< its end is on disk
};

class RankProcess {
 public:
  explicit RankProcess(std::filesystem::path directory);

  /// Reads again how it is.
  void look();
  [[nodiscard]] RankPhase phase() const { return phase_; }
  /// Its program was executed, whether or not it has ended since.
  [[nodiscard]] bool has_run() const { return has_run_; }
  /// How it ended.  REQUIRES: phase() == kEnded.
  [[nodiscard]] const TaskExit& exit() const { return exit_; }
  /// Nothing of it is left, its supervisor included.
  [[nodiscard]] bool gone() const;
  /// A supervisor that we started ended before it began: starting it again would not help.
  [[nodiscard]] bool start_failed() const { return spawned_ && phase_ == RankPhase::kAbsent; }

  /// Starts it, unless it was started already, by whomever.
  Result<void> start(const TaskSpec& spec, const std::string& supervisor_program);
  /// Asks its supervisor to stop the task; may be repeated.
  void stop(Duration grace);

  /// Readable when its supervisor has ended; -1 when there is none, or it is not known yet.
  [[nodiscard]] int supervisor_fd() const { return supervisor_.get(); }
  /// To be called then: takes the ended supervisor's place in the process table away.
  void supervisor_ended();

  /// What it was started with; nothing when it was not, or was forgotten.
  [[nodiscard]] std::optional<TaskSpec> spec() const;
  /// What its supervisor said on standard error.
  [[nodiscard]] std::string supervisor_said() const;
  /// Removes everything but log and status, above all the token.
  void forget();

 private:
  void vanished(const TaskStatus& status);
  void clear();
  Result<void> spawn(const std::string& supervisor_program, int lock_fd);

  RankFiles files_;
  RankPhase phase_ = RankPhase::kAbsent;
  bool has_run_ = false;
  bool spawned_ = false;
  TaskExit exit_;
  UniqueFd supervisor_;
  UniqueFd lock_;                   ///< held while clearing
  std::optional<TaskStatus> last_;  ///< what the vanished supervisor wrote last
};

}  // namespace mw::local
