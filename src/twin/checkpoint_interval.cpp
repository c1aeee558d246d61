#include "twin/checkpoint_interval.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "twin/portable_math.h"

namespace mw {

Duration checkpoint_interval(Duration cost, Duration mttf) {
  MW_CHECK(cost.count() >= 0 && mttf.count() > 0);
  const auto mean = static_cast<double>(mttf.count());
  const auto save = static_cast<double>(cost.count());
  if (save >= 2 * mean) return std::max(mttf, seconds(1));
  const double part = save / (2 * mean);
  const double best = std::sqrt(2 * save * mean) * (1 + std::sqrt(part) / 3 + part / 9) - save;
  return std::max(Duration(static_cast<std::int64_t>(best)), seconds(1));
}

double checkpoint_loss(Duration interval, Duration cost, Duration restart, Duration mttf) {
  MW_CHECK(interval.count() > 0 && mttf.count() > 0);
  const auto mean = static_cast<double>(mttf.count());
  const double stretch = static_cast<double>(interval.count() + cost.count()) / mean;
  // Beyond this nothing is ever kept, and the exponential is beyond what a double holds.
  constexpr double kHopeless = 500;
  if (stretch > kHopeless) return 1;
  const double back = static_cast<double>(restart.count()) / mean;
  const double work = static_cast<double>(interval.count()) / mean;
  const double whole = portable_exp(std::min(back, kHopeless)) * (portable_exp(stretch) - 1);
  return std::clamp(1 - work / whole, 0.0, 1.0);
}

}  // namespace mw
