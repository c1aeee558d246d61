// The life of jobs and nodes, case by case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::CheckedCore;
using testing::find;
using testing::job_spec;
using testing::node_spec;

Instant at(std::int64_t s) { return Instant(seconds(s).count()); }

TaskExit exit_with(std::int32_t code) {
  TaskExit exit;
  exit.exit_code = code;
  return exit;
}

/// A core with one node of `accelerators`, and helpers that play the engine.
class CoreTest : public ::testing::Test {
 protected:
  void add_node(const std::string& name, std::uint32_t accelerators, std::int64_t when = 0) {
    core.step(at(when), NodeSeen{node_spec(name, accelerators)});
  }
  std::vector<Event> submit(std::int64_t when, const JobSpec& spec, const std::string& key = "") {
    return core.step(at(when), SubmitJob{spec, key});
  }
  void run(std::int64_t when, std::uint64_t job) {
    core.step(at(when), AttemptStarted{JobId(job), core.epoch(job)});
  }
  void end_all(std::int64_t when, std::uint64_t job, std::int32_t code) {
    const Epoch epoch = core.epoch(job);
    const auto tasks =
        static_cast<std::uint32_t>(core.state().attempts.at(JobId(job)).exited.size());
    for (std::uint32_t rank = 0; rank < tasks; ++rank) {
      core.step(at(when), TaskExited{JobId(job), epoch, Rank(rank), exit_with(code)});
    }
  }
  JobState state_of(std::uint64_t job) { return core.job(job).state; }
  double total_s(LedgerCategory category, std::int64_t when) {
    return static_cast<double>(ledger_totals(core.state(), at(when))[category].count()) / 1e12;
  }

  CheckedCore core;
};

TEST_F(CoreTest, AGangStartsWholeRunsAndSucceeds) {
  add_node("a", 4);
  const auto events = submit(1, job_spec(3));
  const auto* placed = find<AttemptPlaced>(events);
  ASSERT_NE(placed, nullptr);
  EXPECT_EQ(placed->job, JobId(1));
  EXPECT_EQ(placed->attempt, AttemptNumber(1));
  ASSERT_EQ(placed->placement.size(), 1U);
  EXPECT_EQ(placed->placement[0].tasks, 3U);
  EXPECT_EQ(state_of(1), JobState::kStarting);
  run(2, 1);
  EXPECT_EQ(state_of(1), JobState::kRunning);
  end_all(12, 1, 0);
  EXPECT_EQ(state_of(1), JobState::kSucceeded);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kProductive, 12), 30.0);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kStarting, 12), 3.0);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kIdleNoDemand, 12), 4.0 * 12 - 33);
}

TEST_F(CoreTest, WhatDoesNotFitWaitsAndStartsWhenRoomComes) {
  add_node("a", 2);
  submit(1, job_spec(2));
  const auto events = submit(2, job_spec(2));
  const auto* blocked = find<JobBlocked>(events);
  ASSERT_NE(blocked, nullptr);
  EXPECT_EQ(std::get<NoRoomNow>(blocked->reason).nodes_considered, 1U);
  EXPECT_EQ(std::get<NoRoomNow>(blocked->reason).resource, Resource::kAccelerators);
  EXPECT_EQ(std::get<NoRoomNow>(blocked->reason).tasks_fitting, 0U);
  run(2, 1);
  end_all(3, 1, 0);
  EXPECT_EQ(state_of(2), JobState::kStarting);
}

TEST_F(CoreTest, ReasonsAreTypedWithFigures) {
  add_node("a", 2);
  submit(1, job_spec(3));
  const PendingReason too_small = explain(core.state(), JobId(1), at(1));
  EXPECT_EQ(std::get<FleetTooSmall>(too_small).tasks_possible, 2U);
  JobSpec other = job_spec(1);
  other.gang.task.accelerator_type = "H100";
  submit(1, other);
  EXPECT_EQ(std::get<NoSuchAccelerator>(explain(core.state(), JobId(2), at(1))).present,
            std::vector<std::string>{"cpu"});
  JobSpec held = job_spec(1);
  held.hold = true;
  submit(1, held);
  EXPECT_EQ(std::get<IsHeld>(explain(core.state(), JobId(3), at(1))).by, "someone");
}

