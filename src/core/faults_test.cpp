// Faults: what is news, what is done about it, and above all what is not.
#include <gmock/gmock.h>

#include "core/core_test_support.h"
#include "core/health.h"
#include "model/one_block_fleet.h"

namespace mw {
namespace {

using testing::CheckedCore;
using testing::find;
using ::testing::HasSubstr;
using testing::job_spec;
using testing::node_spec;

Instant at(std::int64_t s) { return Instant() + seconds(s); }

FaultRule rule(const std::string& code, std::vector<FaultStep> steps) {
  FaultRule one;
  one.code = code;
  one.steps = std::move(steps);
  return one;
}

/// Every action under a code of its name, with programs for all that need one.
FaultPolicy policy_of_all() {
  FaultPolicy policy;
  policy.name = "test";
  policy.rules = {
      rule("x.drain", {{FaultAction::kDrain}}),
      rule("x.flap", {{FaultAction::kIgnore},
                      {FaultAction::kWatch, 2, minutes(10)},
                      {FaultAction::kQuarantine, 4, minutes(10)}}),
      rule("x.quarantine", {{FaultAction::kQuarantine}}),
      rule("x.reboot", {{FaultAction::kReboot}}),
      rule("x.reset", {{FaultAction::kResetAccelerator, 1, Duration(), DrainMode::kCheckpoint}}),
      rule("x.restart", {{FaultAction::kRestartJob}}),
      rule("x.vendor", {{FaultAction::kReturnToVendor}}),
      rule("x.watch", {{FaultAction::kWatch}}),
  };
  for (const FaultAction action :
       {FaultAction::kResetAccelerator, FaultAction::kReboot, FaultAction::kReturnToVendor}) {
    policy.hooks.push_back({action, {"/do"}, minutes(10)});
  }
  return policy;
}

FaultReport report(const std::string& code, const std::string& node, std::uint64_t sequence = 0) {
  FaultReport one;
  one.source = "agent:" + node;
  one.sequence = sequence;
  one.code = code;
  one.place = node;
  return one;
}

/// Three nodes of two accelerators; job 1 of two tasks is on "a".
struct Scene {
  CheckedCore core;
  explicit Scene(const FaultPolicy& policy = policy_of_all()) {
    core.step(at(0), SetFaultPolicy{policy, "ada"});
    core.step(at(0), NodeSeen{node_spec("a", 2)});
    JobSpec spec = job_spec(2);
    spec.restart.delay = seconds(1);
    core.step(at(1), SubmitJob{spec, ""});
    core.step(at(1), AttemptStarted{JobId(1), core.epoch(1)});
    core.step(at(2), NodeSeen{node_spec("b", 2)});
    core.step(at(2), NodeSeen{node_spec("c", 2)});
  }
  std::vector<Event> tell(Instant now, const FaultReport& fault) {
    return core.step(now, FaultReported{fault});
  }
  std::vector<Event> clear(Instant now, const FaultReport& fault, const std::string& by = "") {
    return core.step(now, FaultCleared{fault, by});
  }
  std::vector<Event> leave(Instant now) {
    return core.step(now, AttemptGone{JobId(1), core.epoch(1), false, ""});
  }
  [[nodiscard]] const Node& node(std::uint32_t id) const { return core.state().nodes.at(id); }
  [[nodiscard]] const Remedy* remedy(std::uint32_t id) const {
    const auto found = core.state().health.remedies.find(NodeId(id));
    return found == core.state().health.remedies.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const FaultRecord* fault(const std::string& code, std::uint32_t id) const {
    return find_fault(core.state(), place_of(NodeId(id)), code, {});
  }
};

// --- the three that the design names
// --------------------------------------------------------------

TEST(Faults, AHealthyNodeIsNotRebootedBecauseADrainWasCancelled) {
  Scene scene;
  scene.tell(at(10), report("x.reboot", "a", 1));
  ASSERT_NE(scene.remedy(0), nullptr);
  const Epoch planned = scene.remedy(0)->id;
  EXPECT_EQ(scene.node(0).phase, NodePhase::kDraining);
  // The drain is cancelled before the node is empty: with it goes the reboot.
  const auto events = scene.core.step(at(11), ResumeNode{"a", "ada"});
  EXPECT_NE(find<RemedyCancelled>(events), nullptr);
  EXPECT_EQ(scene.node(0).phase, NodePhase::kReady);
  // Whatever comes of it later, the reboot never begins, and nobody's word of it moves the node.
  auto later = scene.leave(at(12));
  const auto more = scene.core.step(at(13), RemedyReported{"a", planned, true, ""});
  later.insert(later.end(), more.begin(), more.end());
  EXPECT_EQ(find<RemedyBegun>(later), nullptr);
  EXPECT_EQ(find<NodeMoved>(later), nullptr);
  EXPECT_EQ(scene.node(0).phase, NodePhase::kReady);
  // Nor does the same report again plan it anew. Only a new fault does.
  EXPECT_TRUE(scene.tell(at(20), report("x.reboot", "a", 1)).empty());
  scene.tell(at(30), report("x.reboot", "a", 2));
  EXPECT_NE(scene.remedy(0), nullptr);
}

TEST(Faults, StaleEventsReplayedAreNotActedOn) {
  Scene scene;
  scene.tell(at(10), report("x.watch", "b", 5));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kSuspect);
  scene.core.step(at(11), ResumeNode{"b", "ada"});
  // The agent was cut off and says all again: the same, and what was before it.
  for (const std::uint64_t sequence : {5U, 4U, 1U}) {
    EXPECT_TRUE(scene.tell(at(12), report("x.watch", "b", sequence)).empty()) << sequence;
  }
  // By time, from a source that does not count.
  FaultReport timed = report("x.drain", "c");
  timed.source = "monitor";
  timed.at = at(100);
  scene.tell(at(101), timed);
  EXPECT_EQ(scene.node(2).phase, NodePhase::kDraining);
  timed.at = at(110);
  scene.clear(at(111), timed);
  EXPECT_EQ(scene.node(2).phase, NodePhase::kReady);
  timed.at = at(100);
  EXPECT_TRUE(scene.tell(at(112), timed).empty());
  // Older than the policy lets anything be.
  FaultReport old = report("x.quarantine", "c");
  old.at = at(50);
  EXPECT_TRUE(scene.tell(at(51) + minutes(15), old).empty());
  // Also after the control plane has died and forgotten nothing.
  scene.core.crash();
  EXPECT_TRUE(scene.tell(at(2000), report("x.watch", "b", 5)).empty());
  EXPECT_EQ(scene.node(1).phase, NodePhase::kReady);
}

TEST(Faults, TwoFaultsRacingOnANodeHaveOneOwner) {
  Scene scene;
  // Both in one step, before the node is empty.
  scene.core.step(at(10),
                  std::vector<Input>{{RequestId(), FaultReported{report("x.reset", "a", 1)}},
                                     {RequestId(), FaultReported{report("x.reboot", "a", 2)}}});
  ASSERT_NE(scene.remedy(0), nullptr);
  EXPECT_EQ(scene.remedy(0)->action, FaultAction::kReboot) << "the stronger one owns the node";
  const Epoch owner = scene.remedy(0)->id;
  // A weaker one changes nothing; a stronger one takes over, for nothing has begun.
  scene.tell(at(11), report("x.drain", "a", 3));
  EXPECT_EQ(scene.remedy(0)->id, owner);
  const auto events = scene.tell(at(12), report("x.vendor", "a", 4));
  EXPECT_NE(find<RemedyCancelled>(events), nullptr);
  EXPECT_EQ(scene.remedy(0)->action, FaultAction::kReturnToVendor);
  // Once it has begun, nobody takes over, and only its own end counts.
  scene.leave(at(13));
  ASSERT_TRUE(scene.remedy(0)->begun_at);
  const Epoch begun = scene.remedy(0)->id;
  const auto held_back = scene.tell(at(14), report("x.quarantine", "a", 5));
  const auto* judged = find<FaultJudged>(held_back);
  ASSERT_NE(judged, nullptr);
  EXPECT_THAT(judged->withheld, HasSubstr("is being done"));
  EXPECT_TRUE(scene.core.step(at(15), RemedyReported{"a", owner, true, ""}).empty());
  EXPECT_EQ(scene.remedy(0)->id, begun);
}

// --- what is news
// ---------------------------------------------------------------------------------

TEST(Faults, AClearThatOvertakesItsFaultIsKept) {
  Scene scene;
  scene.clear(at(10), report("x.reboot", "b", 8));
  EXPECT_TRUE(scene.tell(at(11), report("x.reboot", "b", 7)).empty());
  EXPECT_EQ(scene.node(1).phase, NodePhase::kReady);
}

TEST(Faults, ASecondSourceTellsOfTheSameOccurrence) {
  Scene scene;
  scene.tell(at(10), report("x.flap", "b", 1));
  FaultReport other = report("x.flap", "b");
  other.source = "alertmanager";
  EXPECT_TRUE(scene.tell(at(12), other).empty());
  EXPECT_EQ(scene.fault("x.flap", 1)->occurrences, 1U);
  scene.tell(at(60), other);
  EXPECT_EQ(scene.fault("x.flap", 1)->occurrences, 2U);
}

TEST(Faults, WhatIsNotThereIsRefused) {
  Scene scene;
  const auto refused = [&](const FaultReport& fault) {
    const auto events = scene.tell(at(10), fault);
    const auto* refusal = find<Refused>(events);
    return refusal == nullptr ? std::string("taken") : std::string(name_of(refusal->refusal.kind));
  };
  EXPECT_EQ(refused(report("x.watch", "z")), "no_such_place");
  FaultReport device = report("x.watch", "b");
  device.scope = FaultReach::kAccelerator;
  device.device = 2;
  EXPECT_EQ(refused(device), "no_such_device");
  FaultReport site = report("x.watch", "there");
  site.scope = FaultReach::kSite;
  EXPECT_EQ(refused(site), "no_such_place");
  FaultReport job = report("job.bad", "");
  job.scope = FaultReach::kJob;
  job.job = JobId(9);
  EXPECT_EQ(refused(job), "no_such_job");
  const auto events = scene.clear(at(11), report("x.watch", "b"), "ada");
  ASSERT_NE(find<Refused>(events), nullptr);
  EXPECT_EQ(find<Refused>(events)->refusal.kind, RefusalKind::kNoSuchFault);
}

TEST(Faults, ThereAreNeverMoreThanFit) {
  Scene scene;
  for (std::uint64_t i = 0; i < 200; ++i) {
    scene.tell(at(10 + static_cast<std::int64_t>(i)), report("y." + std::to_string(i), "b", i + 1));
  }
  const PlaceFaults& faults = scene.core.state().faults.at(place_of(NodeId(1)));
  EXPECT_EQ(faults.records.size(), kFaultsPerPlace);
  // What was forgotten is not acted on when it is said again.
  FaultReport again = report("y.3", "b", 4);
  again.at = at(13);
  EXPECT_TRUE(scene.tell(at(300), again).empty());
  for (std::uint64_t i = 0; i < 300; ++i) {
    scene.tell(at(400 + 10 * static_cast<std::int64_t>(i)), report("x.flap", "c", i + 1));
  }
  EXPECT_LE(scene.fault("x.flap", 2)->recent.size(), kOccurrencesKept);
}

// --- what is done
// ---------------------------------------------------------------------------------

TEST(Faults, ThresholdsCountWithinTheirWindow) {
  Scene scene;
  scene.tell(at(10), report("x.flap", "b", 1));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kReady);
  scene.tell(at(10) + minutes(11), report("x.flap", "b", 2));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kReady) << "the first one is too long ago";
  scene.tell(at(10) + minutes(12), report("x.flap", "b", 3));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kSuspect);
  scene.tell(at(10) + minutes(13), report("x.flap", "b", 4));
  scene.tell(at(10) + minutes(14), report("x.flap", "b", 5));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  EXPECT_THAT(scene.node(1).phase_reason, HasSubstr("4 times within 10m"));
}

