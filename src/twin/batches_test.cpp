// What is handed in together and runs alike is found to, and what does not, is not.
#include "twin/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/core.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

/// `count` jobs in each of 20 batches that are two hours apart, one after the other on one node;
/// each runs for as long as `length` says.
State history(int count, Duration (*length)(int batch, int job)) {
  Core core;
  Instant now = Instant() + hours(1);
  core.step(now, std::vector<Input>{{RequestId(), DeclareFleet{testing::small_fleet(1), ""}}});
  std::uint64_t id = 0;
  for (int batch = 0; batch < 20; ++batch) {
    now = now + hours(200);
    for (int job = 0; job < count; ++job)
      core.step(now,
                std::vector<Input>{{RequestId(), SubmitJob{testing::one_hour_job(0).spec, ""}}});
    for (int job = 0; job < count; ++job) {
      const JobId running(++id);
      const Epoch epoch = core.state().attempts.at(running).epoch;
      now = now + length(batch, job);
      core.step(now, std::vector<Input>{{RequestId(), AttemptStarted{running, epoch}},
                                        {RequestId(), AttemptExited{running, epoch, TaskExit()}}});
    }
  }
  return core.state();
}

TEST(Batches, EqualRunsWithinABatchAreFound) {
  const State state = history(5, [](int batch, int) { return minutes(10 * (batch + 1)); });
  const Batches batches(state);
  EXPECT_GE(batches.likeness_milli(), 950U);
  const Batches::Batch* third = batches.of(state, JobId(11));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third->ended, std::vector<std::int64_t>(5, minutes(30).count()));
  EXPECT_EQ(third, batches.of(state, JobId(15)));
  EXPECT_NE(third, batches.of(state, JobId(16)));
}

TEST(Batches, UnlikeRunsAreNoLikeness) {
  const State state = history(5, [](int batch, int job) {
    return minutes(1 + (batch * 37 + job * 53) % 97 * (batch * 37 + job * 53) % 97);
  });
  EXPECT_LE(Batches(state).likeness_milli(), 100U);
}

// Jobs are named by number, as scripts do: they are a batch all the same.
TEST(Batches, TheGapThatMakesRunsAlikeIsFound) {
  // Bursts of four, ten minutes apart; within one all run alike.
  Core core;
  Instant now = Instant() + hours(1);
  const auto step = [&](InputBody body) {
    core.step(now, std::vector<Input>{{RequestId(), std::move(body)}});
  };
  step(DeclareFleet{testing::small_fleet(64), ""});
  std::uint64_t id = 0;
  Random random(1);
  for (int day = 0; day < 10; ++day) {
    now = now + hours(200);
    std::vector<std::pair<JobId, Instant>> ends;
    for (int burst = 0; burst < 6; ++burst) {
      now = now + minutes(10);
      const Duration length = hours(2 + static_cast<std::int64_t>(random.below(100)));
      for (int job = 0; job < 4; ++job) {
        WorkloadJob one = testing::one_hour_job(0);
        one.spec.name = "run-" + std::to_string(++id);
        step(SubmitJob{one.spec, ""});
        step(AttemptStarted{JobId(id), core.state().attempts.at(JobId(id)).epoch});
        ends.emplace_back(JobId(id), now + length);
      }
    }
    std::sort(ends.begin(), ends.end(), [](auto& a, auto& b) { return a.second < b.second; });
    for (const auto& [job, end] : ends) {
      now = end;
      step(AttemptExited{job, core.state().attempts.at(job).epoch, TaskExit()});
    }
  }
  const Batches batches(core.state());
  EXPECT_LT(batches.gap(), minutes(10));
  EXPECT_GE(batches.likeness_milli(), 950U);
  const Batches::Batch* first = batches.of(core.state(), JobId(1));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->ended.size(), 4U);
  EXPECT_EQ(first, batches.of(core.state(), JobId(4)));
  EXPECT_NE(first, batches.of(core.state(), JobId(5)));
}

TEST(Batches, CredibilityGrowsWithTheRuns) {
  const State state = history(5, [](int batch, int job) {
    return minutes(10 * (batch + 1) + (batch * 53 + job * 37) % 60);
  });
  const Batches batches(state);
  const std::uint32_t one = batches.credibility_milli(1);
  EXPECT_EQ(batches.credibility_milli(0), 0U);
  EXPECT_EQ(one, batches.likeness_milli());
  EXPECT_GT(batches.credibility_milli(4), one);
  EXPECT_LE(batches.credibility_milli(1000), 1000U);
}

TEST(Batches, AJobAloneIsNoBatch) {
  const State state = history(1, [](int, int) { return minutes(10); });
  EXPECT_EQ(Batches(state).of(state, JobId(1)), nullptr);
  EXPECT_EQ(Batches(state).likeness_milli(), 0U);
}

}  // namespace
}  // namespace mw
