// Ranks replaced while the others go on: only those whose node is lost, only where the job bears it
// and the engine can, and never two of one rank that are heard.
#include <gmock/gmock.h>

#include "core/resilience_test_support.h"

namespace mw {
namespace {

using testing::at;
using testing::find;
using testing::fleet;
using testing::job_spec;
using testing::Scene;

/// A gang over whole nodes that bears to lose some. Returns its number.
JobId submit(Scene& scene, std::uint32_t nodes, bool in_place = true) {
  JobSpec spec = job_spec(nodes * 4);
  spec.gang.nodes = nodes;
  spec.restart = {0, seconds(1), seconds(1)};
  spec.grace = seconds(5);
  if (in_place) spec.restart.in_place = true;
  const JobId id = scene.core.state().next_job;
  scene.core.step(at(scene.now), SubmitJob{spec, ""});
  scene.start(id);
  return id;
}

const Attempt& attempt_of(const Scene& scene, JobId job) {
  return scene.core.state().attempts.at(job);
}

Progress step(std::uint64_t number) {
  Progress progress;
  progress.step = number;
  return progress;
}

FaultReport fault(const Scene& scene, std::uint32_t node, const char* code) {
  FaultReport report;
  report.source = "agent";
  report.at = at(scene.now);
  report.code = code;
  report.place = scene.name(node);
  return report;
}

FaultPolicy quarantines() {
  FaultPolicy policy = testing::finding_policy();
  FaultRule rule;
  rule.code = "test.bad";
  rule.steps = {{FaultAction::kQuarantine}};
  policy.rules.push_back(rule);
  return policy;
}

TEST(InPlace, ALostNodeIsReplacedAndTheOthersGoOn) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = submit(scene, 3);
  const auto before = scene.nodes_of(job);
  scene.core.step(at(++scene.now), ReportProgress{job, AttemptNumber(1), Rank(0), step(5)});
  const auto events = scene.core.step(at(scene.now += 50), NodeLost{scene.name(before[1])});
  EXPECT_EQ(find<AttemptStopping>(events), nullptr) << "nobody is told to stop";
  const auto* ended = find<AttemptEnded>(events);
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->lost_work, AcceleratorTime()) << "they go on from what they have";
  const auto* placed = find<AttemptPlaced>(events);
  ASSERT_NE(placed, nullptr);
  EXPECT_EQ(scene.nodes_of(job), (std::vector<std::uint32_t>{before[0], 3, before[2]}));
  ASSERT_TRUE(placed->kept);
  EXPECT_EQ(*placed->kept, (std::vector<KeptRanks>{{0, 4, AttemptNumber(1), Epoch(1)},
                                                   {8, 4, AttemptNumber(1), Epoch(1)}}));
  EXPECT_EQ(scene.core.job(job.value()).restarts, 0U);
  EXPECT_EQ(scene.core.job(job.value()).state, JobState::kStarting);
  scene.start(job);
  EXPECT_EQ(scene.core.job(job.value()).state, JobState::kRunning);
}

TEST(InPlace, KeptRanksAreHeardUnderTheirOldNumberAndLostOnesAreNot) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = submit(scene, 3);
  const auto before = scene.nodes_of(job);
  scene.core.step(at(++scene.now), NodeLost{scene.name(before[1])});
  scene.start(job);
  const auto report = [&](std::uint32_t attempt, std::uint32_t rank) {
    const auto events = scene.core.step(
        at(++scene.now), ReportProgress{job, AttemptNumber(attempt), Rank(rank), step(7)});
    return find<Refused>(events) == nullptr;
  };
  EXPECT_TRUE(report(1, 0));
  EXPECT_TRUE(report(2, 4)) << "the new one";
  EXPECT_FALSE(report(1, 4)) << "the one that it replaced, which may still be alive somewhere";
  EXPECT_TRUE(report(1, 8));
  EXPECT_FALSE(report(3, 0));
  // A second loss: what is kept since the first attempt, and what since the second.
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(before[1])});
  scene.core.step(at(++scene.now), NodeLost{scene.name(before[2])});
  scene.start(job);
  EXPECT_EQ(attempt_of(scene, job).number, AttemptNumber(3));
  EXPECT_TRUE(report(1, 0));
  EXPECT_TRUE(report(2, 4));
  EXPECT_FALSE(report(1, 8));
  EXPECT_TRUE(report(3, 8));
  const auto saved =
      scene.core.step(at(++scene.now), CheckpointSaved{job, AttemptNumber(1), {9, "/c"}});
  EXPECT_EQ(find<Refused>(saved), nullptr);
  EXPECT_EQ(scene.core.state().jobs.at(job).checkpoint.step, 9U);
  const auto stale =
      scene.core.step(at(++scene.now), CheckpointSaved{job, AttemptNumber(1), {9, "/c"}, Rank(4)});
  EXPECT_NE(find<Refused>(stale), nullptr) << "it was replaced, and what it saves is not the job's";
}