TEST(Faults, ALastingFaultIsNoOtherOnceSomethingIsDoneAboutIt) {
  FaultPolicy policy = policy_of_all();
  policy.rules.insert(
      policy.rules.begin() + 2,
      rule("x.missing", {{FaultAction::kReboot}, {FaultAction::kReturnToVendor, 3, hours(24)}}));
  Scene scene(policy);
  FaultReport missing = report("x.missing", "a", 1);
  scene.tell(at(10), missing);
  missing.count = 0;
  for (int i = 1; i <= 4; ++i) {
    missing.sequence += 1;
    scene.tell(at(10 + 600 * i), missing);
    ASSERT_NE(scene.remedy(0), nullptr);
    EXPECT_EQ(scene.remedy(0)->action, FaultAction::kReboot) << "the node is not empty yet";
  }
  EXPECT_EQ(scene.fault("x.missing", 0)->last_at, at(2410));
  EXPECT_EQ(scene.fault("x.missing", 0)->occurrences, 1U);
  scene.leave(at(2420));
  for (int i = 1; i <= 2; ++i) {  // it is still missing after each reboot
    ASSERT_TRUE(scene.remedy(0) != nullptr && scene.remedy(0)->begun_at) << i;
    EXPECT_EQ(scene.remedy(0)->action, FaultAction::kReboot) << i;
    scene.core.step(at(2430 + 1000 * i), RemedyReported{"a", scene.remedy(0)->id, true, ""});
    missing.sequence += 1;
    scene.tell(at(2900 + 1000 * i), missing);
  }
  ASSERT_NE(scene.remedy(0), nullptr);
  EXPECT_EQ(scene.remedy(0)->action, FaultAction::kReturnToVendor);
}

