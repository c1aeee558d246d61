// What questions and true starts come to: coverage of p10..p90, on which side the others are, bias
// of p50, width, and the interval score, by which a wide interval is not better than a true one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "twin/past_forecasts.h"

namespace mw {

struct Answer {
  JobId job;
  Instant asked;
  bool is_measured = false;  ///< otherwise only learned from
  PossibleStarts futures;
  StartInterval told;  ///< after what past forecasts were worth
  std::optional<Instant> started;
};

/// All of one workload, in the order in which they were asked.
struct Answers {
  std::string workload;
  std::vector<Answer> all;
};

/// What is told of each, by what had become of the earlier ones when it was asked.
void tell(std::vector<Answer>& answers);

struct Figures {
  std::size_t asked = 0;
  double covered = 0;        ///< percent, as all below
  double error = 0;          ///< of that, were the questions independent of each other
  double error_by_days = 0;  ///< the same when those of one day are one
  double before = 0;
  double after = 0;
  double later_than_p50 = 0;
  double beyond_horizon = 0;  ///< of all p90
  double width_h = 0;         ///< p90 - p10, the median; of those that have one
  /// Of logarithms of waits of at most the horizon; less is better. Source: Gneiting and Raftery,
  /// "Strictly Proper Scoring Rules, Prediction, and Estimation", JASA 2007, 6.2.
  double score = 0;
};

/// Of what is measured and has started; nothing when that is nothing.
std::optional<Figures> figures_of_futures(const std::vector<Answers>& workloads);
std::optional<Figures> figures_as_told(const std::vector<Answers>& workloads);

/// Percent of the true starts in each tenth of their futures. `seed`: for ties.
std::vector<double> tenths_of_futures(const std::vector<Answer>& answers, std::uint64_t seed);

}  // namespace mw
