#include "twin/run_times.h"

#include <gtest/gtest.h>

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
  for (int i = 0; i < 20; ++i) past.learn(spec_of("train", "red", 8), hours(2));
  for (int i = 0; i < 20; ++i) past.learn(spec_of("eval", "red", 8), hours(1));
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
