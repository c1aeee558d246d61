// The jobs that people will submit in a possible future: those of the past days again, in other
// order. Without them a forecast believes that the queue only gets shorter, and is too early for
// whoever others may overtake.
// Blocks of a few hours are taken from the same hours of a past day, drawn anew for each block, so
// that bursts stay bursts and nights stay nights.
// Source: the block bootstrap of Kuensch, "The Jackknife and the Bootstrap for General Stationary
// Observations", 1989, with blocks that keep the hour of the day.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/state.h"
#include "twin/run_times.h"
#include "twin/workload.h"

namespace mw {

class RecentArrivals {
 public:
  /// Nobody submits anything.
  RecentArrivals() = default;
  /// What was submitted by state.now, as far as the state still keeps all of it; at most a week.
  /// Jobs that were held or were taken back before they started are left out. Too short a past says
  /// nothing of the future: then there are none.
  explicit RecentArrivals(const State& state);

  /// Over how long a past they are known; 0: not at all.
  [[nodiscard]] Duration past() const { return past_; }
  [[nodiscard]] std::size_t jobs() const { return jobs_.size(); }

  /// One future's submissions after `now`. This and `run_times` outlive what is returned.
  [[nodiscard]] std::unique_ptr<WorkloadSource> future(const RunTimes& run_times, Instant now,
                                                       Random random) const;

 private:
  class Source;
  struct Arrival {
    Duration at;  ///< since the beginning of the past that is known
    std::shared_ptr<const JobSpec> spec;
    std::optional<Duration> ran;  ///< how long it ran, where that is known
  };
  void forget_before(Duration begin);

  std::vector<Arrival> jobs_;  ///< by `at`
  Duration past_;              ///< whole days where it is more than one
};

}  // namespace mw
