// A history that the twin made itself comes out of a replay as it was; another policy makes the
// difference that it must.
#include "twin/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/core.h"
#include "loop/memory_journal.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using testing::one_hour_job;
using testing::small_fleet;

/// A core whose batches are journaled, and an engine that starts at once and ends when told.
class History {
 public:
  MemoryJournal journal;

  std::vector<Event> step(Instant now, InputBody body) {
    const std::vector<Input> inputs = {{RequestId(next_request_++), std::move(body)}};
    EventSeq first = core_.state().last_seq.next();
    std::vector<Event> events = core_.step(now, inputs);
    std::vector<Event> all = events;
    EXPECT_TRUE(journal.append({now, inputs, first, events, {}}).ok());
    // Whatever was placed starts in the same instant.
    for (const Event& event : all) {
      if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
        epochs_[placed->job] = placed->epoch;
        step(now, AttemptStarted{placed->job, placed->epoch});
      }
    }
    return all;
  }
  void submit(Instant now, std::uint32_t tasks, Duration time_limit) {
    JobSpec spec = one_hour_job(0).spec;
    spec.gang.tasks = tasks;
    spec.time_limit = time_limit;
    step(now, SubmitJob{spec, ""});
  }
  void end(Instant now, JobId job) { step(now, AttemptExited{job, epochs_.at(job), TaskExit()}); }
  [[nodiscard]] const State& state() const { return core_.state(); }

 private:
  Core core_;
  std::uint64_t next_request_ = 1;
  std::map<JobId, Epoch> epochs_;
};

constexpr Instant at(int minute) { return Instant() + minutes(minute); }

/// Two nodes. Job 1 holds one for an hour; job 2 wants both; job 3, small and of unknown length,
/// comes last. With a reservation job 3 waits for job 2, without it starts at once.
void fill(History& history) {
  history.step(at(0), DeclareFleet{small_fleet(2), ""});
  history.submit(at(10), 1, minutes(61));
  history.submit(at(20), 2, hours(2));
  history.submit(at(30), 1, Duration());
  history.end(at(70), JobId(1));
  history.end(at(100), JobId(2));
  history.end(at(130), JobId(3));
  history.step(at(140), DrainNode{history.state().topology->name(NodeId(0)), "", ""});
}

Policy without_reservations() {
  Policy policy;
  policy.name = "greedy";
  policy.backfill.reservations = 0;
  return policy;
}

TEST(Replay, TheTwinAsItWasIsAsItWas) {
  History history;
  fill(history);
  ReplayOptions options;
  const auto report = replay(history.journal, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->inputs, 4U);
  EXPECT_EQ(report->run_times_drawn, 0U);
  EXPECT_EQ(report->real.jobs_started, 3U);
  EXPECT_EQ(report->then.jobs_started, 3U);
  EXPECT_EQ(report->real.jobs_finished, 3U);
  EXPECT_EQ(report->then.jobs_finished, 3U);
  EXPECT_NEAR(report->then.wait_mean_s, report->real.wait_mean_s, 1);
  EXPECT_NEAR(report->then.utilisation_percent, report->real.utilisation_percent, 0.1);
  for (std::size_t i = 0; i < report->real.ledger.size(); ++i) {
    EXPECT_NEAR(report->then.ledger[i].percent, report->real.ledger[i].percent, 0.1)
        << report->real.ledger[i].category;
  }
  // The same policy again changes nothing.
  EXPECT_EQ(report->other.wait_mean_s, report->then.wait_mean_s);
  EXPECT_FALSE(report->real.energy_mwh);
}

TEST(Replay, AnotherPolicyMakesItsDifference) {
  History history;
  fill(history);
  ReplayOptions options;
  options.policy = without_reservations();
  const auto report = replay(history.journal, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->policy_other, "greedy");
  // Job 3 starts at minute 30 instead of 100, job 2 no later than it did (minute 70).
  EXPECT_NEAR(report->then.wait_mean_s, (0 + 50 + 70) * 60 / 3.0, 1);
  EXPECT_NEAR(report->other.wait_mean_s, (0 + 50 + 0) * 60 / 3.0, 1);
}

TEST(Replay, ItBeginsWhereItIsTold) {
  History history;
  fill(history);
  ReplayOptions options;
  options.from = at(25);
  options.to = at(110);
  const auto report = replay(history.journal, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->from, at(25));
  EXPECT_EQ(report->to, at(100));  // nothing is journaled between then and 110
  EXPECT_EQ(report->inputs, 1U);
  EXPECT_EQ(report->real.jobs_started, 2U);
  EXPECT_EQ(report->then.jobs_started, 2U);
  // Job 2 has waited for five minutes already.
  EXPECT_NEAR(report->then.wait_mean_s, (50 + 70) * 60 / 2.0, 1);
}

TEST(Replay, WhatCannotBeReplayedIsSaidInWords) {
  History empty;
  EXPECT_THAT(replay(empty.journal, {}).error().message, HasSubstr("The journal is empty"));
  History history;
  fill(history);
  ReplayOptions options;
  options.from = at(1000);
  EXPECT_THAT(replay(history.journal, options).error().message, HasSubstr("Nothing happened"));
  options.to = at(10);
  EXPECT_EQ(replay(history.journal, options).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace mw
