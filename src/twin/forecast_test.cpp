// Forecasts where the answer is known, and that they leave the state alone.
#include "twin/forecast.h"

#include <gtest/gtest.h>

#include "core/core.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using testing::one_hour_job;
using testing::small_fleet;

constexpr Instant kNow = Instant() + hours(100);

/// One node, a job that has run on it for half an hour, and another that waits.
struct BusyNode {
  Core core;
  RunTimes run_times;

  BusyNode() {
    core.step(kNow - hours(1), std::vector<Input>{{RequestId(), DeclareFleet{small_fleet(1), ""}}});
    submit(kNow - minutes(30), "first");
    core.step(kNow - minutes(30),
              std::vector<Input>{{RequestId(), AttemptStarted{JobId(1), Epoch(1)}}});
    submit(kNow, "second");
  }
  void submit(Instant at, const std::string& name) {
    JobSpec spec = one_hour_job(0).spec;
    spec.name = name;
    core.step(at, std::vector<Input>{{RequestId(), SubmitJob{spec, ""}}});
  }
  /// Jobs named "first" ran for 35, 36, .. 59 minutes.
  void learn() {
    JobSpec spec = one_hour_job(0).spec;
    spec.name = "first";
    for (int i = 35; i < 60; ++i) run_times.learn(spec, minutes(i));
  }
};

TEST(Forecast, AJobStartsWhenWhatIsBeforeItMayHaveEnded) {
  BusyNode busy;
  busy.learn();
  ForecastOptions options;
  options.futures = 200;
  const PossibleStarts starts =
      possible_starts(busy.core.state(), busy.run_times, {}, JobId(2), options);
  ASSERT_EQ(starts.at.size(), 200U);
  EXPECT_EQ(starts.quantile(0), kNow + minutes(5));
  EXPECT_EQ(starts.quantile(1), kNow + minutes(29));
  EXPECT_NEAR(static_cast<double>((starts.quantile(0.5) - kNow).count()), 17 * 60e9, 2.5 * 60e9);
}

TEST(Forecast, TheStateIsLeftAlone) {
  BusyNode busy;
  busy.learn();
  const State before = busy.core.state();
  possible_starts(busy.core.state(), busy.run_times, {}, JobId(2), {});
  EXPECT_TRUE(before == busy.core.state());
}

TEST(Forecast, AJobThatIsNotSubmittedYetHasAnAnswer) {
  BusyNode busy;
  busy.learn();
  JobSpec spec = one_hour_job(0).spec;
  spec.name = "third";
  const std::vector<InputBody> submit = {SubmitJob{spec, ""}};
  const PossibleStarts starts =
      possible_starts(busy.core.state(), busy.run_times, submit, JobId(3), {});
  // Behind the second, of which no more is known than of all jobs.
  EXPECT_GE(starts.quantile(0), kNow + minutes(5 + 35));
  EXPECT_LE(starts.quantile(1), kNow + minutes(29 + 59));
}

TEST(Forecast, WhatCannotStartDoesNot) {
  BusyNode busy;
  busy.learn();
  const std::vector<InputBody> drain = {
      DrainNode{busy.core.state().topology->name(NodeId(0)), "", ""}};
  const PossibleStarts starts =
      possible_starts(busy.core.state(), busy.run_times, drain, JobId(2), {});
  EXPECT_EQ(starts.quantile(0), Instant::never());
}

TEST(Forecast, FuturesDifferOnlyInWhatIsAsked) {
  BusyNode busy;
  busy.learn();
  ForecastOptions options;
  options.futures = 8;
  options.horizon = hours(6);
  const auto one = run_futures(busy.core.state(), busy.run_times, {}, options);
  const auto same = run_futures(busy.core.state(), busy.run_times, {}, options);
  ASSERT_EQ(one.size(), 8U);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].utilisation_percent, same[i].utilisation_percent);
    EXPECT_EQ(one[i].jobs.succeeded, 2U);
  }
}

}  // namespace
}  // namespace mw