TEST(InPlace, WhatTheyHaveNotSavedIsLostWithTheNextAttempt) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = submit(scene, 3);
  scene.core.step(at(scene.now += 10), CheckpointSaved{job, AttemptNumber(1), {5, "/c"}});
  const auto events =
      scene.core.step(at(scene.now += 50), NodeLost{scene.name(scene.nodes_of(job)[1])});
  const AcceleratorTime saved = kWholeAccelerator * 12 * seconds(10);
  const AcceleratorTime unsaved = kWholeAccelerator * 12 * seconds(50);
  const auto* ended = find<AttemptEnded>(events);
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->kept_work, saved);
  EXPECT_EQ(ended->carried_work, unsaved);
  scene.start(job);
  EXPECT_EQ(usage_of(scene.core.state(), job, at(scene.now)).productive, saved + unsaved);
  const auto failed = scene.crash(job, 2);  // 2 s later
  const auto* over = find<AttemptEnded>(failed);
  ASSERT_NE(over, nullptr);
  EXPECT_EQ(over->lost_work, unsaved + kWholeAccelerator * 12 * seconds(2));
  EXPECT_EQ(over->kept_work, AcceleratorTime());
  EXPECT_FALSE(over->carried_work);
}

TEST(InPlace, WhatTheySaveLaterIsSavedOfTheEarlierAttemptToo) {
  Scene scene(fleet(5, 2, 5));
  const JobId job = submit(scene, 3);
  for (int loss = 0; loss < 2; ++loss) {
    scene.core.step(at(scene.now += 50), NodeLost{scene.name(scene.nodes_of(job)[1])});
    scene.start(job);
  }
  scene.core.step(at(scene.now += 5), CheckpointSaved{job, AttemptNumber(3), {9, "/c"}});
  const auto failed = scene.crash(job, 2);
  const auto* over = find<AttemptEnded>(failed);
  ASSERT_NE(over, nullptr);
  EXPECT_EQ(over->kept_work, kWholeAccelerator * 12 * seconds(105));
  EXPECT_EQ(over->lost_work, kWholeAccelerator * 12 * seconds(2));
}

TEST(InPlace, AFaultyNodeIsLeftByItsRanksAlone) {
  Scene scene(fleet(4, 2, 4), {}, quarantines());
  const JobId job = submit(scene, 3);
  const auto before = scene.nodes_of(job);
  const auto events =
      scene.core.step(at(++scene.now), FaultReported{fault(scene, before[0], "test.bad")});
  EXPECT_EQ(find<AttemptStopping>(events), nullptr);
  const auto* leaving = find<RanksLeaving>(events);
  ASSERT_NE(leaving, nullptr);
  EXPECT_EQ(leaving->lost, (std::vector<LostSlice>{{NodeId(before[0]), 0, 4}}));
  EXPECT_EQ(leaving->cause, EndCause::kFaulty);
  EXPECT_EQ(leaving->grace, seconds(5));
  EXPECT_EQ(scene.core.state().nodes[before[0]].phase, NodePhase::kDraining);
  TaskExit killed;
  killed.signal = 9;
  const Epoch epoch = scene.core.epoch(job.value());
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(scene.nodes_of(job), before) << "not before all of them have ended";
    scene.core.step(at(++scene.now), TaskExited{job, epoch, Rank(rank), killed});
  }
  EXPECT_EQ(scene.nodes_of(job), (std::vector<std::uint32_t>{3, before[1], before[2]}));
  EXPECT_EQ(scene.core.state().nodes[before[0]].phase, NodePhase::kQuarantined) << "it is empty";
  EXPECT_EQ(attempt_of(scene, job).number, AttemptNumber(2));
}

TEST(InPlace, WithoutAReplacementAtHandAllStartAgain) {
  Scene scene(fleet(3, 3, 3));
  const JobId job = submit(scene, 3);
  const auto events = scene.core.step(at(++scene.now), NodeLost{scene.name(1)});
  ASSERT_NE(find<AttemptStopping>(events), nullptr);
  EXPECT_EQ(find<AttemptStopping>(events)->cause, EndCause::kNodeLost);
  scene.core.step(at(++scene.now), AttemptGone{job, scene.core.epoch(job.value()), false, ""});
  EXPECT_EQ(scene.core.state().resilience.gaps.size(), 1U) << "its good nodes are kept as ever";
}