TEST(Faults, ALastingFaultThatIsOnlyWatchedComesToTheNextStep) {
  Scene scene;
  FaultReport hot = report("x.flap", "a", 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_NE(scene.node(0).phase, NodePhase::kDraining) << i;
    scene.tell(at(10 + 100 * i), hot);
    hot.count = 0;
    hot.sequence += 1;
  }
  EXPECT_EQ(scene.fault("x.flap", 0)->occurrences, 4U);
  EXPECT_NE(scene.node(0).phase, NodePhase::kReady);
  EXPECT_NE(scene.node(0).phase, NodePhase::kSuspect);
}

TEST(Faults, ASuspectNodeIsTrustedAgainWhenNothingMoreHappens) {
  Scene scene;
  scene.tell(at(10), report("x.watch", "b", 1));
  EXPECT_EQ(scene.core.core().next_wakeup(), at(10) + minutes(30));
  // A further fault makes it longer.
  scene.tell(at(10) + minutes(20), report("x.watch", "b", 2));
  scene.core.tick(at(10) + minutes(30));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kSuspect);
  scene.core.tick(at(10) + minutes(50));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kReady);
}

TEST(Faults, ANodeIsClearedRepairedAndComesBack) {
  Scene scene;
  FaultReport fault = report("x.reset", "a", 1);
  fault.scope = FaultReach::kAccelerator;
  fault.device = 1;
  scene.tell(at(10), fault);
  // Its job is asked to save, as the rule says, and the reset waits for it.
  EXPECT_EQ(scene.node(0).drain->mode, DrainMode::kCheckpoint);
  EXPECT_EQ(scene.node(0).drain->deadline, at(10) + minutes(10));
  EXPECT_FALSE(scene.remedy(0)->begun_at);
  auto events = scene.core.step(at(20), CheckpointSaved{JobId(1), AttemptNumber(1), {9, "/c"}});
  const auto* stopping = find<AttemptStopping>(events);
  ASSERT_NE(stopping, nullptr);
  EXPECT_EQ(stopping->cause, EndCause::kFaulty);
  events = scene.leave(at(21));
  ASSERT_NE(find<RemedyBegun>(events), nullptr);
  EXPECT_EQ(scene.node(0).phase, NodePhase::kRepairing);
  EXPECT_EQ(scene.core.state().attempts.at(JobId(1)).placement[0].node, NodeId(1));
  EXPECT_EQ(scene.core.job(1).restarts, 0U) << "not its own failure";
  const Epoch remedy = scene.remedy(0)->id;
  scene.core.step(at(30), RemedyReported{"a", remedy, true, "reset"});
  EXPECT_EQ(scene.node(0).phase, NodePhase::kReady);
  EXPECT_FALSE(find_fault(scene.core.state(), place_of(NodeId(0)), "x.reset", 1)->active);
}

