// Following jobs to their end by the stream of events. What a job's events mean for a watcher is
// kept apart from how it is shown, so that it can be tested without a terminal or a server.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/json_view.h"
#include "cli/terminal.h"

namespace mw {

/// What a watcher knows of jobs `first` .. `first + count - 1`, from their events.
class FollowModel {
 public:
  FollowModel(std::uint64_t first, std::uint64_t count) : first_(first), count_(count) {}

  /// Takes one event; what is worth a line of its own is returned, otherwise nothing. Events of
  /// other jobs, and events seen before, change nothing.
  std::optional<std::string> take(const JsonView& event);

  [[nodiscard]] bool done() const { return ended_ == count_; }
  /// Every job has succeeded.  REQUIRES: done().
  [[nodiscard]] bool succeeded() const { return succeeded_ == count_; }
  /// The event to go on after when the stream breaks off.
  [[nodiscard]] std::uint64_t last_seq() const { return last_seq_; }

  /// Share done, when it is known.
  [[nodiscard]] std::optional<double> share() const;
  /// "120/200 · loss 2.31 · 1.2k tokens/s · 40s left", or "12 of 100 ended, 3 run".
  [[nodiscard]] std::string status() const;
  /// Changes whenever status() may have.
  [[nodiscard]] std::uint64_t version() const { return version_; }

 private:
  void take_progress(const JsonView& event);
  std::optional<Duration> time_left() const;

  std::uint64_t first_;
  std::uint64_t count_;
  std::uint64_t last_seq_ = 0;
  std::uint64_t version_ = 0;
  std::map<std::uint64_t, std::string> states_;  ///< of jobs that are neither pending nor ended
  std::uint64_t ended_ = 0;
  std::uint64_t succeeded_ = 0;

  // Of the single job's current attempt.
  std::string phase_ = "waiting";
  std::optional<std::int64_t> step_;
  std::optional<std::int64_t> steps_total_;
  std::optional<double> loss_;
  std::optional<double> rate_;
  std::string unit_;
  std::optional<std::int64_t> checkpoint_step_;
  // The attempt's first progress, from which the pace is taken.
  std::optional<std::int64_t> base_step_;
  Instant base_at_;
  Instant last_at_;
};

enum class FollowStyle {
  kQuiet,     ///< only the outcome
  kProgress,  ///< a bar on a terminal; lines, at most one of progress a second, elsewhere
};

/// Follows until all jobs have ended. Outlives restarts of the control plane.
/// Returns whether all succeeded. Errors: what the API refuses, e.g. a wrong token.
Result<bool> follow_jobs(Api& api, const Console& console, std::uint64_t first, std::uint64_t count,
                         FollowStyle style);

}  // namespace mw