TEST(InPlace, OnlyWhereTheJobBearsItAndTheEngineCan) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = submit(scene, 3, false);
  EXPECT_NE(find<AttemptStopping>(
                scene.core.step(at(++scene.now), NodeLost{scene.name(scene.nodes_of(job)[0])})),
            nullptr);
  Scene other(fleet(4, 2, 4));
  other.core.step(at(1), ControllerStarted{"test", false});
  const JobId gang = submit(other, 3);
  EXPECT_NE(find<AttemptStopping>(
                other.core.step(at(++other.now), NodeLost{other.name(other.nodes_of(gang)[0])})),
            nullptr);
}

TEST(InPlace, ItsTimeLimitGoesOn) {
  Scene scene(fleet(4, 2, 4));
  JobSpec spec = job_spec(12);
  spec.gang.nodes = 3;
  spec.time_limit = hours(1);
  spec.restart.in_place = true;
  const JobId job = scene.core.state().next_job;
  scene.core.step(at(scene.now), SubmitJob{spec, ""});
  scene.start(job);
  const Instant begun = at(scene.now);
  scene.core.step(at(scene.now += 1800), NodeLost{scene.name(scene.nodes_of(job)[1])});
  ASSERT_EQ(attempt_of(scene, job).number, AttemptNumber(2));
  scene.start(job);
  EXPECT_EQ(scene.core.core().next_wakeup(), begun + hours(1));
  const auto events = scene.core.tick(begun + hours(1));
  ASSERT_NE(find<AttemptStopping>(events), nullptr);
  EXPECT_EQ(find<AttemptStopping>(events)->cause, EndCause::kTimeLimit);
}

TEST(InPlace, ARankThatFailsByItselfEndsTheAttempt) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = submit(scene, 3);
  TaskExit exit;
  exit.exit_code = 1;
  const auto events = scene.core.step(
      at(++scene.now), TaskExited{job, scene.core.epoch(job.value()), Rank(2), exit});
  ASSERT_NE(find<AttemptStopping>(events), nullptr);
  EXPECT_EQ(find<AttemptStopping>(events)->cause, EndCause::kTaskFailed);
}

TEST(InPlace, ASecondLossMeanwhileIsReplacedAsWell) {
  Scene scene(fleet(6, 2, 6), {}, quarantines());
  const JobId job = submit(scene, 4);
  const auto before = scene.nodes_of(job);
  scene.core.step(at(++scene.now), FaultReported{fault(scene, before[0], "test.bad")});
  scene.core.step(at(++scene.now), NodeLost{scene.name(before[2])});
  EXPECT_EQ(scene.nodes_of(job), before) << "the first has not gone yet";
  const Epoch epoch = scene.core.epoch(job.value());
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    scene.core.step(at(++scene.now), TaskExited{job, epoch, Rank(rank), {}});
  }
  const auto after = scene.nodes_of(job);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_EQ(after[3], before[3]);
  EXPECT_THAT((std::vector<std::uint32_t>{after[0], after[2]}),
              ::testing::UnorderedElementsAre(4U, 5U));
}

TEST(InPlace, CancelledMeanwhileAllOfItEnds) {
  Scene scene(fleet(4, 2, 4), {}, quarantines());
  const JobId job = submit(scene, 3);
  scene.core.step(at(++scene.now), FaultReported{fault(scene, scene.nodes_of(job)[0], "test.bad")});
  ASSERT_TRUE(scene.core.state().resilience.leaving.contains(job));
  scene.core.step(at(++scene.now), CancelJob{job, false, "ada"});
  EXPECT_TRUE(scene.core.state().resilience.leaving.empty());
  scene.core.step(at(++scene.now), AttemptGone{job, scene.core.epoch(job.value()), false, ""});
  EXPECT_EQ(scene.core.job(job.value()).state, JobState::kCancelled);
}

TEST(InPlace, ARestartOfTheControlPlaneKnowsWhoWasKept) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = submit(scene, 3);
  scene.core.step(at(++scene.now), NodeLost{scene.name(scene.nodes_of(job)[1])});
  const State before = scene.core.state();
  scene.core.crash();
  EXPECT_EQ(scene.core.state(), before);
  EXPECT_EQ(scene.core.state().resilience.kept.at(job).size(), 2U);
}

}  // namespace
}  // namespace mw