TEST(Faults, ARepairIsFollowedByAValidationWhereThereIsOne) {
  FaultPolicy policy = policy_of_all();
  policy.hooks.insert(policy.hooks.begin(), {FaultAction::kValidate, {"/prove"}, minutes(10)});
  for (const bool passes : {true, false}) {
    Scene scene(policy);
    scene.tell(at(10), report("x.reboot", "b", 1));
    EXPECT_EQ(scene.node(1).phase, NodePhase::kRepairing);
    scene.core.step(at(20), RemedyReported{"b", scene.remedy(1)->id, true, ""});
    EXPECT_EQ(scene.node(1).phase, NodePhase::kValidating);
    ASSERT_NE(scene.remedy(1), nullptr);
    scene.core.step(at(30), RemedyReported{"b", scene.remedy(1)->id, passes, "burn"});
    EXPECT_EQ(scene.node(1).phase, passes ? NodePhase::kReady : NodePhase::kQuarantined);
  }
}

TEST(Faults, ARepairOfWhichNobodyHearsHasFailed) {
  Scene scene;
  scene.tell(at(10), report("x.reboot", "b", 1));
  const Instant deadline = *scene.remedy(1)->deadline;
  EXPECT_EQ(scene.core.core().next_wakeup(), deadline);
  scene.core.tick(deadline);
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  EXPECT_THAT(scene.node(1).phase_reason, HasSubstr("reboot failed"));
}

TEST(Faults, WithoutAProgramANodeWaitsForAPerson) {
  FaultPolicy policy = policy_of_all();
  policy.hooks.clear();
  Scene scene(policy);
  scene.tell(at(10), report("x.reboot", "b", 1));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  EXPECT_THAT(scene.node(1).phase_reason, HasSubstr("no program is set for reboot"));
}

