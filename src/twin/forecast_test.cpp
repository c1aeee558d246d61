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
  [[nodiscard]] Present present() const { return {core.state(), run_times}; }
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
  const PossibleStarts starts = possible_starts(busy.present(), {}, JobId(2), options);
  ASSERT_EQ(starts.at.size(), 200U);
  // Of 25 runs: one in 26 may be shorter than all of them, and one longer.
  EXPECT_GT(starts.quantile(0), kNow);
  EXPECT_GE(starts.quantile(0.1), kNow + minutes(5));
  EXPECT_LE(starts.quantile(0.9), kNow + minutes(29));
  EXPECT_GT(starts.quantile(1), kNow + minutes(29));
  EXPECT_NEAR(static_cast<double>((starts.quantile(0.5) - kNow).count()), 17 * 60e9, 2.5 * 60e9);
}

// One run that was seen to end says little: the next may be far shorter or far longer.
TEST(Forecast, OnePastRunIsNotTakenForAllToCome) {
  BusyNode busy;
  JobSpec spec = one_hour_job(0).spec;
  busy.run_times.learn(spec, hours(2));
  ForecastOptions options;
  options.futures = 200;
  const PossibleStarts starts = possible_starts(busy.present(), {}, JobId(2), options);
  // It has run for half an hour, so 90 minutes would be left if it were like that one.
  EXPECT_LT(starts.quantile(0.1), kNow + minutes(30));
  EXPECT_LT(starts.quantile(0.4), kNow + minutes(90));
  EXPECT_GT(starts.quantile(0.6), kNow + minutes(90));
  EXPECT_GT(starts.quantile(0.9), kNow + hours(12));
}

TEST(Forecast, TheStateIsLeftAlone) {
  BusyNode busy;
  busy.learn();
  const State before = busy.core.state();
  possible_starts(busy.present(), {}, JobId(2), {});
  EXPECT_TRUE(before == busy.core.state());
}

TEST(Forecast, AJobThatIsNotSubmittedYetHasAnAnswer) {
  BusyNode busy;
  busy.learn();
  JobSpec spec = one_hour_job(0).spec;
  spec.name = "third";
  const std::vector<InputBody> submit = {SubmitJob{spec, ""}};
  const PossibleStarts starts = possible_starts(busy.present(), submit, JobId(3), {});
  // Behind the second, of which no more is known than of all jobs.
  EXPECT_GE(starts.quantile(0.1), kNow + minutes(5 + 35));
  EXPECT_LE(starts.quantile(0.85), kNow + minutes(29 + 59));
}

TEST(Forecast, SeveralJobsAreAskedAboutInTheSameFutures) {
  BusyNode busy;
  busy.learn();
  busy.submit(kNow, "third");
  busy.submit(kNow, "fourth");
  const Present present = busy.present();
  const std::vector<JobId> jobs = {JobId(4), JobId(2)};
  const std::vector<PossibleStarts> starts = possible_starts(present, {}, jobs, {});
  ASSERT_EQ(starts.size(), 2U);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    EXPECT_EQ(starts[i].at, possible_starts(present, {}, jobs[i], {}).at) << i;
  EXPECT_LT(starts[1].quantile(0.9), starts[0].quantile(0.1));
}

TEST(Forecast, WhatCannotStartDoesNot) {
  BusyNode busy;
  busy.learn();
  const std::vector<InputBody> drain = {
      DrainNode{busy.core.state().topology->name(NodeId(0)), "", ""}};
  const PossibleStarts starts = possible_starts(busy.present(), drain, JobId(2), {});
  EXPECT_EQ(starts.quantile(0), Instant::never());
}

TEST(Forecast, FuturesDifferOnlyInWhatIsAsked) {
  BusyNode busy;
  busy.learn();
  ForecastOptions options;
  options.horizon = hours(6);
  const Present present = busy.present();
  for (std::uint32_t future = 0; future < 8; ++future) {
    const RunReport one = run_future(present, {}, options, future);
    const RunReport same = run_future(present, {}, options, future);
    EXPECT_EQ(one.utilisation_percent, same.utilisation_percent);
    EXPECT_EQ(one.jobs.succeeded, 2U);
    // Another job behind them changes nothing of theirs.
    JobSpec spec = one_hour_job(0).spec;
    const auto with = possible_start(present, {SubmitJob{spec, ""}}, JobId(2), options, future);
    EXPECT_EQ(with, possible_start(present, {}, JobId(2), options, future));
  }
}

TEST(Forecast, TheBudgetEndsItAfterTheFutureThatIsUnderWay) {
  BusyNode busy;
  busy.learn();
  ForecastOptions options;
  options.until = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(possible_starts(busy.present(), {}, JobId(2), options).at.size(), 1U);
  std::atomic<bool> stop = true;
  options.stop = &stop;
  EXPECT_TRUE(possible_starts(busy.present(), {}, JobId(2), options).at.empty());
}

TEST(Forecast, AFutureThatTakesTooLongIsLeft) {
  BusyNode busy;
  busy.learn();
  busy.submit(kNow, "third");
  ForecastOptions options;
  options.give_up = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const PossibleStarts starts = possible_starts(busy.present(), {}, JobId(3), options);
  EXPECT_TRUE(starts.at.empty());
  ASSERT_TRUE(starts.left_at.has_value());
  // Where the second starts, if not before.
  EXPECT_GE(*starts.left_at, kNow);
  EXPECT_LT(*starts.left_at, possible_starts(busy.present(), {}, JobId(3), {}).at.front());
}

TEST(Forecast, QuantilesLieBetweenThePossibleStarts) {
  PossibleStarts starts;
  for (int i = 9; i >= 1; --i) starts.at.push_back(kNow + minutes(i));
  EXPECT_EQ(starts.quantile(0.1), kNow + minutes(1));
  EXPECT_EQ(starts.quantile(0.5), kNow + minutes(5));
  EXPECT_EQ(starts.quantile(0.95), kNow + minutes(9));
  EXPECT_EQ(starts.quantile(0.25), kNow + seconds(150));
  starts.at.front() = Instant::never();
  EXPECT_EQ(starts.quantile(0.9), Instant::never());
  EXPECT_EQ(starts.quantile(0.85), Instant::never());  // between the last that starts and never
  EXPECT_EQ(starts.quantile(0.8), kNow + minutes(8));
  EXPECT_EQ(starts.never_started(), 1U);
}

}  // namespace
}  // namespace mw
