// The journal's history is gone through again: what is learned from it is what had been learned.
#include "twin/past_questions.h"

#include <gtest/gtest.h>

#include "core/core.h"
#include "loop/memory_journal.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

constexpr Instant kBegin = Instant() + hours(100);

/// One node; a job is submitted every 50 minutes and runs for an hour, so that the queue grows.
class History {
 public:
  explicit History(int jobs) {
    step(kBegin, DeclareFleet{testing::small_fleet(1), ""});
    std::uint64_t running = 1;
    Instant ends = kBegin + hours(1);
    for (int i = 0; i < jobs; ++i) {
      const Instant at = kBegin + minutes(50 * i);
      for (; ends <= at; ends = ends + hours(1)) {
        end(ends, JobId(running));
        ++running;
      }
      step(at, SubmitJob{testing::one_hour_job(0).spec, ""});
    }
    until_ = core_.state().now;
  }
  MemoryJournal& journal() { return journal_; }
  [[nodiscard]] Instant until() const { return until_; }

 private:
  void end(Instant at, JobId job) {
    const Epoch epoch = core_.state().attempts.at(job).epoch;
    step(at, AttemptStarted{job, epoch});
    step(at, AttemptExited{job, epoch, TaskExit()});
  }
  void step(Instant at, InputBody body) {
    const std::vector<Input> inputs = {{RequestId(), std::move(body)}};
    const std::vector<Event> events = core_.step(at, inputs);
    ASSERT_TRUE(journal_.append({at, inputs, next_, events, {}}).ok());
    next_ = EventSeq(next_.value() + events.size());
  }

  Core core_;
  MemoryJournal journal_;
  EventSeq next_{1};
  Instant until_;
};

ForecastOptions few_futures() {
  ForecastOptions options;
  options.futures = 9;
  return options;
}

TEST(PastQuestions, WhatStartedSinceIsKnown) {
  History history(120);
  PastQuestions questions(history.journal(), history.until());
  int asked = 0;
  for (;;) {
    const auto outcome = questions.ask_next(few_futures());
    ASSERT_TRUE(outcome.ok());
    if (*outcome == PastQuestions::Outcome::kDone) break;
    asked += *outcome == PastQuestions::Outcome::kAsked ? 1 : 0;
  }
  // At the very beginning nobody waits, and of the last of them it is not known yet.
  EXPECT_GT(asked, 90);
  EXPECT_LE(asked, 120);
  EXPECT_GT(questions.found().settled(), 90U);
  const auto more = questions.ask_next(few_futures());
  ASSERT_TRUE(more.ok());
  EXPECT_EQ(*more, PastQuestions::Outcome::kDone);
}

TEST(PastQuestions, OnlyTheRecentPastCounts) {
  History history(120);
  PastQuestionsOptions options;
  options.past = hours(10);
  options.moments = 5;
  PastQuestions questions(history.journal(), history.until(), options);
  int asked = 0;
  while (*questions.ask_next(few_futures()) == PastQuestions::Outcome::kAsked) ++asked;
  EXPECT_EQ(asked, 5);
}

TEST(PastQuestions, AnEmptyJournalHasNoPast) {
  MemoryJournal journal;
  PastQuestions questions(journal, kBegin);
  const auto outcome = questions.ask_next(few_futures());
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(*outcome, PastQuestions::Outcome::kDone);
  EXPECT_EQ(questions.found().settled(), 0U);
}

}  // namespace
}  // namespace mw
