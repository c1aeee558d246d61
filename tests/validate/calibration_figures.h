// What questions and true starts come to: coverage of p10..p90, on which side the others are, bias
// of p50, width, and the interval score, by which a wide interval is not better than a true one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "twin/past_forecasts.h"

namespace mw {

struct Answer {
  JobId job;
  Instant asked;
  double weight = 1;  ///< of all that are asked about at once together 1
  PossibleStarts futures;
  StartInterval told;  ///< after what past forecasts were worth
  std::optional<Instant> started;
};

/// All of one workload, in the order in which they were asked.
struct Answers {
  std::string workload;
  std::vector<Answer> all;
  /// To how many waits that do not overlap they come; see PastForecasts.
  double independent = 0;
};

/// What is told of each, by what had become of the earlier ones when it was asked.
void tell(Answers& answers);

struct Figures {
  double asked = 0;          ///< moments; jobs that have not started do not count
  double covered = 0;        ///< percent, as all below
  double error = 0;          ///< of that, by the number of waits that do not overlap
  double error_by_days = 0;  ///< the same when what is asked on one day is one
  double before = 0;
  double after = 0;
  double later_than_p50 = 0;
  double beyond_horizon = 0;  ///< of all p90
  double width_h = 0;         ///< p90 - p10, the median; of those that have one
  /// Of logarithms of waits of at most the horizon; less is better. Source: Gneiting and Raftery,
  /// "Strictly Proper Scoring Rules, Prediction, and Estimation", JASA 2007, 6.2.
  double score = 0;
};

/// Of what has started; nothing when that is nothing.
std::optional<Figures> figures_of_futures(const std::vector<Answers>& workloads);
std::optional<Figures> figures_as_told(const std::vector<Answers>& workloads);

/// Percent of the true starts in each tenth of their futures. `seed`: for ties.
std::vector<double> tenths_of_futures(const std::vector<Answer>& answers, std::uint64_t seed);

}  // namespace mw
