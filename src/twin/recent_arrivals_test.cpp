// What comes in possible futures is what came, in the same hours and as often.
#include "twin/recent_arrivals.h"

#include <gtest/gtest.h>

#include "core/core.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using testing::one_hour_job;
using testing::small_fleet;

/// Submits `per_hour` jobs in each of the hours for which `is_busy` says so.
State state_after(int hours_long, int per_hour, bool (*is_busy)(int hour)) {
  Core core;
  core.step(Instant() + hours(1),
            std::vector<Input>{{RequestId(), DeclareFleet{small_fleet(1), ""}}});
  for (int hour = 0; hour < hours_long; ++hour) {
    if (!is_busy(hour)) continue;
    for (int i = 0; i < per_hour; ++i) {
      const Instant at = Instant() + hours(1 + hour) + minutes(1 + i);
      core.step(at, std::vector<Input>{{RequestId(), SubmitJob{one_hour_job(0).spec, ""}}});
    }
  }
  State state = core.state();
  state.now = Instant() + hours(1 + hours_long);
  return state;
}

std::vector<WorkloadJob> first_days(const RecentArrivals& arrivals, Instant now, int days,
                                    std::uint64_t seed) {
  const RunTimes unknown;
  const auto source = arrivals.future(unknown, now, Random(seed));
  std::vector<WorkloadJob> jobs;
  while (auto job = source->next()) {
    if (job->at >= now + hours(24 * days)) break;
    jobs.push_back(std::move(*job));
  }
  return jobs;
}

TEST(RecentArrivals, ComeInTheSameHoursAndAsOften) {
  // Three days, four jobs in each hour of the first quarter of the day.
  const State state = state_after(72, 4, [](int hour) { return hour % 24 < 6; });
  const RecentArrivals arrivals(state);
  EXPECT_GE(arrivals.past(), hours(48));
  const Instant first = Instant() + hours(1);
  std::size_t sum = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Instant last = state.now;
    for (const WorkloadJob& job : first_days(arrivals, state.now, 10, seed)) {
      EXPECT_GE(job.at, last);
      last = job.at;
      const std::int64_t hour = (job.at - first).count() / hours(1).count() % 24;
      EXPECT_LT(hour, 6);
      EXPECT_GT(job.truth.work.count(), 0);
      ++sum;
    }
  }
  // 24 a day were; the edges of blocks make it a little more or less.
  EXPECT_NEAR(static_cast<double>(sum) / 200, 24, 1);
}

TEST(RecentArrivals, ATooShortPastSaysNothing) {
  const State state = state_after(10, 4, [](int) { return true; });
  const RecentArrivals arrivals(state);
  EXPECT_EQ(arrivals.past(), Duration());
  EXPECT_TRUE(first_days(arrivals, state.now, 3, 1).empty());
  EXPECT_TRUE(first_days(RecentArrivals(), state.now, 3, 1).empty());
}

TEST(RecentArrivals, TheSameSeedGivesTheSameFuture) {
  const State state = state_after(50, 2, [](int hour) { return hour % 3 == 0; });
  const RecentArrivals arrivals(state);
  EXPECT_EQ(first_days(arrivals, state.now, 5, 7), first_days(arrivals, state.now, 5, 7));
  EXPECT_NE(first_days(arrivals, state.now, 5, 7), first_days(arrivals, state.now, 5, 8));
}

}  // namespace
}  // namespace mw
