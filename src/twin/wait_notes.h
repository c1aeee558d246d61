// How long jobs wait in a run, whether it is simulated or read from a journal: of those that had
// not started when it began and those that were submitted since.
#pragma once

#include <cstdint>
#include <map>

#include "base/time.h"
#include "core/state.h"
#include "model/event.h"

namespace mw {

struct WaitFigures {
  std::uint64_t jobs = 0;
  double mean_s = 0;
  double p90_s = 0;
};

class WaitNotes {
 public:
  explicit WaitNotes(const State& beginning);
  void take(Instant now, const EventBody& event);
  /// Jobs that have started in `state`, where the run goes on from a later one than the beginning.
  void catch_up(const State& state);

  /// never(): it has not.
  [[nodiscard]] Instant start_of(JobId job) const;
  /// Jobs that were placed for the first time in this run.
  [[nodiscard]] const std::map<JobId, Instant>& started() const { return started_; }
  [[nodiscard]] std::uint64_t finished() const { return finished_; }
  /// A job that still waits at `end` has waited up to then. Jobs with ids in [first_not, last_not)
  /// are left out.
  [[nodiscard]] WaitFigures figures(Instant end, JobId first_not = {}, JobId last_not = {}) const;

 private:
  std::map<JobId, Instant> submitted_;
  std::map<JobId, Instant> started_;
  std::map<JobId, Instant> taken_back_;  ///< ended without a start
  std::uint64_t finished_ = 0;
};

}  // namespace mw
