#include "base/shared.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/random.h"

namespace mw {
namespace {

TEST(Shared, IsOneValueUntilACopyChanges) {
  Shared<std::vector<int>> nothing;
  EXPECT_FALSE(nothing);
  EXPECT_EQ(nothing.get(), nullptr);
  EXPECT_EQ(nothing, nothing);

  Shared first(std::vector<int>{1, 2});
  first.change().push_back(3);
  EXPECT_NE(nothing, first);
  const Shared second = first;
  EXPECT_EQ(second.get(), first.get());
  first.change().push_back(4);
  EXPECT_NE(second.get(), first.get());
  EXPECT_EQ(*first, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(*second, (std::vector<int>{1, 2, 3}));
  EXPECT_NE(first, second);
  EXPECT_EQ(first, Shared(std::vector<int>{1, 2, 3, 4}));

  // Alone again, it is changed where it is.
  const auto* mine = first.get();
  first.change()[0] = 7;
  EXPECT_EQ(first.get(), mine);
  Shared moved = std::move(first);
  EXPECT_EQ(moved.get(), mine);
  moved = second;
  EXPECT_EQ(moved.get(), second.get());
}

/// Each copy does what a plain value would, whatever the others do meanwhile.
TEST(Shared, CopiesOnThreadsOfTheirOwnDoNotSeeOneAnother) {
  constexpr int kRounds = 2000;
  Shared<std::vector<std::uint64_t>> live(std::vector<std::uint64_t>(16));
  std::vector<std::uint64_t> plain(16);
  std::vector<std::thread> others;
  Random random(1);
  for (int round = 0; round < kRounds; ++round) {
    if (round % 50 == 0) {
      others.emplace_back([copy = live, expected = plain]() mutable {
        EXPECT_EQ(*copy, expected);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          expected[i] += i;
          copy.change()[i] += i;
        }
        EXPECT_EQ(*copy, expected);
      });
    }
    const std::size_t at = random.below(plain.size());
    ++plain[at];
    ++live.change()[at];
    ASSERT_EQ(*live, plain);
  }
  for (std::thread& other : others) other.join();
  EXPECT_EQ(*live, plain);
}

}  // namespace
}  // namespace mw
