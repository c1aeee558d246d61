// What is told after past forecasts: right where the futures are wrong, hardly moved where they are
// right, and the wider the less is known.
#include "twin/past_forecasts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/core.h"
#include "twin/portable_math.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

constexpr Instant kBegin = Instant() + hours(100);

Duration times(Duration length, double factor) {
  return Duration(std::llround(static_cast<double>(length.count()) * factor));
}

/// A wait about four hours, of which the logarithm has a deviation of 0.8.
Duration any_wait(Random& random) {
  return times(hours(4), portable_exp(0.8 * normal_quantile(uniform(random))));
}

/// Futures whose waits are `factor` times as long as true ones.
PossibleStarts futures(Instant now, double factor, Random& random) {
  PossibleStarts starts;
  for (int i = 0; i < 40; ++i) starts.at.push_back(now + times(any_wait(random), factor));
  return starts;
}

double hours_from(Instant from, Instant to) {
  return static_cast<double>((to - from).count()) / 3.6e12;
}

/// Of one job alone.
StartInterval note(PastForecasts& past, JobId job, const PossibleStarts& starts, Instant now) {
  return past.note({&job, 1}, {&starts, 1}, now).front();
}

struct Shares {
  double before = 0;
  double after = 0;
};

/// One question an hour; `factor` of each, by its number. Of those from `first` on: how many true
/// starts, in percent, were not in what was told.
template <typename Factor>
Shares shares(int questions, int first, std::uint64_t seed, const Factor& factor) {
  Random random(seed);
  PastForecasts past;
  std::multimap<Instant, JobId> coming;
  Shares result;
  for (int i = 0; i < questions; ++i) {
    const Instant now = kBegin + hours(i);
    for (; !coming.empty() && coming.begin()->first <= now; coming.erase(coming.begin()))
      past.started(coming.begin()->second, coming.begin()->first);
    const PossibleStarts starts = futures(now, factor(i), random);
    const JobId job(static_cast<std::uint64_t>(i) + 1);
    const StartInterval told = note(past, job, starts, now);
    const Instant truth = now + any_wait(random);
    coming.emplace(truth, job);
    if (i < first) continue;
    result.before += truth < told.p10 ? 100.0 / (questions - first) : 0;
    result.after += truth > told.p90 ? 100.0 / (questions - first) : 0;
  }
  return result;
}

// Futures that nobody has held against a start are worth four starts, of which the first is the
// tenth part and the last the rest.
TEST(PastForecasts, BeforeAnythingIsKnownAllFuturesAreTold) {
  Random random(1);
  const PastForecasts past;
  const PossibleStarts starts = futures(kBegin, 1, random);
  const StartInterval told = past.told(starts, kBegin);
  const auto [first, last] = std::minmax_element(starts.at.begin(), starts.at.end());
  EXPECT_NEAR(hours_from(kBegin, told.p10), hours_from(kBegin, *first), 1e-6);
  EXPECT_NEAR(hours_from(kBegin, told.p90), hours_from(kBegin, *last), 1e-6);
  EXPECT_LE(told.p50, starts.quantile(0.5));
  EXPECT_GE(told.p50, starts.quantile(0.45));
  EXPECT_EQ(past.settled(), 0U);
}

TEST(PastForecasts, FewFuturesHaveNoSpread) {
  Random random(7);
  PossibleStarts starts = futures(kBegin, 1, random);
  const PastForecasts past;
  EXPECT_TRUE(past.told(starts, kBegin).has_spread);
  starts.at.resize(1);
  EXPECT_EQ(past.told(starts, kBegin),
            (StartInterval{Instant::never(), starts.at.front(), Instant::never(), false}));
}

TEST(PastForecasts, FuturesThatAreRightStayRight) {
  const Shares found = shares(900, 100, 2, [](int) { return 1.0; });
  EXPECT_NEAR(found.before, 10, 3);
  EXPECT_NEAR(found.after, 10, 3);
}

TEST(PastForecasts, FuturesThatAreWrongAreMadeRight) {
  for (const double factor : {0.3, 4.0}) {
    const Shares found = shares(900, 100, 3, [&](int) { return factor; });
    EXPECT_NEAR(found.before, 10, 3) << factor;
    EXPECT_NEAR(found.after, 10, 3) << factor;
  }
}

// Futures that are out of all reason stay a part of what is told, on the one side where they are;
// what is told is the wider for it, not the narrower.
TEST(PastForecasts, FuturesOutOfReasonMakeWhatIsToldWide) {
  for (const double factor : {0.05, 30.0}) {
    const Shares found = shares(900, 100, 3, [&](int) { return factor; });
    EXPECT_LE(found.before, 13) << factor;
    EXPECT_LE(found.after, 13) << factor;
    EXPECT_GE(found.before + found.after, 10) << factor;
  }
}

// The model gets wrong in another way every few days, which no distribution of the past tells
// beforehand; of all days together as many starts are outside as should be.
TEST(PastForecasts, ChangesThatComeAgainAreAllowedFor) {
  const Shares found = shares(900, 100, 4, [](int i) { return (i / 50) % 2 == 0 ? 0.5 : 2.5; });
  EXPECT_NEAR(found.before, 10, 4);
  EXPECT_NEAR(found.after, 10, 4);
}

// A few past starts that were late move what is told less than many do.
TEST(PastForecasts, TheMoreAreKnownTheMoreTheyCount) {
  PastForecasts past;
  Instant now = kBegin;
  Instant before = now;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    const PossibleStarts same{std::vector<Instant>(40, now + hours(1)), {}};
    const StartInterval told = note(past, JobId(i), same, now);
    EXPECT_GE(told.p50 - now, before - kBegin) << i;
    before = kBegin + (told.p50 - now);
    now = now + hours(3);
    past.started(JobId(i), now);
  }
  EXPECT_NEAR(hours_from(kBegin, before), 3, 1e-6);
  EXPECT_NEAR(past.independent(now), 40, 1e-6);
}

