// Answers about the future, by running it: the live state is copied, each job that has not ended is
// given a possible run time, and the very brain that decides live decides on the copy. Many such
// futures, each from its own seed, tell how sure an answer is. Futures of the same number are the
// same in all but what is asked about, so two answers can be compared.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/time.h"
#include "core/state.h"
#include "model/input.h"
#include "twin/run_report.h"
#include "twin/run_times.h"
#include "twin/simulation.h"

namespace mw {

struct ForecastOptions {
  std::uint32_t futures = 40;         ///< at most
  Duration horizon = hours(24 * 14);  ///< a job that has not started by then does not
  std::uint64_t seed = 1;
  /// No further future is begun once this is set; null: all are run.
  const std::atomic<bool>* stop = nullptr;
};

/// When a job starts in each of the futures that were run; never() where it does not.
struct PossibleStarts {
  std::vector<Instant> at;  ///< sorted
  /// By which the job has started in that share of the futures; never() when it has not in so many.
  /// REQUIRES: at least one future was run.
  [[nodiscard]] Instant quantile(double share) const;
};

/// Futures of `state` after `changes` are handed in. REQUIRES: run times were learned as far as
/// they are to be.
/// Cost: a copy of the state and a run up to the start for each future.
PossibleStarts possible_starts(const State& state, const RunTimes& run_times,
                               const std::vector<InputBody>& changes, JobId job,
                               const ForecastOptions& options);

/// What each future comes to by the horizon, in the order of their numbers.
/// `started`: told of each job's first start in a future.
std::vector<RunReport> run_futures(
    const State& state, const RunTimes& run_times, const std::vector<InputBody>& changes,
    const ForecastOptions& options,
    const std::function<void(std::uint32_t future, JobId job, Instant at)>& started = {});

}  // namespace mw
