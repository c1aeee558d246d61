#include "http/step_rounds.h"

#include <gtest/gtest.h>

namespace mw::http {
namespace {

/// A state with one attempt of so many ranks; nothing else of it is looked at.
State with_attempt(JobId job, std::uint32_t ranks, std::uint32_t number = 1) {
  State state;
  Attempt attempt;
  attempt.job = job;
  attempt.number = AttemptNumber(number);
  attempt.exited.assign(ranks, false);
  state.attempts.emplace(job, std::move(attempt));
  return state;
}

TEST(StepRounds, ARoundIsWholeWhenAllHaveTold) {
  const JobId job(7);
  const State state = with_attempt(job, 4);
  const Attempt& attempt = state.attempts.at(job);
  StepRounds rounds;
  for (const std::uint32_t rank : {2U, 0U, 3U}) {
    EXPECT_FALSE(rounds.add(state, attempt, Rank(rank), milliseconds(10 + rank)));
  }
  const auto whole = rounds.add(state, attempt, Rank(1), milliseconds(11));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->job, job);
  EXPECT_EQ(whole->attempt, AttemptNumber(1));
  EXPECT_EQ(whole->steps, (std::vector<Duration>{milliseconds(10), milliseconds(11),
                                                 milliseconds(12), milliseconds(13)}));
  EXPECT_EQ(rounds.size(), 0U) << "the next one begins anew";
}

TEST(StepRounds, WhoFallsSilentIsNotWaitedForLongerThanARound) {
  const JobId job(7);
  const State state = with_attempt(job, 8);
  const Attempt& attempt = state.attempts.at(job);
  StepRounds rounds;
  for (std::uint32_t rank = 0; rank < 5; ++rank) {
    EXPECT_FALSE(rounds.add(state, attempt, Rank(rank), seconds(1)));
  }
  EXPECT_FALSE(rounds.add(state, attempt, Rank(0), seconds(2))) << "five of eight are not most";
  const auto whole = rounds.add(state, attempt, Rank(5), seconds(1));
  ASSERT_TRUE(whole) << "six are, and one has told twice";
  EXPECT_EQ(whole->steps[0], seconds(2)) << "the latest counts";
  EXPECT_EQ(whole->steps[7], Duration());
}

TEST(StepRounds, RanksThatHaveEndedAreNotWaitedFor) {
  const JobId job(7);
  State state = with_attempt(job, 3);
  state.attempts.change(job).exited[2] = true;
  state.attempts.change(job).exited_count = 1;
  StepRounds rounds;
  EXPECT_FALSE(rounds.add(state, state.attempts.at(job), Rank(0), seconds(1)));
  EXPECT_TRUE(rounds.add(state, state.attempts.at(job), Rank(1), seconds(1)));
}

TEST(StepRounds, AnotherAttemptBeginsAnewAndWhatHasEndedIsForgotten) {
  const JobId job(7);
  const State first = with_attempt(job, 2);
  const State second = with_attempt(job, 2, 2);
  StepRounds rounds;
  EXPECT_FALSE(rounds.add(first, first.attempts.at(job), Rank(0), seconds(1)));
  EXPECT_FALSE(rounds.add(second, second.attempts.at(job), Rank(1), seconds(1)));
  EXPECT_EQ(rounds.size(), 1U);
  const State other = with_attempt(JobId(9), 2);
  EXPECT_FALSE(rounds.add(other, other.attempts.at(JobId(9)), Rank(0), seconds(1)));
  EXPECT_EQ(rounds.size(), 1U) << "job 7 has ended";
}

}  // namespace
}  // namespace mw::http