TEST(Faults, WhatWasBegunIsNotTakenBack) {
  Scene scene;
  scene.tell(at(10), report("x.reboot", "b", 1));
  const auto resumed = scene.core.step(at(11), ResumeNode{"b", "ada"});
  ASSERT_NE(find<Refused>(resumed), nullptr);
  EXPECT_EQ(find<Refused>(resumed)->refusal.kind, RefusalKind::kNodeUnderRepair);
  scene.clear(at(12), report("x.reboot", "b", 2));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kRepairing);
  // But a person may give it up; its end then says nothing.
  const Epoch remedy = scene.remedy(1)->id;
  scene.core.step(at(13), MoveNode{"b", NodePhase::kQuarantined, "smoke", "ada"});
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  EXPECT_TRUE(scene.core.step(at(14), RemedyReported{"b", remedy, true, ""}).empty());
}

TEST(Faults, AFaultThatIsGoneBeforeAnythingWasDoneGivesTheNodeBack) {
  Scene scene;
  scene.tell(at(10), report("x.reboot", "a", 1));
  const auto events = scene.clear(at(11), report("x.reboot", "a", 2));
  EXPECT_NE(find<RemedyCancelled>(events), nullptr);
  EXPECT_EQ(scene.node(0).phase, NodePhase::kReady);
  // A drain that waits for a fault to go stays as long as it does.
  scene.tell(at(20), report("x.drain", "b", 1));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kDraining);
  scene.clear(at(500), report("x.drain", "b", 2));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kReady);
}

TEST(Faults, ANodeThatAPersonHasIsLeftToThem) {
  Scene scene;
  scene.core.step(at(5), DrainNode{"b", "mine", "ada"});
  const auto events = scene.tell(at(10), report("x.reboot", "b", 1));
  const auto* judged = find<FaultJudged>(events);
  ASSERT_NE(judged, nullptr);
  EXPECT_EQ(judged->withheld, "the node is draining, by ada");
  EXPECT_EQ(scene.remedy(1), nullptr);
  // And the other way round: a person takes over what was planned.
  scene.tell(at(20), report("x.reboot", "a", 1));
  const auto taken = scene.core.step(at(21), DrainNode{"a", "mine", "ada"});
  EXPECT_NE(find<RemedyCancelled>(taken), nullptr);
  EXPECT_EQ(scene.node(0).phase_by, "ada");
}

TEST(Faults, OnlyTheJobsOnTheAcceleratorStartAgain) {
  Scene scene;
  JobSpec one = job_spec(1);
  scene.core.step(at(3), SubmitJob{one, ""});
  scene.core.step(at(3), SubmitJob{one, ""});
  const Attempt& second = scene.core.state().attempts.at(JobId(2));
  FaultReport fault =
      report("x.restart", scene.core.state().topology->name(second.placement[0].node), 1);
  fault.scope = FaultReach::kAccelerator;
  fault.device = (*second.placement[0].devices.begin()).device;
  scene.tell(at(10), fault);
  EXPECT_EQ(scene.core.state().attempts.at(JobId(2)).stopping, EndCause::kFaulty);
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(1)).stopping);
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(3)).stopping);
}

// --- jobs
// -----------------------------------------------------------------------------------------

TEST(Faults, AJobThatFallsSilentStartsAgainAndThatCounts) {
  FaultPolicy policy = policy_of_all();
  policy.silence = minutes(5);
  policy.rules.insert(policy.rules.begin(), rule("job.hung", {{FaultAction::kRestartJob}}));
  Scene scene(policy);
  // It has never said anything, so nothing is known of its ways.
  scene.core.tick(at(1000));
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(1)).stopping);
  scene.core.step(at(1001), ReportProgress{JobId(1), AttemptNumber(1), Rank(0), {}});
  EXPECT_EQ(scene.core.core().next_wakeup(), at(1001) + minutes(5));
  scene.core.step(at(1100), ReportProgress{JobId(1), AttemptNumber(1), Rank(0), {}});
  scene.core.tick(at(1001) + minutes(5));
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(1)).stopping);
  scene.core.tick(at(1100) + minutes(5));
  EXPECT_EQ(scene.core.state().attempts.at(JobId(1)).stopping, EndCause::kJobFault);
  scene.leave(at(1500));
  EXPECT_EQ(scene.core.job(1).restarts, 1U);
}

TEST(Faults, AJobsOwnFaultIsOfItsCurrentAttempt) {
  FaultPolicy policy = policy_of_all();
  policy.rules.insert(policy.rules.begin(), rule("job.nan_loss", {{FaultAction::kRestartJob}}));
  policy.rules.insert(policy.rules.begin() + 1, rule("job.slow_rank", {{FaultAction::kWatch}}));
  Scene scene(policy);
  FaultReport own = report("job.nan_loss", "");
  own.scope = FaultReach::kJob;
  own.job = JobId(1);
  own.attempt = AttemptNumber(2);
  auto events = scene.tell(at(10), own);
  ASSERT_NE(find<Refused>(events), nullptr);
  EXPECT_EQ(find<Refused>(events)->refusal.kind, RefusalKind::kStaleAttempt);
  // A slow rank makes its node suspect.
  own.attempt = AttemptNumber(1);
  own.code = "job.slow_rank";
  own.rank = Rank(1);
  scene.tell(at(11), own);
  EXPECT_EQ(scene.node(0).phase, NodePhase::kSuspect);
  own.code = "job.nan_loss";
  scene.tell(at(12), own);
  EXPECT_EQ(scene.core.state().attempts.at(JobId(1)).stopping, EndCause::kJobFault);
  scene.leave(at(13));
  EXPECT_FALSE(scene.core.state().faults.contains(place_of(JobId(1))));
}

