// A slow node is found by comparing it with its pool. Median and median absolute deviation are not
// moved by the very nodes that are looked for, as long as these are fewer than half.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "core/checks.h"
#include "core/state.h"

namespace mw {
namespace {

/// How far behind, in thousandths of 1.4826 x the median absolute deviation, one healthy value in
/// 10,000 is, against so many others: all of them normal. With few others their own deviation is
/// uncertain, and the limit so much larger. From
/// 2 to 37 million simulated values a line.
struct Limit {
  std::size_t others;
  std::int64_t sigmas_milli;
};
constexpr std::array kLimits = {
    Limit{8, 17'740}, Limit{9, 17'670}, Limit{10, 12'790}, Limit{11, 12'520}, Limit{12, 10'070},
    Limit{14, 8'720}, Limit{16, 7'790}, Limit{20, 6'670},  Limit{24, 5'990},  Limit{32, 5'330},
    Limit{48, 4'700}, Limit{64, 4'440}, Limit{128, 4'050}, Limit{255, 3'860},
};
constexpr std::int64_t kMilli = 1000;
/// Median absolute deviation to standard deviation, of normal values.
constexpr std::int64_t kDeviationMilli = 1483;

std::int64_t limit_for(std::size_t others) {
  std::int64_t limit = 0;
  for (const Limit& each : kLimits) {
    if (each.others > others && limit != 0) break;
    limit = each.sigmas_milli;  // of the largest number that is not more
  }
  return limit;
}

/// Between the two in the middle, if there are two.
std::int64_t median_of(std::vector<std::int64_t>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const std::int64_t below = *std::max_element(values.begin(), middle);
  return below + (*middle - below) / 2;
}

}  // namespace

PoolView compare_with(std::int64_t value, BetterValue better, std::vector<std::int64_t> others,
                      const CheckRules& rules) {
  MW_CHECK(!others.empty() && better != BetterValue::kNeither);
  PoolView view;
  view.others = others.size();
  view.median = median_of(others);
  for (std::int64_t& each : others)
    each = each < view.median ? view.median - each : each - view.median;
  view.deviation = median_of(others);
  view.behind = better == BetterValue::kHigher ? view.median - value : value - view.median;
  if (view.others < rules.pool_min || view.behind <= 0) return view;
  const Int128 behind = view.behind;
  const Int128 size = view.median < 0 ? -Int128{view.median} : Int128{view.median};
  const Int128 sigma = Int128{view.deviation} * kDeviationMilli;  // in thousandths
  view.slow = behind * 100 >= size * rules.slow_percent &&
              behind * kMilli * kMilli > sigma * limit_for(view.others);
  return view;
}

std::optional<PoolView> compare_with_pool(const State& state, NodeId node, const Measure& measure) {
  if (measure.better == BetterValue::kNeither) return std::nullopt;
  const auto& pools = state.health.checks.pools;
  const auto found = pools.find(pool_of(state, node, measure.name));
  if (found == pools.end()) return std::nullopt;
  std::vector<std::int64_t> others;
  for (const PoolSample& each : found->second) {
    if (each.node != node) others.push_back(each.value);
  }
  if (others.empty()) return std::nullopt;
  return compare_with(measure.value, measure.better, std::move(others),
                      check_rules(*state.health.policy));
}

}  // namespace mw
