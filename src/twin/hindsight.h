// How far run times as a whole turned out other than the past had told. At moments of the past some
// jobs waited, and those that had run by then told how long they would run; by now it is known how
// long they really did. The ratio of both means is off by a factor of three as easily as not, for
// people's work changes from week to week, and no share of the past tells it better than all of it
// (docs/validation.md). So each future takes one of these ratios for all that waits in it: a queue
// of a hundred jobs is no surer than one job.
// Sources: errors of past predictions as the distribution of the next one: Lee and Scholtes,
// "Empirical Prediction Intervals Revisited", International Journal of Forecasting 2014; predicted
// with what was known then: Dawid, "The Prequential Approach", JRSS A 1984; means of runs of which
// some still go on: Kaplan and Meier, 1958, restricted to the longest seen.
#pragma once

#include <cstddef>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/state.h"

namespace mw {

class Hindsight {
 public:
  /// Moments of the past that are looked at.
  static constexpr int kMoments = 48;
  /// Fewer waiting jobs whose runs are known tell nothing of a mean.
  static constexpr std::size_t kWaitingMin = 5;
  /// Fewer moments tell nothing of how ratios are spread.
  static constexpr std::size_t kRatiosMin = 8;

  /// Nothing is known: every ratio is 1.
  Hindsight() = default;
  /// From the jobs that the state still keeps.
  explicit Hindsight(const State& state);

  /// Real length of what waited / what was to be expected then; sorted. Empty when too little is
  /// known.
  [[nodiscard]] const std::vector<double>& ratios() const { return ratios_; }
  /// `length` by one of the ratios, each as likely. At least a nanosecond.
  [[nodiscard]] Duration applied_to(Duration length, Random random) const;

 private:
  std::vector<double> ratios_;
};

}  // namespace mw
