#include "core/position_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/numbered.h"

namespace mw {
namespace {

TEST(LowerBoundNumber, IsThatOfTheStandardLibrary) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::set<std::uint32_t> numbers;
    const std::uint64_t spread = 1 + random.below(60);
    for (std::uint64_t i = random.below(20); i > 0; --i) {
      numbers.insert(static_cast<std::uint32_t>(random.below(spread)));
    }
    const std::vector<std::uint32_t> list(numbers.begin(), numbers.end());
    for (std::uint32_t wanted = 0; wanted <= spread; ++wanted) {
      const auto found = lower_bound_number(list, wanted, [](std::uint32_t n) { return n; });
      EXPECT_EQ(found, static_cast<std::size_t>(std::lower_bound(list.begin(), list.end(), wanted) -
                                                list.begin()));
    }
  }
}

TEST(PositionSet, DoesWhatAPlainSetDoes) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::uint64_t spread = std::uint64_t{1} << random.between(1, 32);
    PositionSet set;
    std::set<std::uint32_t> plain;
    PositionSet backwards;  // the same, made in another order, is equal
    for (int i = 0; i < 500; ++i) {
      const auto position = static_cast<std::uint32_t>(random.below(spread));
      if (plain.insert(position).second) {
        set.insert(position);
      } else {
        plain.erase(position);
        set.erase(position);
      }
      const auto from = static_cast<std::uint32_t>(random.below(spread));
      const auto next = plain.lower_bound(from);
      ASSERT_EQ(set.next(from), next == plain.end() ? std::nullopt : std::optional(*next));
      ASSERT_EQ(set.empty(), plain.empty());
    }
    for (auto at = plain.rbegin(); at != plain.rend(); ++at) backwards.insert(*at);
    EXPECT_EQ(set, backwards);
    if (!plain.empty()) {
      backwards.erase(*plain.begin());
      EXPECT_NE(set, backwards);
    }
  }
}

TEST(IndexesByAmount, WalksFromTheLeastAmountOn) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<std::uint32_t> amounts(1 + random.below(100));
    const std::uint64_t most = 1 + random.below(60);
    IndexesByAmount lines;
    for (int i = 0; i < 300; ++i) {
      const auto index = static_cast<std::uint32_t>(random.below(amounts.size()));
      const auto amount = static_cast<std::uint32_t>(random.below(most + 1));
      lines.move(index, amounts[index], amount);
      amounts[index] = amount;
    }
    std::set<std::pair<std::uint32_t, std::uint32_t>> plain;
    IndexesByAmount again;
    for (std::uint32_t i = 0; i < amounts.size(); ++i) {
      if (amounts[i] > 0) plain.emplace(amounts[i], i);
      again.move(i, 0, amounts[i]);
    }
    EXPECT_EQ(lines, again);
    std::set<std::pair<std::uint32_t, std::uint32_t>> walked;
    for (const auto& each : lines) {
      EXPECT_TRUE(walked.empty() || *walked.rbegin() < each);
      walked.insert(each);
    }
    EXPECT_EQ(walked, plain);
  }
}

}  // namespace
}  // namespace mw