// --- breakers
// -------------------------------------------------------------------------------------

TEST(Faults, TooManyNodesAtOnceCallForAPerson) {
  FaultPolicy policy = policy_of_all();
  policy.breakers = {{BreakerLevel::kSite, 34, 1, hours(1)}};
  Scene scene(policy);
  scene.tell(at(10), report("x.quarantine", "b", 1));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  const auto events = scene.tell(at(20), report("x.quarantine", "c", 1));
  const auto* tripped = find<BreakerTripped>(events);
  ASSERT_NE(tripped, nullptr);
  EXPECT_EQ(tripped->place, "here");
  EXPECT_EQ(tripped->limit, 1U);
  EXPECT_EQ(scene.node(2).phase, NodePhase::kReady);
  EXPECT_EQ(scene.fault("x.quarantine", 2)->withheld, FaultAction::kQuarantine);
  // It stays so, whatever comes, until a person says otherwise; then it is done after all.
  EXPECT_EQ(find<BreakerTripped>(scene.tell(at(30), report("x.watch", "c", 2))), nullptr);
  EXPECT_EQ(scene.node(2).phase, NodePhase::kReady);
  EXPECT_NE(find<Refused>(scene.core.step(at(31), ResetBreaker{BreakerLevel::kSite, "x", "ada"})),
            nullptr);
  scene.core.step(at(32), ResetBreaker{BreakerLevel::kSite, "here", "ada"});
  EXPECT_EQ(scene.node(2).phase, NodePhase::kQuarantined);
}

TEST(Faults, WhatWasTakenLongAgoDoesNotCount) {
  FaultPolicy policy = policy_of_all();
  policy.breakers = {{BreakerLevel::kSite, 34, 1, hours(1)}};
  Scene scene(policy);
  scene.tell(at(10), report("x.quarantine", "b", 1));
  scene.tell(at(11) + hours(1), report("x.quarantine", "c", 1));
  EXPECT_EQ(scene.node(2).phase, NodePhase::kQuarantined);
}

TEST(Faults, WhatIsOnlyWatchedIsNotTakenPastABreaker) {
  FaultPolicy policy = policy_of_all();
  policy.breakers = {{BreakerLevel::kSite, 0, 1, minutes(1)}};
  Scene scene(policy);
  for (const char* node : {"a", "b", "c"}) {
    scene.tell(scene.core.state().now + minutes(2), report("x.watch", node, 1));
  }
  const Instant now = scene.core.state().now + minutes(2);
  scene.tell(now, report("x.quarantine", "b", 2));
  scene.tell(now, report("x.quarantine", "c", 2));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  EXPECT_EQ(scene.node(2).phase, NodePhase::kSuspect) << "it was counted when it was watched only";
  EXPECT_TRUE(scene.core.state().health.breakers.at({BreakerLevel::kSite, "here"}).tripped_at);
}

TEST(Faults, RestartsOfJobsCountForBreakers) {
  FaultPolicy policy = policy_of_all();
  policy.breakers = {{BreakerLevel::kSite, 0, 1, hours(1)}};
  Scene scene(policy);
  JobSpec spec = job_spec(2);
  spec.restart.delay = seconds(1);
  scene.core.step(at(3), SubmitJob{spec, ""});
  ASSERT_EQ(scene.core.state().attempts.size(), 2U);
  scene.tell(at(10), report("x.restart", "a", 1));
  EXPECT_EQ(scene.core.state().attempts.at(JobId(1)).stopping, EndCause::kFaulty);
  const auto events = scene.tell(at(20), report("x.restart", "b", 1));
  EXPECT_NE(find<BreakerTripped>(events), nullptr);
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(2)).stopping);
  // A reset does not do again what was done, nor what has passed.
  scene.leave(at(21));
  scene.core.tick(at(30));
  ASSERT_FALSE(scene.core.state().attempts.at(JobId(1)).stopping);
  scene.core.step(at(40), ResetBreaker{BreakerLevel::kSite, "here", "ada"});
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(1)).stopping);
}