TEST_F(CoreTest, ADeadRankStopsTheRestAndTheJobStartsAgainFromItsCheckpoint) {
  add_node("a", 2);
  submit(0, job_spec(2));
  run(0, 1);
  core.step(at(10), CheckpointSaved{JobId(1), AttemptNumber(1), {100, "/ckpt/100"}});
  TaskExit killed;
  killed.signal = 9;
  const Epoch first = core.epoch(1);
  auto events = core.step(at(15), TaskExited{JobId(1), first, Rank(1), killed});
  EXPECT_EQ(find<AttemptStopping>(events)->cause, EndCause::kTaskFailed);
  EXPECT_EQ(state_of(1), JobState::kStopping);
  events = core.step(at(16), TaskExited{JobId(1), first, Rank(0), exit_with(143)});
  const auto* ended = find<AttemptEnded>(events);
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->lost_work.count(), Int128{2000} * seconds(6).count());
  EXPECT_TRUE(ended->capacity_held);
  const auto* again = find<RestartPlanned>(events);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->not_before, at(17));
  EXPECT_EQ(core.core().next_wakeup(), at(17));
  // Held: nobody else gets it.
  submit(16, job_spec(1));
  EXPECT_EQ(state_of(2), JobState::kPending);
  events = core.tick(at(17));
  const auto* placed = find<AttemptPlaced>(events);
  ASSERT_NE(placed, nullptr);
  EXPECT_EQ(placed->job, JobId(1));
  EXPECT_EQ(placed->attempt, AttemptNumber(2));
  EXPECT_EQ(placed->resume_from.step, 100U);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kLostWork, 17), 12.0);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kHeld, 17), 2.0);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kProductive, 17), 20.0);
}

TEST_F(CoreTest, RestartsEndAtTheirLimitWithGrowingDelays) {
  add_node("a", 1);
  JobSpec spec = job_spec(1);
  spec.restart.limit = 3;
  spec.restart.delay = seconds(1);
  spec.restart.delay_max = seconds(3);
  submit(0, spec);
  std::int64_t now = 0;
  std::vector<std::int64_t> delays;
  for (int i = 0; i < 4; ++i) {
    end_all(now, 1, 1);
    const Job& job = core.job(1);
    if (is_final(job.state)) break;
    delays.push_back((job.not_before - at(now)) / seconds(1));
    now = job.not_before.count() / seconds(1).count();
    core.tick(at(now));
  }
  EXPECT_THAT(delays, ::testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(state_of(1), JobState::kFailed);
  EXPECT_EQ(core.job(1).attempts, 4U);
}

TEST_F(CoreTest, ObservationsOfAnOlderEpochChangeNothing) {
  add_node("a", 1);
  submit(0, job_spec(1));
  const Epoch old = core.epoch(1);
  end_all(1, 1, 1);
  core.tick(at(2));
  ASSERT_NE(core.epoch(1), old);
  EXPECT_TRUE(core.step(at(3), TaskExited{JobId(1), old, Rank(0), exit_with(0)}).empty());
  EXPECT_TRUE(core.step(at(3), AttemptStarted{JobId(1), old}).empty());
  EXPECT_TRUE(core.step(at(3), AttemptGone{JobId(1), old, false, ""}).empty());
  const auto events = core.step(at(3), ReportProgress{JobId(1), AttemptNumber(1), Rank(0), {}});
  EXPECT_EQ(find<Refused>(events)->refusal.kind, RefusalKind::kStaleAttempt);
  EXPECT_EQ(find<Refused>(events)->refusal.attempt, AttemptNumber(2));
}

TEST_F(CoreTest, RepeatedExitsChangeNothing) {
  add_node("a", 2);
  submit(0, job_spec(2));
  run(0, 1);
  const TaskExited once{JobId(1), core.epoch(1), Rank(0), exit_with(0)};
  EXPECT_FALSE(core.step(at(1), once).empty());
  EXPECT_TRUE(core.step(at(1), once).empty());
  EXPECT_TRUE(core.step(at(1), TaskExited{JobId(1), core.epoch(1), Rank(2), exit_with(0)}).empty());
  EXPECT_EQ(state_of(1), JobState::kRunning);
}

TEST_F(CoreTest, ATimeLimitEndsTheJob) {
  add_node("a", 1);
  JobSpec spec = job_spec(1);
  spec.time_limit = seconds(60);
  submit(0, spec);
  run(1, 1);
  EXPECT_EQ(core.core().next_wakeup(), at(60));
  EXPECT_TRUE(core.tick(at(59)).empty());
  EXPECT_EQ(find<AttemptStopping>(core.tick(at(60)))->cause, EndCause::kTimeLimit);
  end_all(61, 1, 143);
  EXPECT_EQ(state_of(1), JobState::kTimedOut);
  EXPECT_EQ(core.core().next_wakeup(), Instant::never());
}

TEST_F(CoreTest, ATimeLimitOfTheEngineEndsTheJob) {
  add_node("a", 1);
  submit(0, job_spec(1));
  run(1, 1);
  AttemptExited exited{JobId(1), core.epoch(1), exit_with(143), true};
  core.step(at(2), exited);
  EXPECT_EQ(state_of(1), JobState::kTimedOut);
  EXPECT_EQ(core.job(1).attempts, 1U) << "it is not started again";
}

TEST_F(CoreTest, CancelWinsOverEverythingElse) {
  add_node("a", 1);
  submit(0, job_spec(1));
  core.step(at(1), RequeueJob{JobId(1), "x"});
  EXPECT_EQ(find<AttemptStopping>(core.step(at(2), CancelJob{JobId(1), false, "y"}))->by, "y");
  EXPECT_NE(find<CancelRepeated>(core.step(at(2), CancelJob{JobId(1), false, "z"})), nullptr);
  end_all(3, 1, 0);
  EXPECT_EQ(state_of(1), JobState::kCancelled);
  const auto events = core.step(at(4), CancelJob{JobId(1), false, "y"});
  EXPECT_EQ(find<Refused>(events)->refusal.kind, RefusalKind::kJobAlreadyFinished);
}

TEST_F(CoreTest, RequeueStartsAgainWithoutUsingUpARestart) {
  add_node("a", 1);
  JobSpec spec = job_spec(1);
  spec.restart.limit = 0;
  submit(0, spec);
  core.step(at(1), RequeueJob{JobId(1), "x"});
  end_all(2, 1, 143);
  EXPECT_EQ(state_of(1), JobState::kStarting);
  EXPECT_EQ(core.job(1).attempts, 2U);
  EXPECT_EQ(core.job(1).restarts, 0U);
}

TEST_F(CoreTest, TheSameKeyGivesTheSameJob) {
  add_node("a", 1);
  submit(0, job_spec(1), "key");
  EXPECT_EQ(find<SubmitRepeated>(submit(1, job_spec(1), "key"))->job, JobId(1));
  EXPECT_EQ(find<Refused>(submit(1, job_spec(2), "key"))->refusal.kind, RefusalKind::kKeyReused);
  EXPECT_EQ(core.state().jobs.size(), 1U);
}

TEST_F(CoreTest, ADrainingNodeFinishesWhatRunsAndTakesNothingNew) {
  add_node("a", 1);
  add_node("b", 1);
  submit(0, job_spec(1));
  core.step(at(1), DrainNode{"a", "fan", "op"});
  core.step(at(1), DrainNode{"b", "fan", "op"});
  submit(2, job_spec(1));
  EXPECT_EQ(state_of(1), JobState::kStarting);
  EXPECT_EQ(state_of(2), JobState::kPending);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kDraining, 3), 2.0);
  end_all(3, 1, 1);  // fails: nothing may be held on a draining node
  EXPECT_TRUE(core.state().holds.empty());
  core.step(at(4), ResumeNode{"b", "op"});
  EXPECT_EQ(state_of(1), JobState::kStarting) << "the restart goes first";
  EXPECT_EQ(state_of(2), JobState::kPending);
}