// Ten questions in the course of one wait tell of one wait, and ten waits in turn of ten.
TEST(PastForecasts, WaitsThatOverlapAreNotIndependent) {
  Random random(10);
  PastForecasts at_once;
  PastForecasts in_turn;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const Instant soon = kBegin + minutes(static_cast<std::int64_t>(i));
    const Instant later = kBegin + hours(100 * static_cast<std::int64_t>(i));
    note(at_once, JobId(i + 1), futures(soon, 1, random), soon);
    note(in_turn, JobId(i + 1), futures(later, 1, random), later);
    in_turn.started(JobId(i + 1), later + hours(5 + static_cast<std::int64_t>(i)));
  }
  const Instant end = kBegin + hours(2000);
  for (std::uint64_t i = 1; i <= 10; ++i) at_once.started(JobId(i), kBegin + hours(50));
  EXPECT_NEAR(at_once.independent(end), 1, 0.05);
  EXPECT_NEAR(in_turn.independent(end), 10, 1e-6);
}

// Of too many moments those go that tell the least; the long past is still known then.
TEST(PastForecasts, TheLongPastIsKeptThinly) {
  PastForecasts past;
  std::uint64_t id = 0;
  const std::vector<PossibleStarts> starts(
      PastForecasts::kJobsAtOnce, PossibleStarts{std::vector<Instant>(9, kBegin + hours(900)), {}});
  Instant now = kBegin;
  std::vector<JobId> jobs;
  for (int look = 0; look < 1100; ++look) {
    now = kBegin + minutes(30 * look);
    for (const JobId job : jobs) past.started(job, now);
    jobs.clear();
    while (jobs.size() < starts.size()) jobs.emplace_back(++id);
    past.note(jobs, starts, now);
  }
  EXPECT_LE(past.kept(), PastForecasts::kKept);
  EXPECT_GT(past.kept(), PastForecasts::kKept * 9 / 10);
  // Of the older half of the time some are left, but fewer than of the other.
  past.note(jobs, starts, now + PastForecasts::kMemory - minutes(30 * 550));
  EXPECT_LT(past.kept(), PastForecasts::kKept * 9 / 10);
  EXPECT_GT(past.kept(), PastForecasts::kKept / 2);
}

// Half of the jobs start after an hour as foreseen, half wait for a hundred hours. By the time when
// only the first are known, the others must count already.
TEST(PastForecasts, WhatStillWaitsCounts) {
  PastForecasts past;
  Random random(5);
  PossibleStarts starts;
  for (int i = 0; i < 40; ++i) starts.at.push_back(kBegin + minutes(50 + i % 20));
  for (std::uint64_t i = 1; i <= 60; ++i) note(past, JobId(i), starts, kBegin);
  for (std::uint64_t i = 1; i <= 30; ++i) past.started(JobId(i), kBegin + hours(1));
  for (Instant& at : starts.at) at = at + hours(10);
  ASSERT_EQ(past.settled(), 30U);
  const StartInterval told = past.told(starts, kBegin + hours(10));
  EXPECT_GT(told.p90, kBegin + hours(30));  // it is not known how long they wait
  EXPECT_LT(told.p10, kBegin + hours(12));
}

// Jobs of one look are late together: eight of them tell no more than one.
TEST(PastForecasts, JobsThatAreAskedAboutAtOnceCountAsOne) {
  Random random(8);
  PastForecasts one_each;
  PastForecasts eight_each;
  std::uint64_t id = 0;
  for (int look = 0; look < 40; ++look) {
    const Instant now = kBegin + hours(10 * look);
    const PossibleStarts starts = futures(now, 1, random);
    const Instant truth = now + any_wait(random);
    std::vector<JobId> jobs;
    for (int i = 0; i < 8; ++i) jobs.emplace_back(++id);
    const std::vector<PossibleStarts> same(8, starts);
    const StartInterval told = note(one_each, jobs.front(), starts, now);
    const std::vector<StartInterval> all = eight_each.note(jobs, same, now);
    EXPECT_EQ(all, std::vector<StartInterval>(8, told)) << look;
    one_each.started(jobs.front(), truth);
    for (const JobId job : jobs) eight_each.started(job, truth);
  }
  EXPECT_EQ(one_each.settled(), 40U);
}

TEST(PastForecasts, WhatBecameOfAJobIsSeenInTheState) {
  Core core;
  const auto step = [&](Instant at, InputBody body) {
    core.step(at, std::vector<Input>{{RequestId(), std::move(body)}});
  };
  step(kBegin, DeclareFleet{testing::small_fleet(1), ""});
  for (int i = 0; i < 3; ++i) step(kBegin, SubmitJob{testing::one_hour_job(0).spec, ""});
  PastForecasts past;
  Random random(6);
  for (const std::uint64_t id : {2U, 3U, 99U})
    note(past, JobId(id), futures(kBegin, 1, random), kBegin);
  past.look_at(core.state());
  EXPECT_EQ(past.settled(), 0U);
  step(kBegin + hours(1), CancelJob{JobId(3), false, ""});
  step(kBegin + hours(2), CancelJob{JobId(1), true, ""});
  step(kBegin + hours(2),
       AttemptExited{JobId(1), core.state().attempts.at(JobId(1)).epoch, TaskExit()});
  ASSERT_TRUE(core.state().jobs.at(JobId(2)).started_at.has_value());
  past.look_at(core.state());
  past.look_at(core.state());
  EXPECT_EQ(past.settled(), 1U);
}

}  // namespace
}  // namespace mw
