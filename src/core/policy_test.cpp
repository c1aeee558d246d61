// Deciding by policy, case by case: quotas, preemption, plans, elastic gangs, moving, what a job
// waits for. The laws behind them are in the property tests.
#include <gtest/gtest.h>

#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::CheckedCore;
using testing::find;
using testing::job_spec;
using testing::node_spec;

Instant at(std::int64_t s) { return Instant(seconds(s).count()); }

class PolicyTest : public ::testing::Test {
 protected:
  PolicyTest() {
    policy.preemption.runtime_min = Duration();
    policy.starvation_after = hours(1000);
  }
  void begin(std::uint32_t nodes, std::uint32_t accelerators) {
    for (std::uint32_t i = 0; i < nodes; ++i) {
      core.step(at(0), NodeSeen{node_spec("n" + std::to_string(i), accelerators)});
    }
    core.step(at(0), SetPolicy{policy, "test"});
  }
  std::uint64_t submit(std::int64_t when, const JobSpec& spec) {
    core.step(at(when), SubmitJob{spec, ""});
    return core.state().next_job.value() - 1;
  }
  static JobSpec in_class(const std::string& name, std::uint32_t tasks) {
    JobSpec spec = job_spec(tasks);
    spec.priority_class = name;
    return spec;
  }
  void run(std::int64_t when, std::uint64_t job) {
    core.step(at(when), AttemptStarted{JobId(job), core.epoch(job)});
  }
  /// As an engine does that stops it at once.
  void gone(std::int64_t when, std::uint64_t job) {
    core.step(at(when), AttemptGone{JobId(job), core.epoch(job), false, ""});
  }
  std::uint32_t tasks_of_job(std::uint64_t job) {
    return static_cast<std::uint32_t>(core.state().attempts.at(JobId(job)).exited.size());
  }
  JobState state_of(std::uint64_t job) { return core.job(job).state; }

  Policy policy;
  CheckedCore core;
};

TEST_F(PolicyTest, AHigherClassHasTheCheapestStoppedAndKeepsWhatItLeaves) {
  begin(2, 4);
  const auto old = submit(1, in_class("best-effort", 4));
  run(1, old);
  const auto fresh = submit(500, in_class("best-effort", 4));
  const auto high = submit(600, in_class("high", 3));
  EXPECT_EQ(state_of(fresh), JobState::kStopping) << "it has lost less";
  EXPECT_NE(state_of(old), JobState::kStopping);
  // What comes free is not for whoever comes first.
  submit(601, job_spec(4));
  gone(602, fresh);
  EXPECT_EQ(state_of(high), JobState::kStarting);
  EXPECT_EQ(core.job(fresh).last_end, EndCause::kPreempted);
  EXPECT_EQ(state_of(fresh), JobState::kPending);
  EXPECT_EQ(core.job(fresh).restarts, 0U);
}

/// Nothing may end for a long time by which it would be tried again.
TEST_F(PolicyTest, WhoFitsOnceAPlanIsGivenUpForItStartsAtOnce) {
  begin(3, 2);
  JobSpec spec = job_spec(2);
  spec.time_limit = seconds(200);
  submit(1, spec);
  spec = job_spec(4);
  spec.time_limit = seconds(100);
  const auto first = submit(2, spec);
  const auto planned = submit(3, spec);
  ASSERT_TRUE(core.state().claims.contains(JobId(planned)));
  // In one step the room comes free, before its time, and someone comes who goes before.
  std::vector<Input> inputs;
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    inputs.push_back(
        {RequestId(), TaskExited{JobId(first), core.epoch(first), Rank(rank), TaskExit{}}});
  }
  spec.priority = 1;
  spec.time_limit = seconds(300);
  inputs.push_back({RequestId(), SubmitJob{spec, ""}});
  core.step(at(4), std::move(inputs));
  EXPECT_EQ(state_of(planned + 1), JobState::kStarting);
}