TEST_F(CoreTest, ALostNodeEndsTheAttemptNotTheJob) {
  add_node("a", 1);
  add_node("b", 1);
  add_node("c", 1);
  JobSpec spec = job_spec(2);
  spec.restart.limit = 0;
  submit(0, spec);
  run(1, 1);
  const Epoch first = core.epoch(1);
  core.step(at(5), NodeLost{"a"});
  EXPECT_EQ(state_of(1), JobState::kStopping);
  core.step(at(6), TaskExited{JobId(1), first, Rank(1), exit_with(143)});
  EXPECT_EQ(state_of(1), JobState::kStarting);
  const Placement& placement = core.state().attempts.at(JobId(1)).placement;
  EXPECT_EQ(placement[0].node, NodeId(2)) << "in the place of the lost one";
  EXPECT_EQ(placement[1].node, NodeId(1)) << "where it was";
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kLostContact, 8), 2.0);
  core.step(at(9), NodeSeen{node_spec("a", 1)});
  EXPECT_FALSE(core.state().nodes[0].lost);
}

TEST_F(CoreTest, FractionsShareADeviceAndNeverOverfillIt) {
  add_node("a", 2);
  JobSpec spec = job_spec(1, 400);
  spec.array = 5;
  submit(0, spec);
  EXPECT_EQ(core.state().attempts.size(), 4U);
  EXPECT_EQ(core.state().nodes[0].devices[0], AcceleratorShare(200));
  EXPECT_EQ(state_of(5), JobState::kPending);
}