TEST(Faults, ANewPolicyDoesNotRestartJobsAgain) {
  Scene scene;
  scene.tell(at(10), report("x.restart", "a", 1));
  scene.leave(at(11));
  scene.core.tick(at(20));
  scene.core.step(at(20), AttemptStarted{JobId(1), scene.core.epoch(1)});
  FaultPolicy other = policy_of_all();
  other.name = "other";
  scene.core.step(at(30), SetFaultPolicy{other, "ada"});
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(1)).stopping);
  scene.tell(at(40), report("x.restart", "a", 2));
  EXPECT_TRUE(scene.core.state().attempts.at(JobId(1)).stopping) << "it has happened again";
}

TEST(Faults, WhatHappensDuringARepairIsRepairedAfterIt) {
  Scene scene;
  scene.tell(at(10), report("x.reboot", "b", 1));
  ASSERT_NE(scene.remedy(1), nullptr);
  const Epoch first = scene.remedy(1)->id;
  scene.tell(at(40), report("x.reboot", "b", 2));
  scene.core.step(at(50), RemedyReported{"b", first, true, ""});
  ASSERT_NE(scene.remedy(1), nullptr) << "it is in service with a fault that nobody mends";
  EXPECT_GT(scene.remedy(1)->id, first);
}

// --- faults of whole places ---------------------------------------------------------------------

/// Two rows of two racks of four nodes; rows have leaves of their own.
FleetSpec rows_and_racks() {
  BlockSpec block;
  block.name = "b";
  block.nodes = 16;
  block.fabric = {{FabricLevel::kLeaf, 8}};
  block.power = {{PowerLevel::kRack, 4, {}}, {PowerLevel::kRow, 8, {}}};
  return one_block_fleet("here", plain_shape("n", "x", 2), std::move(block));
}

struct PlaceScene {
  CheckedCore core;
  explicit PlaceScene(std::vector<BreakerRule> breakers) {
    FaultPolicy policy = policy_of_all();
    policy.breakers = std::move(breakers);
    core.step(at(0), DeclareFleet{rows_and_racks(), "ada"});
    core.step(at(0), SetFaultPolicy{policy, "ada"});
  }
  /// Something has gone wrong with the place of this level that the node is in.
  std::vector<Event> tell(Instant now, FaultReach scope, std::uint32_t node,
                          const char* code = "x.drain") {
    FaultReport one = report(code, place(scope, node), static_cast<std::uint64_t>(now.count()));
    one.scope = scope;
    return core.step(now, FaultReported{one});
  }
  std::string place(FaultReach scope, std::uint32_t node) const {
    const Topology& topology = *core.state().topology;
    if (scope == FaultReach::kLeaf) return topology.fabric(topology.fabric_of(NodeId(node))).name;
    if (scope == FaultReach::kSite) return topology.site(topology.site_of(NodeId(node))).name;
    const PowerVertex& rack = topology.power(topology.power_of(NodeId(node)));
    return scope == FaultReach::kRack ? rack.name : topology.power(rack.parent).name;
  }
  std::size_t out() const {
    std::size_t count = 0;
    for (const Node& node : core.state().nodes) count += node.phase == NodePhase::kReady ? 0 : 1;
    return count;
  }
  bool tripped() const {
    const auto& all = core.state().health.breakers;
    return std::any_of(all.begin(), all.end(),
                       [](const auto& each) { return each.second.tripped_at.has_value(); });
  }
};

TEST(Faults, AFaultOfAWholePlaceIsOneFaultForBreakersInIt) {
  const std::vector<BreakerRule> strict = {{BreakerLevel::kRack, 0, 1, hours(1)},
                                           {BreakerLevel::kLeaf, 0, 4, hours(1)}};
  PlaceScene rack(strict);
  rack.tell(at(10), FaultReach::kRack, 0);
  EXPECT_EQ(rack.out(), 4U) << "all of the rack, and no more than its leaf allows";
  EXPECT_FALSE(rack.tripped());
  rack.tell(at(20), FaultReach::kRack, 4);
  EXPECT_EQ(rack.out(), 4U) << "the leaf has nodes beside this rack";
  EXPECT_TRUE(rack.tripped());
  // The leaf is all in the row that has lost its power.
  PlaceScene row(strict);
  row.tell(at(10), FaultReach::kPower, 0);
  EXPECT_EQ(row.out(), 8U);
  EXPECT_FALSE(row.tripped());
  PlaceScene leaf(strict);
  leaf.tell(at(10), FaultReach::kLeaf, 0);
  EXPECT_EQ(leaf.out(), 8U);
  EXPECT_FALSE(leaf.tripped());
}