TEST_F(PolicyTest, AQuotaIsKeptAndTakenBackFromThoseWhoBorrow) {
  policy.classes[1].preemptible = true;
  policy.tenants = {{"a", "", AcceleratorShare(2'000), AcceleratorShare(4'000), 1},
                    {"b", "", AcceleratorShare(2'000), std::nullopt, 1}};
  begin(4, 2);
  JobSpec spec = job_spec(2);
  spec.tenant = "a";
  submit(1, spec);
  submit(2, spec);
  const auto third = submit(3, spec);
  const auto fourth = submit(4, spec);
  EXPECT_EQ(state_of(third), JobState::kStarting);
  const PendingReason reason = explain(core.state(), JobId(fourth), at(4));
  ASSERT_TRUE(std::holds_alternative<OverQuota>(reason));
  EXPECT_EQ(std::get<OverQuota>(reason).limit, AcceleratorShare(6'000));
  spec.tenant = "c";
  submit(5, spec);
  spec.tenant = "b";
  const auto owner = submit(6, spec);
  EXPECT_EQ(state_of(owner), JobState::kPending);
  EXPECT_EQ(core.state().stopping.size(), 1U) << "one of three is enough, and any will do";
  const JobId victim = *core.state().stopping.begin();
  EXPECT_EQ(spec_of(core.state(), victim).tenant, "a") << "c borrows as well, and lives on less";
}

TEST_F(PolicyTest, AJobBeyondItsTenantsLimitBarsNobody) {
  policy.starvation_after = seconds(100);
  policy.tenants = {{"a", "", AcceleratorShare(2000), AcceleratorShare(0), 1}};
  begin(4, 4);
  JobSpec too_large = job_spec(3);
  too_large.tenant = "a";
  const auto never = submit(1, too_large);
  core.tick(at(200));
  EXPECT_TRUE(core.job(never).boosted);
  EXPECT_EQ(state_of(never), JobState::kPending);
  JobSpec small = job_spec(1);
  small.tenant = "a";
  const auto after = submit(201, small);
  EXPECT_EQ(state_of(after), JobState::kStarting);
}

TEST_F(PolicyTest, WhoWaitsTooLongForItsQuotaLetsNoneOfItsTenantPass) {
  policy.starvation_after = seconds(100);
  policy.tenants = {{"a", "", AcceleratorShare(3000), AcceleratorShare(0), 1}};
  begin(4, 4);
  JobSpec spec = job_spec(1);
  spec.tenant = "a";
  const auto runs = submit(1, spec);
  spec.gang.tasks = 3;
  const auto waits = submit(2, spec);
  core.tick(at(200));
  spec.gang.tasks = 2;
  const auto later = submit(201, spec);
  EXPECT_EQ(state_of(later), JobState::kPending);
  gone(202, runs);
  core.step(at(203), CancelJob{JobId(runs), false, "test"});
  EXPECT_EQ(state_of(waits), JobState::kStarting);
  EXPECT_EQ(state_of(later), JobState::kPending);
}

TEST_F(PolicyTest, ClassAndQuotaDoNotStopEachOtherInTurns) {
  policy.classes[1].preemptible = true;
  policy.tenants = {{"owner", "", AcceleratorShare(4000), std::nullopt, 1}};
  begin(1, 4);
  JobSpec borrows = in_class("normal", 4);
  borrows.tenant = "borrower";
  JobSpec owns = in_class("best-effort", 4);
  owns.tenant = "owner";
  const auto first = submit(1, owns);
  run(2, first);
  const auto second = submit(100, borrows);
  EXPECT_EQ(state_of(first), JobState::kStopping) << "by its class";
  gone(101, first);
  EXPECT_EQ(state_of(second), JobState::kStarting);
  run(102, second);
  core.tick(at(10'000));
  EXPECT_EQ(state_of(second), JobState::kRunning) << "its class is above that of the quota's owner";
  owns.priority_class = "normal";
  submit(10'001, owns);
  EXPECT_EQ(state_of(second), JobState::kStopping) << "among equals, the quota is taken back";
}

TEST_F(PolicyTest, ShortJobsFillTheTimeBeforeAPlannedStart) {
  begin(2, 1);
  JobSpec limited = job_spec(1);
  limited.time_limit = seconds(100);
  limited.grace = Duration();
  submit(0, limited);
  const auto wide = submit(1, job_spec(2));
  ASSERT_EQ(core.state().claims.count(JobId(wide)), 1U);
  EXPECT_EQ(core.state().claims.at(JobId(wide)).at, at(100));
  const auto long_one = submit(2, job_spec(1));
  const PendingReason reason = explain(core.state(), JobId(long_one), at(2));
  ASSERT_TRUE(std::holds_alternative<KeptForOthers>(reason));
  EXPECT_EQ(std::get<KeptForOthers>(reason).job, JobId(wide));
  limited.time_limit = seconds(50);
  const auto short_one = submit(3, limited);
  EXPECT_EQ(state_of(long_one), JobState::kPending);
  EXPECT_EQ(state_of(short_one), JobState::kStarting);
}

TEST_F(PolicyTest, AnElasticGangStartsWithWhatFitsAndGrowsWhenNobodyWaits) {
  policy.elastic.grow_interval = seconds(60);
  policy.preemption.restart_cost = seconds(1);
  begin(1, 4);
  const auto other = submit(0, job_spec(2));
  JobSpec elastic = job_spec(4);
  elastic.gang.tasks_min = 1;
  const auto job = submit(1, elastic);
  EXPECT_EQ(tasks_of_job(job), 2U);
  run(2, job);
  core.step(at(10), CancelJob{JobId(other), false, "test"});
  gone(10, other);
  EXPECT_EQ(state_of(job), JobState::kRunning) << "not before the interval is over";
  EXPECT_EQ(core.core().next_wakeup(), at(61));
  core.step(at(60), CheckpointSaved{JobId(job), AttemptNumber(1), {1, "/c"}});
  core.tick(at(61));
  EXPECT_EQ(state_of(job), JobState::kStopping);
  gone(62, job);
  EXPECT_EQ(tasks_of_job(job), 4U);
  EXPECT_EQ(core.job(job).last_end, EndCause::kResized);
}

TEST_F(PolicyTest, SmallJobsAreMovedTogetherWhenThatPays) {
  policy.consolidation.enabled = true;
  policy.consolidation.move_cost = seconds(1);
  begin(2, 4);
  JobSpec small = in_class("best-effort", 1);
  const auto first = submit(0, small);
  // It shares a node with the first; with both nodes begun, no whole one is left.
  JobSpec apart = in_class("best-effort", 3);
  const auto second = submit(0, apart);
  const auto third = submit(0, in_class("best-effort", 2));
  run(1, first);
  run(1, second);
  run(1, third);
  core.step(at(2), CancelJob{JobId(second), false, "test"});
  gone(2, second);
  JobSpec whole = in_class("best-effort", 4);
  whole.gang.nodes = 1;
  const auto wants = submit(3, whole);
  ASSERT_EQ(core.state().claims.count(JobId(wants)), 1U);
  ASSERT_EQ(core.state().stopping.size(), 1U);
  const JobId moved = *core.state().stopping.begin();
  gone(4, moved.value());
  EXPECT_EQ(state_of(wants), JobState::kStarting);
  EXPECT_EQ(state_of(moved.value()), JobState::kStarting) << "elsewhere, at once";
  EXPECT_EQ(core.job(moved.value()).last_end, EndCause::kMoved);
}

TEST_F(PolicyTest, ElasticJobsAreNotMovedForEachOther) {
  policy.consolidation.enabled = true;
  policy.consolidation.move_cost = Duration();
  begin(2, 1);
  JobSpec spec = in_class("best-effort", 2);
  spec.gang.task.accelerators = AcceleratorShare(500);
  spec.gang.tasks_min = 1;
  for (const std::int64_t when : {1, 2}) run(when, submit(when, spec));
  const auto waits = submit(3, spec);
  for (std::int64_t when = 10; when < 1000; when += 10) core.tick(at(when));
  EXPECT_EQ(state_of(waits), JobState::kPending);
  EXPECT_TRUE(core.state().claims.empty());
  EXPECT_EQ(core.state().stopping.size(), 0U);
}

TEST_F(PolicyTest, GroupsStartTogetherOrNotAtAll) {
  begin(2, 2);
  JobSpec spec = job_spec(2);
  GangShape servers = job_spec(1).gang;
  servers.tasks = 2;
  spec.groups.push_back(servers);
  const auto blocker = submit(0, job_spec(1));
  const auto job = submit(1, spec);
  EXPECT_EQ(state_of(job), JobState::kPending);
  core.step(at(2), CancelJob{JobId(blocker), false, "test"});
  gone(2, blocker);
  EXPECT_EQ(state_of(job), JobState::kStarting);
  EXPECT_EQ(tasks_of_job(job), 4U);
}

/// In the order of the ranks, the small parts would share a device, and one of the large none.
TEST_F(PolicyTest, GroupsOnOneNodeGetTheirDevicesInTheOrderInWhichTheyWerePlaced) {
  begin(1, 2);
  JobSpec spec = job_spec(2, 400);
  spec.groups.push_back(job_spec(2, 600).gang);
  spec.priority_class = "best-effort";
  const auto first = submit(1, spec);
  run(1, first);
  EXPECT_EQ(state_of(first), JobState::kRunning);
  // So is one that has others stopped for it.
  spec.priority_class = "high";
  const auto urgent = submit(2, spec);
  EXPECT_EQ(state_of(first), JobState::kStopping);
  gone(3, first);
  EXPECT_EQ(tasks_of_job(urgent), 4U);
}

TEST_F(PolicyTest, JobsWaitForOtherJobsForTheClockAndNotBeyondTheirDeadline) {
  begin(1, 4);
  const auto first = submit(0, job_spec(1));
  JobSpec after = job_spec(1);
  after.after = {{DependencyKind::kAfterOk, JobId(first)}};
  const auto waits = submit(1, after);
  EXPECT_TRUE(std::holds_alternative<AwaitsJobs>(explain(core.state(), JobId(waits), at(1))));
  JobSpec later = job_spec(1);
  later.not_before = at(50);
  const auto timed = submit(2, later);
  EXPECT_EQ(core.core().next_wakeup(), at(50));
  core.step(at(10), TaskExited{JobId(first), core.epoch(first), Rank(0), TaskExit{}});
  EXPECT_EQ(state_of(waits), JobState::kStarting);
  core.tick(at(50));
  EXPECT_EQ(state_of(timed), JobState::kStarting);
  JobSpec urgent = job_spec(4);
  urgent.time_limit = seconds(10);
  urgent.deadline = at(70);
  const auto late = submit(51, urgent);
  core.tick(at(60));
  EXPECT_EQ(state_of(late), JobState::kPending);
  core.tick(at(61));
  EXPECT_EQ(state_of(late), JobState::kTimedOut);
  after.after = {{DependencyKind::kAfterOk, JobId(late)}};
  EXPECT_EQ(state_of(submit(62, after)), JobState::kCancelled) << "it cannot succeed any more";
}

TEST_F(PolicyTest, WhatThePolicyDoesNotKnowIsRefusedByName) {
  policy.others.reset();
  policy.tenants = {{"a", "", AcceleratorShare(), std::nullopt, 1}};
  begin(1, 1);
  const auto refused = [&](const JobSpec& spec) {
    const auto events = core.step(at(1), SubmitJob{spec, ""});
    return find<Refused>(events)->refusal;
  };
  EXPECT_EQ(refused(job_spec(1)).kind, RefusalKind::kNoSuchTenant);
  JobSpec spec = in_class("urgent", 1);
  EXPECT_EQ(refused(spec).kind, RefusalKind::kNoSuchClass);
  spec = job_spec(1);
  spec.tenant = "a";
  spec.after = {{DependencyKind::kAfterAny, JobId(99)}};
  EXPECT_EQ(refused(spec).kind, RefusalKind::kNoSuchDependency);
  policy.default_class = "none";
  const auto events = core.step(at(2), SetPolicy{policy, "test"});
  EXPECT_EQ(find<Refused>(events)->refusal.kind, RefusalKind::kPolicyInvalid);
}

}  // namespace
}  // namespace mw
