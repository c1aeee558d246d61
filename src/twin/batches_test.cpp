// What is handed in together and runs alike is found to, and what does not, is not.
#include "twin/batches.h"

#include <gtest/gtest.h>

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

TEST(Batches, AJobAloneIsNoBatch) {
  const State state = history(1, [](int, int) { return minutes(10); });
  EXPECT_EQ(Batches(state).of(state, JobId(1)), nullptr);
  EXPECT_EQ(Batches(state).likeness_milli(), 0U);
}

}  // namespace
}  // namespace mw
