// How far what waited turned out other than what had run: not at all where nothing changes, by as
// much as it does where people's work changes.
#include "twin/hindsight.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/core.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

/// Batches of 20 jobs, handed in a fortnight apart to one node that runs them one after the other,
/// each for as long as `length` says of its batch.
State history(int batches, const std::function<Duration(int batch)>& length) {
  constexpr int kJobs = 20;
  Core core;
  Instant now = Instant() + hours(1);
  const auto step = [&](std::vector<InputBody> bodies) {
    std::vector<Input> inputs;
    for (InputBody& body : bodies) inputs.push_back({RequestId(), std::move(body)});
    core.step(now, inputs);
  };
  step({DeclareFleet{testing::small_fleet(1), ""}});
  std::uint64_t id = 0;
  for (int batch = 0; batch < batches; ++batch) {
    now = now + hours(24 * 14);
    for (int job = 0; job < kJobs; ++job) step({SubmitJob{testing::one_hour_job(0).spec, ""}});
    for (int job = 0; job < kJobs; ++job) {
      const JobId running(++id);
      const Epoch epoch = core.state().attempts.at(running).epoch;
      now = now + length(batch);
      step({AttemptStarted{running, epoch}, AttemptExited{running, epoch, TaskExit()}});
    }
  }
  return core.state();
}

TEST(Hindsight, WhereNothingChangesThePastWasRight) {
  const Hindsight hindsight(history(6, [](int) { return hours(17); }));
  ASSERT_GE(hindsight.ratios().size(), Hindsight::kRatiosMin);
  for (const double ratio : hindsight.ratios()) EXPECT_NEAR(ratio, 1, 0.02);
}

// Each batch runs for three times as long as the one before, or for a third of it.
TEST(Hindsight, ByHowMuchWorkChangesIsSeen) {
  const Hindsight longer(
      history(5, [](int batch) { return minutes(static_cast<int>(20 * std::pow(3, batch))); }));
  const Hindsight shorter(
      history(5, [](int batch) { return minutes(static_cast<int>(1620 / std::pow(3, batch))); }));
  ASSERT_FALSE(longer.ratios().empty());
  ASSERT_FALSE(shorter.ratios().empty());
  EXPECT_GT(longer.ratios().back(), 1.5);
  EXPECT_GE(longer.ratios().front(), 0.99);
  EXPECT_LT(shorter.ratios().front(), 0.7);
  EXPECT_LE(shorter.ratios().back(), 1.01);
  // Every ratio is applied, each as often as it was seen.
  double sum = 0;
  double mean = 0;
  for (const double ratio : longer.ratios()) mean += ratio / double(longer.ratios().size());
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Duration applied = longer.applied_to(hours(1), Random(seed));
    sum += static_cast<double>(applied.count()) / static_cast<double>(hours(1).count());
  }
  EXPECT_NEAR(sum / 2000, mean, 0.1 * mean);
}

TEST(Hindsight, TooLittleTellsNothing) {
  const Hindsight hindsight(history(1, [](int) { return hours(1); }));
  EXPECT_TRUE(hindsight.ratios().empty());
  EXPECT_EQ(hindsight.applied_to(hours(3), Random(1)), hours(3));
  EXPECT_TRUE(Hindsight(State()).ratios().empty());
}

}  // namespace
}  // namespace mw
