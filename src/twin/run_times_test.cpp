#include "twin/run_times.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace mw {
namespace {

JobSpec spec_of(const std::string& name, const std::string& tenant, std::uint32_t accelerators) {
  JobSpec spec;
  spec.name = name;
  spec.tenant = tenant;
  spec.gang.tasks = accelerators;
  return spec;
}

TEST(RunTimes, TheClosestTemplateWithEnoughRunsTells) {
  RunTimes past;
  for (int i = 0; i < 2000; ++i) past.learn(spec_of("train", "red", 8), hours(2));
  for (int i = 0; i < 2000; ++i) past.learn(spec_of("eval", "red", 8), hours(1));
  Random random(1);
  EXPECT_EQ(past.sample(spec_of("train", "red", 8), Duration(), random), hours(2));
  EXPECT_EQ(past.sample(spec_of("eval", "red", 8), Duration(), random), hours(1));
  // Another name of the same tenant and size may be either; another size takes all there are.
  const Duration other = past.sample(spec_of("new", "red", 8), Duration(), random);
  EXPECT_TRUE(other == hours(1) || other == hours(2));
  EXPECT_EQ(past.sample(spec_of("new", "blue", 500), hours(1), random), hours(2));
}

TEST(RunTimes, WhatHasRunAlreadyRunsLonger) {
  RunTimes past;
  for (int i = 1; i <= 100; ++i) past.learn(spec_of("train", "red", 8), minutes(i));
  Random random(2);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_GT(past.sample(spec_of("train", "red", 8), minutes(60), random), minutes(60));
  }
}

// The estimate of Kaplan and Meier, by hand: of 1,200 runs a third ended after 1 h, then 400 that
// had run for 2 h went on, and of a further third half ended after 3 h and half after 4 h.
TEST(RunTimes, RunsThatGoOnGiveTheirWeightToLongerOnes) {
  RunTimes past;
  const JobSpec spec = spec_of("train", "red", 8);
  for (int i = 0; i < 400; ++i) past.learn(spec, hours(1));
  for (int i = 0; i < 400; ++i) past.learn_unended(spec, hours(2));
  for (int i = 0; i < 200; ++i) past.learn(spec, hours(3));
  for (int i = 0; i < 200; ++i) past.learn(spec, hours(4));
  EXPECT_EQ(past.runs(), 800U);
  Random random(5);
  std::map<std::int64_t, int> counts;
  constexpr int kDraws = 30'000;
  for (int i = 0; i < kDraws; ++i) ++counts[past.sample(spec, Duration(), random).count()];
  for (const int length : {1, 3, 4})
    EXPECT_NEAR(counts[hours(length).count()], kDraws / 3.0, kDraws * 0.015) << length;
  EXPECT_EQ(counts[hours(2).count()], 0);
}

// Hill's assumption: the next of n + 1 like runs is the shortest with probability 1/(n+1), and the
// longest with the same, and lies in each gap between as often.
TEST(RunTimes, EachGapBetweenRunsIsAsLikely) {
  for (const int known : {1, 3, 9}) {
    RunTimes past;
    const JobSpec spec = spec_of("train", "red", 8);
    for (int i = 1; i <= known; ++i) past.learn(spec, hours(i));
    std::vector<int> gaps(static_cast<std::size_t>(known) + 1);
    Random random(6);
    constexpr int kDraws = 20'000;
    for (int i = 0; i < kDraws; ++i) {
      const Duration drawn = past.sample(spec, Duration(), random);
      ASSERT_GT(drawn, Duration());
      const auto gap = static_cast<std::size_t>((drawn.count() - 1) / hours(1).count());
      ++gaps[std::min(gap, gaps.size() - 1)];
    }
    for (const int count : gaps)
      EXPECT_NEAR(count, kDraws / (known + 1.0), kDraws * 0.015) << known << " runs";
  }
}

TEST(RunTimes, NumbersInANameAreNoOtherKind) {
  RunTimes past;
  for (int i = 0; i < 2000; ++i)
    past.learn(spec_of("train-" + std::to_string(i), "red", 8), hours(2));
  for (int i = 0; i < 2000; ++i) past.learn(spec_of("eval", "red", 8), hours(1));
  Random random(7);
  int like = 0;
  for (int i = 0; i < 100; ++i)
    like += past.sample(spec_of("train-x9", "red", 8), Duration(), random) == hours(2) ? 1 : 0;
  EXPECT_LT(like, 90);  // another name is another kind
  like = 0;
  for (int i = 0; i < 100; ++i)
    like += past.sample(spec_of("train-4711", "red", 8), Duration(), random) == hours(2) ? 1 : 0;
  EXPECT_GE(like, 98);
}

TEST(RunTimes, NothingIsLongerThanItsLimit) {
  RunTimes past;
  for (int i = 0; i < 20; ++i) past.learn(spec_of("train", "red", 8), hours(50));
  JobSpec spec = spec_of("train", "red", 8);
  spec.time_limit = hours(4);
  Random random(3);
  EXPECT_EQ(past.sample(spec, Duration(), random), hours(4));
}

TEST(RunTimes, WithoutAnyPastThereIsAnAnswer) {
  const RunTimes past;
  Random random(4);
  for (int i = 0; i < 1000; ++i) {
    const Duration sample = past.sample(spec_of("train", "red", 8), hours(3), random);
    EXPECT_GE(sample, hours(3));
    EXPECT_LE(sample, hours(24 * 3));
  }
}

}  // namespace
}  // namespace mw
