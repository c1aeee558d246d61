// What past forecasts were worth: each is kept until its job has started, and then tells how far it
// was off. What is told of a new one is a mixture: the start is as in one of its futures, or as far
// from their median as that of a past question was, whatever the model of the future gets wrong:
// loads change, people change, and no estimate of run times knows it beforehand. The futures count
// as much as kFuturesWeight past questions do, so few of these hardly move what is told, and many
// replace it.
//
// "Off" is on a scale of logarithms of the wait, for it is by factors that forecasts are wrong.
// A forecast whose job still waits tells that it starts later than now, and without these only the
// quick starts would be known; so the distribution is that of Kaplan and Meier. Questions whose
// jobs waited at the same time are late together: each instant of the past counts once, however
// many waited then, and a question as much as is its share of the instants of its wait. What so few
// independent ones leave open is left open: the next may be off by more than any.
// Sources: Lee and Scholtes, "Empirical Prediction Intervals Revisited", International Journal of
// Forecasting 2014; mixed with a prior guess: Ferguson, "A Bayesian Analysis of Some Nonparametric
// Problems", Annals of Statistics 1973, and of what is not over yet Susarla and Van Ryzin, JASA
// 1976; forecasts that overlap: Hansen and Hodrick, Journal of Political Economy 1980, weighed as
// in Lopez de Prado, "Advances in Financial Machine Learning", 2018, 4.4 (average uniqueness); what
// is left open: Hill, "Posterior Distribution of Percentiles", JASA 1968.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/state.h"
#include "twin/forecast.h"

namespace mw {

/// By when the job has started with these probabilities; never() where that is not foreseen.
struct StartInterval {
  Instant p10;
  Instant p50;
  Instant p90;
  /// Otherwise p10 and p90 are not known, for too few futures were run, and are never().
  bool has_spread = true;
  bool operator==(const StartInterval&) const = default;
};

class PastForecasts {
 public:
  /// As so many independent past questions the futures count. By Hill's rule a tenth of the next
  /// starts is before the first of n and half of a gap more when n = 4; of fewer no p10 is known.
  static constexpr double kFuturesWeight = 4;
  /// Older ones are no guide any more; of those that are younger so many are kept.
  static constexpr Duration kMemory = hours(24 * 90);
  static constexpr std::size_t kKept = 8000;
  /// Of how many jobs is asked in the same futures. Who waits at the front tells soonest what a
  /// forecast was worth, who waits at the end what those of long waits are.
  static constexpr std::size_t kJobsAtOnce = 8;

  /// Fewer futures have no tenth part: with n of them the earliest stands for a share of 1/(n+1).
  static constexpr std::size_t kFuturesEnough = 9;

  /// What is told of `starts` at `now`: never() when no future came to its end.
  /// Cost: O(n log n) of what is kept.
  [[nodiscard]] StartInterval told(const PossibleStarts& starts, Instant now) const;
  /// Remembers forecasts of jobs that wait at `now`, from the same futures: together they count as
  /// one. `now` is not before that of any call.
  /// Returns what is told of each.
  std::vector<StartInterval> note(std::span<const JobId> jobs,
                                  std::span<const PossibleStarts> starts, Instant now);

  /// The job has started.
  void started(JobId job, Instant at);
  /// The job will not start any more: it was taken back, or it is not known what became of it.
  void gone(JobId job, Instant at);
  /// Both of the above for all jobs that are known, from what has become of them.
  void look_at(const State& state);

  /// How many are kept, and of how many of them it is known when their jobs started.
  [[nodiscard]] std::size_t kept() const { return asked_.size(); }
  [[nodiscard]] std::size_t settled() const;
  /// To how many independent ones those that are kept come.
  [[nodiscard]] double independent(Instant now) const;

 private:
  struct Asked {
    JobId job;
    Instant at;
    double weight = 1;               ///< all that were asked about at once have 1
    double middle = 0;               ///< logarithm of the median wait in the futures
    std::optional<Instant> started;  ///< or
    std::optional<Instant> gone;     ///< until then it had not started
  };
  /// By how much one was off.
  struct Off {
    double by = 0;
    double weight = 0;      ///< in independent questions
    bool is_known = false;  ///< otherwise it is more than that
  };

  static Instant last_seen(const Asked& asked, Instant now);
  [[nodiscard]] std::vector<double> weights(Instant now) const;
  [[nodiscard]] std::vector<Off> offs(Instant now) const;
  static StartInterval told(const PossibleStarts& starts, const std::vector<Off>& offs,
                            Instant now);
  void forget(Instant now);

  std::deque<Asked> asked_;  ///< in the order of `at`
};

/// Some of the jobs that stand in line and have never run, each as likely, in random order.
std::vector<JobId> some_waiting(const State& state, std::size_t most, Random& random);

}  // namespace mw
