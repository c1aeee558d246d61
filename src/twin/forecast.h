// Answers about the future, by running it: the live state is copied, each job that has not ended is
// given a possible run time, jobs like those of the past days go on coming in, and the very brain
// that decides live decides on the copy. Many such futures, each from its own seed, tell how sure
// an answer is. Futures of the same number are the same in all but what is asked about, so two
// answers can be compared. Nothing breaks in a future.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"
#include "core/state.h"
#include "model/input.h"
#include "twin/batches.h"
#include "twin/hindsight.h"
#include "twin/recent_arrivals.h"
#include "twin/run_report.h"
#include "twin/run_times.h"
#include "twin/simulation.h"

namespace mw {

struct ForecastOptions {
  std::uint32_t futures = 40;         ///< at most
  Duration horizon = hours(24 * 14);  ///< a job that has not started by then does not
  std::uint64_t seed = 1;
  /// No further future is begun after this; the first is begun in any case.
  std::optional<std::chrono::steady_clock::time_point> until{};
  /// A future that is under way then is left as it is: it tells nothing but that the job had not
  /// started in it by the time that it had reached.
  std::optional<std::chrono::steady_clock::time_point> give_up{};
  /// Nobody wants the answer any more once this is set: what is returned is then of no use.
  const std::atomic<bool>* stop = nullptr;
};

/// What is known of now, and what can be learned from it.
struct Present {
  /// Learns run times, batches, how sure they are, and arrivals from `state`.
  explicit Present(State now);
  /// Nothing is submitted in the futures.
  Present(State now, RunTimes known) : state(std::move(now)), run_times(std::move(known)) {}

  State state;
  RunTimes run_times;
  Batches batches;
  Hindsight hindsight;
  RecentArrivals arrivals;
};

/// When a job starts in each of the futures that were run; never() where it does not.
struct PossibleStarts {
  std::vector<Instant> at;  ///< by number of the future
  /// Not one future was run to its end: the first was left there, and the job had not started.
  std::optional<Instant> left_at{};
  /// By which the job has started in that share of the futures; never() when it has not in so many.
  /// REQUIRES: at least one future was run.
  [[nodiscard]] Instant quantile(double share) const;
  [[nodiscard]] std::size_t never_started() const;
};

/// Whether another future is to be run after `done` of them.
bool goes_on(const ForecastOptions& options, std::uint32_t done);
/// Whether one that is under way is to be left.
bool gives_up(const ForecastOptions& options);

/// When each of `jobs` starts in the future of that number, after `changes` are handed in; never()
/// when it does not within the horizon. Nothing when the future was left; `left_at` says where, and
/// may be null.  Cost: a copy of the state and a run up to the last of the starts.
std::optional<std::vector<Instant>> possible_starts_in(
    const Present& present, const std::vector<InputBody>& changes, std::span<const JobId> jobs,
    const ForecastOptions& options, std::uint32_t future, Instant* left_at = nullptr);
/// The same of one job.
std::optional<Instant> possible_start(const Present& present, const std::vector<InputBody>& changes,
                                      JobId job, const ForecastOptions& options,
                                      std::uint32_t future, Instant* left_at = nullptr);
/// The same in as many futures as the options allow, for each of `jobs`.
std::vector<PossibleStarts> possible_starts(const Present& present,
                                            const std::vector<InputBody>& changes,
                                            std::span<const JobId> jobs,
                                            const ForecastOptions& options);
PossibleStarts possible_starts(const Present& present, const std::vector<InputBody>& changes,
                               JobId job, const ForecastOptions& options);

/// What the future of that number comes to by the horizon; when it was left, by then.
RunReport run_future(const Present& present, const std::vector<InputBody>& changes,
                     const ForecastOptions& options, std::uint32_t future,
                     const Simulation::Watch& watch = {});

}  // namespace mw