TEST_F(CoreTest, AnArrayIsManyJobsInOneRecord) {
  add_node("a", 2);
  JobSpec spec = job_spec(1);
  spec.array = 1000;
  submit(0, spec);
  EXPECT_EQ(core.state().records.size(), 1U);
  EXPECT_EQ(core.state().jobs.size(), 1000U);
  EXPECT_EQ(core.state().attempts.size(), 2U);
  core.step(at(1), CancelJob{JobId(500), true, "x"});
  EXPECT_EQ(core.state().finished.size(), 998U);
  EXPECT_EQ(core.state().classes.waiting(), 0U);
}

TEST_F(CoreTest, PriorityThenAgeDecideWhoGoesFirst) {
  add_node("a", 1);
  submit(0, job_spec(1));
  submit(1, job_spec(1));
  JobSpec urgent = job_spec(1, 500);  // another shape
  urgent.priority = 5;
  submit(2, urgent);
  end_all(3, 1, 0);
  EXPECT_EQ(state_of(3), JobState::kStarting);
  EXPECT_EQ(state_of(2), JobState::kPending);
}

TEST_F(CoreTest, HeldJobsWaitForTheirRelease) {
  add_node("a", 1);
  JobSpec spec = job_spec(1);
  spec.hold = true;
  submit(0, spec);
  EXPECT_EQ(state_of(1), JobState::kPending);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kIdleNoDemand, 5), 5.0);
  core.step(at(5), ReleaseJob{JobId(1), false, "x"});
  EXPECT_EQ(state_of(1), JobState::kStarting);
  EXPECT_EQ(find<Refused>(core.step(at(6), HoldJob{JobId(1), false, "x"}))->refusal.kind,
            RefusalKind::kJobNotPending);
}

TEST_F(CoreTest, ExactlyNNodesMeansEqualShares) {
  add_node("a", 4);
  add_node("b", 2);
  JobSpec spec = job_spec(4);
  spec.gang.nodes = 2;
  submit(0, spec);
  const Placement& placement = core.state().attempts.at(JobId(1)).placement;
  ASSERT_EQ(placement.size(), 2U);
  EXPECT_EQ(placement[0].tasks, 2U);
  EXPECT_EQ(placement[1].tasks, 2U);
}

TEST_F(CoreTest, CheckpointingIsAccountedApart) {
  add_node("a", 1);
  submit(0, job_spec(1));
  run(0, 1);
  core.step(at(10), CheckpointBegun{JobId(1), AttemptNumber(1)});
  core.step(at(13), CheckpointSaved{JobId(1), AttemptNumber(1), {5, "/x"}});
  end_all(20, 1, 0);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kCheckpointing, 20), 3.0);
  EXPECT_DOUBLE_EQ(total_s(LedgerCategory::kProductive, 20), 17.0);
}

TEST_F(CoreTest, OldEndedJobsLeaveTheState) {
  add_node("a", 1);
  JobSpec spec = job_spec(1);
  spec.hold = true;
  spec.array = 100;
  for (std::uint32_t i = 0; i < kFinishedJobsKept / 100 + 2; ++i) {
    const auto events = core.core().state().next_job;
    submit(i, spec, "key" + std::to_string(i));
    core.step(at(i), CancelJob{events, true, "x"});
  }
  EXPECT_EQ(core.state().jobs.size(), kFinishedJobsKept);
  EXPECT_EQ(core.state().jobs.find(JobId(1)), nullptr);
  EXPECT_FALSE(core.state().job_by_key.contains("key0"));
  EXPECT_EQ(core.replayed(), core.state());
}

TEST_F(CoreTest, AnArrayOfWhichSomeHaveLeftTheStateIsRebuiltAsItIs) {
  add_node("a", 1);
  Policy policy;
  policy.starvation_after = seconds(10);
  core.step(at(0), SetPolicy{policy, "test"});
  JobSpec spec = job_spec(1);
  submit(1, spec, "runs");
  spec.array = 2;
  submit(2, spec, "one waits too long");
  core.step(at(3), HoldJob{JobId(3), false, "x"});
  core.tick(at(100));
  EXPECT_TRUE(core.job(2).boosted);
  core.step(at(101), CancelJob{JobId(2), false, "x"});
  spec.hold = true;
  spec.array = 1000;
  for (std::uint32_t i = 0; i < kFinishedJobsKept / 1000; ++i) {
    const JobId first = core.state().next_job;
    submit(200 + i, spec, "key" + std::to_string(i));
    core.step(at(200 + i), CancelJob{first, true, "x"});
  }
  EXPECT_EQ(core.state().jobs.find(JobId(2)), nullptr);
  EXPECT_NE(core.state().jobs.find(JobId(3)), nullptr);
}

}  // namespace
}  // namespace mw