TEST(Faults, WhatABreakerCutShortIsDoneOnceItIsReset) {
  PlaceScene scene({{BreakerLevel::kSite, 0, 3, hours(1)}});
  const auto events = scene.tell(at(10), FaultReach::kRack, 0);
  EXPECT_EQ(scene.out(), 3U);
  const auto* judged = find<FaultJudged>(events);
  ASSERT_NE(judged, nullptr);
  EXPECT_THAT(judged->withheld, HasSubstr("has tripped: 1 of 4 nodes are left as they are"));
  const FaultPlace place{FaultReach::kRack, 0, scene.place(FaultReach::kRack, 0)};
  const FaultRecord* record = find_fault(scene.core.state(), place, "x.drain", {});
  EXPECT_EQ(record->acted, FaultAction::kIgnore);
  EXPECT_EQ(record->withheld, FaultAction::kDrain);
  const auto more = scene.core.step(
      at(20), ResetBreaker{BreakerLevel::kSite, scene.place(FaultReach::kSite, 0), "ada"});
  EXPECT_EQ(scene.out(), 4U);
  ASSERT_NE(find<FaultJudged>(more), nullptr);
  EXPECT_EQ(find<FaultJudged>(more)->withheld, "");
  EXPECT_EQ(find_fault(scene.core.state(), place, "x.drain", {})->acted, FaultAction::kDrain);
}

TEST(Faults, AResetDoesNotRepairAgainWhatIsMended) {
  PlaceScene scene({{BreakerLevel::kSite, 0, 3, hours(1)}});
  scene.tell(at(10), FaultReach::kRack, 0, "x.reboot");
  ASSERT_EQ(scene.out(), 3U);
  const auto remedies = scene.core.state().health.remedies;
  for (const auto& [node, remedy] : remedies) {
    const std::string name = scene.core.state().topology->name(node);
    scene.core.step(at(100), RemedyReported{name, remedy.id, true, ""});
  }
  ASSERT_EQ(scene.out(), 0U);
  scene.core.step(at(200),
                  ResetBreaker{BreakerLevel::kSite, scene.place(FaultReach::kSite, 0), "ada"});
  EXPECT_EQ(scene.out(), 1U) << "only the one that was held back";
  EXPECT_FALSE(scene.core.state().health.remedies.contains(remedies.begin()->first));
  EXPECT_FALSE(scene.tripped());
}

TEST(Faults, RestartsOnAWholePlaceAreNoMoreThanItsBreakerAllows) {
  PlaceScene scene({{BreakerLevel::kSite, 0, 3, hours(1)}});
  for (int i = 0; i < 16; ++i) scene.core.step(at(5), SubmitJob{job_spec(2), ""});
  ASSERT_EQ(scene.core.state().attempts.size(), 16U);
  const auto stopping = [&] {
    std::size_t count = 0;
    for (const auto& [job, attempt] : scene.core.state().attempts) {
      count += attempt.stopping ? 1 : 0;
    }
    return count;
  };
  scene.tell(at(10), FaultReach::kSite, 0, "x.restart");
  EXPECT_EQ(stopping(), 3U);
  EXPECT_TRUE(scene.tripped());
  const FaultPlace site{FaultReach::kSite, 0, scene.place(FaultReach::kSite, 0)};
  EXPECT_EQ(find_fault(scene.core.state(), site, "x.restart", {})->withheld,
            FaultAction::kRestartJob);
  // What was spared is not restarted by a reset: it has run well since.
  scene.core.step(at(20), ResetBreaker{BreakerLevel::kSite, site.name, "ada"});
  EXPECT_EQ(stopping(), 3U);
}

TEST(Faults, AFaultOfAWholeSiteIsForAPerson) {
  FaultPolicy policy = policy_of_all();
  policy.breakers = {{BreakerLevel::kSite, 0, 0, hours(1)}};
  Scene scene(policy);
  FaultReport site = report("x.drain", "here", 1);
  site.scope = FaultReach::kSite;
  scene.tell(at(10), site);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(scene.node(i).phase, NodePhase::kReady) << i;
  EXPECT_TRUE(scene.core.state().health.breakers.at({BreakerLevel::kSite, "here"}).tripped_at);
}

TEST(Faults, ANodeThatComesAndGoesIsNotWell) {
  FaultPolicy policy = policy_of_all();
  policy.rules.insert(policy.rules.begin(),
                      rule("engine.node_lost",
                           {{FaultAction::kIgnore}, {FaultAction::kQuarantine, 3, hours(1), {}}}));
  Scene scene(policy);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(scene.node(1).phase, NodePhase::kReady) << i;
    scene.core.step(at(100 + 100 * i), NodeLost{"b"});
    scene.core.step(at(150 + 100 * i), NodeSeen{node_spec("b", 2)});
  }
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  EXPECT_FALSE(scene.node(1).lost) << "a fact of its own";
}

}  // namespace
}  // namespace mw
