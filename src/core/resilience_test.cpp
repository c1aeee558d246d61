// What breaks below jobs, and how little goes with it: good nodes are kept, spares taken, broken
// jobs told from broken nodes, hangs, slow ranks and lemons found.
#include <gmock/gmock.h>

#include <cmath>

#include "base/random.h"
#include "core/resilience_test_support.h"

namespace mw {
namespace {

using testing::at;
using testing::find;
using testing::finding_policy;
using testing::fleet;
using ::testing::HasSubstr;
using testing::job_spec;
using testing::Scene;
using testing::with_spares;

// --- keeping the good nodes ---------------------------------------------------------------------

TEST(KeepingNodes, OnlyTheLostNodeIsReplaced) {
  Scene scene(fleet(8, 2, 4));
  const JobId job = scene.submit(3);
  const auto before = scene.nodes_of(job);
  const auto events = scene.lose(before[1], job);
  ASSERT_NE(find<CapacityKept>(events), nullptr);
  EXPECT_EQ(find<CapacityKept>(events)->placement.size(), 2U);
  const auto after = scene.nodes_of(job);
  ASSERT_EQ(after.size(), 3U) << "it starts again at once";
  EXPECT_EQ(after[0], before[0]);
  EXPECT_EQ(after[2], before[2]);
  EXPECT_EQ(after[1], 3U) << "the free node of the same pod is the nearest";
  EXPECT_TRUE(scene.core.state().holds.empty());
}

TEST(KeepingNodes, TheGoodOnesAreHeldUntilAReplacementIsThere) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = scene.submit(3);
  const JobId other = scene.submit(1);
  const JobId waits = scene.submit(1);  // would take what the gang had
  const auto before = scene.nodes_of(job);
  scene.lose(before[2], job);
  EXPECT_TRUE(scene.nodes_of(job).empty());
  EXPECT_TRUE(scene.nodes_of(waits).empty()) << "what is good is not given to others";
  const PendingReason why = explain(scene.core.state(), job, at(scene.now));
  const auto* reason = std::get_if<AwaitsReplacement>(&why);
  ASSERT_NE(reason, nullptr);
  EXPECT_EQ(reason->nodes_kept, 2U);
  EXPECT_EQ(reason->nodes_lost, 1U);
  // The node that another job gives free is the replacement, though a job has waited for longer.
  const std::uint32_t freed = scene.nodes_of(other).front();
  scene.core.step(at(++scene.now), AttemptExited{other, scene.core.epoch(other.value()), {}});
  EXPECT_EQ(scene.nodes_of(job), (std::vector<std::uint32_t>{before[0], before[1], freed}));
}

TEST(KeepingNodes, TheLostNodeItselfMayComeBack) {
  Scene scene(fleet(3, 3, 3));
  const JobId job = scene.submit(3);
  const auto before = scene.nodes_of(job);
  scene.lose(before[0], job);
  EXPECT_TRUE(scene.nodes_of(job).empty());
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(before[0])});
  EXPECT_EQ(scene.nodes_of(job), before);
}

TEST(KeepingNodes, NothingIsKeptForLongerThanThePolicySays) {
  Policy policy;
  policy.keep_nodes_for = minutes(5);
  Scene scene(fleet(4, 2, 4), policy);
  const JobId job = scene.submit(4);
  const JobId waits = scene.submit(1);
  scene.lose(scene.nodes_of(job)[2], job);
  ASSERT_EQ(scene.core.state().resilience.gaps.size(), 1U);
  const Instant until = scene.core.state().resilience.gaps.at(job).until;
  EXPECT_EQ(until, at(scene.now) + minutes(5));
  EXPECT_LE(scene.core.core().next_wakeup(), until);
  const auto events = scene.core.tick(until);
  EXPECT_NE(find<CapacityLetGo>(events), nullptr);
  EXPECT_EQ(scene.nodes_of(waits).size(), 1U);
  EXPECT_TRUE(scene.core.state().holds.empty());
  policy.keep_nodes_for = Duration();
  Scene without(fleet(4, 2, 4), policy);
  const JobId gang = without.submit(4);
  EXPECT_EQ(find<CapacityKept>(without.lose(0, gang)), nullptr);
}

TEST(KeepingNodes, WhatIsLostOnTopIsReplacedAsWell) {
  Scene scene(fleet(4, 2, 4));
  const JobId job = scene.submit(4);
  scene.lose(1, job);
  const auto events = scene.core.step(at(++scene.now), NodeLost{scene.name(3)});
  const auto* kept = find<CapacityKept>(events);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->placement.size(), 2U);
  EXPECT_EQ(kept->lost.size(), 2U);
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(3)});
  EXPECT_TRUE(scene.nodes_of(job).empty()) << "one is missing still";
  scene.core.crash();
  scene.core.step(at(scene.now), ControllerStarted{"test"});
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(1)});
  EXPECT_EQ(scene.nodes_of(job).size(), 4U);
}

TEST(KeepingNodes, AGangThatMayStopOthersForTheReplacementDoes) {
  Scene scene(fleet(3, 3, 3));
  const JobId job = scene.submit(2);
  JobSpec low = job_spec(4);
  low.priority_class = "best-effort";
  low.grace = seconds(1);
  const JobId victim = scene.core.state().next_job;
  scene.core.step(at(scene.now), SubmitJob{low, ""});
  scene.start(victim);
  ASSERT_EQ(scene.nodes_of(victim).size(), 1U);
  scene.now += 3600;
  scene.core.tick(at(scene.now));
  scene.lose(scene.nodes_of(job)[0], job);
  EXPECT_TRUE(scene.core.state().attempts.at(victim).stopping);
  scene.core.step(at(++scene.now),
                  AttemptGone{victim, scene.core.epoch(victim.value()), false, ""});
  EXPECT_EQ(scene.nodes_of(job).size(), 2U);
}

// Random fleets, gangs and losses: what is kept stays where it was, and what the gang asked for
// still holds of where it is then.
TEST(KeepingNodes, WhatTheGangAskedForStillHolds) {
  const std::uint64_t first = testing::number_from_environment("MW_SEED", 1);
  const std::uint64_t seeds = testing::number_from_environment("MW_SEEDS", 150);
  std::uint32_t replaced = 0;
  std::uint32_t waited = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Random random(seed);
    const auto domain = static_cast<std::uint32_t>(random.between(2, 5));
    const auto pod = domain * static_cast<std::uint32_t>(random.between(1, 3));
    SpareRule rule;
    rule.level = random.chance(1, 2) ? FabricLevel::kScaleUp : FabricLevel::kPod;
    rule.count = static_cast<std::uint32_t>(random.below(2));
    Scene scene(fleet(pod * 2, domain, pod), with_spares(rule));
    JobSpec spec = job_spec(0);
    const auto each = static_cast<std::uint32_t>(random.between(1, domain));
    spec.gang.nodes = each * static_cast<std::uint32_t>(random.between(1, 3));
    spec.gang.tasks = spec.gang.nodes * 4;
    spec.gang.task.accelerators = kWholeAccelerator;
    if (random.chance(1, 2)) spec.gang.segment = each * 4;
    if (random.chance(1, 3)) spec.gang.require = FabricLevel::kPod;
    spec.grace = seconds(1);
    const JobId job = scene.core.state().next_job;
    scene.core.step(at(scene.now), SubmitJob{spec, ""});
    std::vector<std::uint32_t> before = scene.nodes_of(job);
    if (before.empty()) continue;
    for (std::uint64_t losses = 1 + random.below(3); losses > 0; --losses) {
      const std::uint32_t node = before[random.below(before.size())];
      scene.lose(node, job);
      const auto after = scene.nodes_of(job);
      if (after.empty()) {
        ++waited;
        break;
      }
      ++replaced;
      ASSERT_EQ(after.size(), before.size());
      for (std::size_t i = 0; i < after.size(); ++i) {
        EXPECT_FALSE(scene.core.state().nodes[after[i]].lost);
        const std::size_t segment = i / each * each;
        if (spec.gang.segment > 0) {
          EXPECT_EQ(after[i] / domain, after[segment] / domain) << "seed " << seed;
        }
        if (spec.gang.require == FabricLevel::kPod) {
          EXPECT_EQ(after[i] / pod, after[0] / pod) << "seed " << seed;
        }
      }
      before = after;
    }
  }
  if (seeds < 100) return;
  EXPECT_GT(replaced, seeds / 4);
  EXPECT_GT(waited, 0U);
}

// --- spares, and racks --------------------------------------------------------------------------

TEST(Spares, AreKeptFromOrdinaryJobsAndTakenByAGangThatLostANode) {
  SpareRule rule;
  rule.count = 1;
  Scene scene(fleet(8, 2, 4), with_spares(rule));
  EXPECT_EQ(scene.core.state().resilience.spares.size(), 2U) << "one a pod";
  const JobId job = scene.submit(6);
  const JobId waits = scene.submit(1);
  ASSERT_EQ(scene.nodes_of(job).size(), 6U);
  EXPECT_TRUE(scene.nodes_of(waits).empty());
  EXPECT_EQ(scene.core.state().ledger.rates()[LedgerCategory::kHeld], AcceleratorShare(8000));
  const auto before = scene.nodes_of(job);
  scene.lose(before[0], job);
  const auto after = scene.nodes_of(job);
  ASSERT_EQ(after.size(), 6U);
  EXPECT_EQ(after[0], 3U) << "the spare of its own pod";
  EXPECT_EQ(std::vector<std::uint32_t>(after.begin() + 1, after.end()),
            std::vector<std::uint32_t>(before.begin() + 1, before.end()));
  EXPECT_EQ(scene.core.state().resilience.spares.size(), 1U);
  // The node that comes back is the next spare, and not the waiting job's.
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(before[0])});
  EXPECT_TRUE(scene.core.state().resilience.spares.contains(NodeId(before[0])));
  EXPECT_TRUE(scene.nodes_of(waits).empty());
  // Without the rule they are free for all.
  scene.core.step(at(++scene.now), SetPolicy{Policy(), "ada"});
  EXPECT_TRUE(scene.core.state().resilience.spares.empty());
  EXPECT_EQ(scene.nodes_of(waits).size(), 1U);
}

TEST(Spares, AJobThatLostItsOnlyNodeTakesOneToo) {
  SpareRule rule;
  rule.count = 1;
  Scene scene(fleet(4, 2, 4), with_spares(rule));
  const JobId job = scene.submit(1);
  const JobId rest = scene.submit(2);
  const JobId waits = scene.submit(1);
  ASSERT_EQ(scene.nodes_of(rest).size(), 2U);
  scene.lose(scene.nodes_of(job).front(), job);
  EXPECT_EQ(scene.nodes_of(job), std::vector<std::uint32_t>{3});
  EXPECT_TRUE(scene.nodes_of(waits).empty());
  EXPECT_TRUE(scene.core.state().resilience.spares.empty());
}

TEST(Spares, ARackIsMendedFromItsOwnReserve) {
  SpareRule rule;
  rule.level = FabricLevel::kScaleUp;
  rule.count = 1;
  // Two domains of six trays, one of each in reserve; segments of sixteen tasks: four trays.
  Scene scene(fleet(12, 6, 12), with_spares(rule));
  const JobId job = scene.submit(8, 16);
  const auto before = scene.nodes_of(job);
  ASSERT_EQ(before.size(), 8U);
  scene.lose(before[1], job);
  const auto after = scene.nodes_of(job);
  ASSERT_EQ(after.size(), 8U);
  EXPECT_EQ(after[1] / 6, before[1] / 6) << "in the same domain";
  for (const std::size_t i : {0U, 2U, 3U, 4U, 5U, 6U, 7U}) EXPECT_EQ(after[i], before[i]);
}

TEST(Spares, ASegmentMovesAsAWholeWhenItsRackHasNothingLeft) {
  Scene scene(fleet(12, 4, 12));
  const JobId job = scene.submit(8, 16);
  const auto before = scene.nodes_of(job);
  ASSERT_EQ(before.size(), 8U);
  scene.lose(before[6], job);
  const auto after = scene.nodes_of(job);
  ASSERT_EQ(after.size(), 8U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(after[i], before[i]) << "the other one stays";
  for (std::size_t i = 4; i < 8; ++i) EXPECT_EQ(after[i] / 4, after[4] / 4);
  EXPECT_NE(after[4] / 4, before[4] / 4);
}

TEST(Spares, AsManyAsTheBinomialSays) {
  // Against sums in floating point: the number is the least with P(X <= n) >= confidence.
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    SpareRule rule;
    const auto nodes = static_cast<std::uint32_t>(random.between(1, 3000));
    const auto failures = static_cast<std::uint64_t>(random.between(1, 20'000));
    rule.repair = minutes(random.between(10, 5000));
    rule.confidence_ppm = static_cast<std::uint32_t>(random.between(500'000, 999'900));
    const double odds =
        static_cast<double>(failures) / 1e6 * static_cast<double>(rule.repair.count()) / 86'400e9;
    const double q = odds / (1 + odds);
    const std::uint32_t n = spares_for(rule, nodes, failures);
    double below = 0;  // P(X <= n - 1)
    double upto = 0;   // P(X <= n)
    for (std::uint32_t i = 0; i <= n; ++i) {
      const double log = std::lgamma(nodes + 1.0) - std::lgamma(i + 1.0) -
                         std::lgamma(nodes - i + 1.0) + i * std::log(q) +
                         (nodes - i) * std::log1p(-q);
      upto += std::exp(log);
      if (i + 1 == n) below = upto;
    }
    const double confidence = rule.confidence_ppm / 1e6;
    EXPECT_GE(upto, confidence - 1e-6) << nodes << " nodes, q " << q;
    if (n > 0) { EXPECT_LE(below, confidence + 1e-6) << nodes << " nodes, q " << q; }
  }
  EXPECT_EQ(spares_for(SpareRule{}, 100, 0), 0U) << "what never fails needs none";
}

// --- crash loops --------------------------------------------------------------------------------

TEST(CrashLoops, AJobThatFailsWhereverItRunsIsGivenUp) {
  Scene scene(fleet(4, 4, 4));
  const JobId job = scene.submit(2);
  const auto first = scene.nodes_of(job);
  scene.crash(job, 5);
  EXPECT_EQ(scene.nodes_of(job), first) << "once proves nothing";
  scene.crash(job, 5);
  const auto second = scene.nodes_of(job);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(second[0], first[0]) << "where nothing failed it stays";
  EXPECT_NE(second[1], first[1]) << "to tell the job from the node, it is tried elsewhere";
  const auto events = scene.crash(job, 5);
  const auto* loop = find<CrashLoopFound>(events);
  ASSERT_NE(loop, nullptr);
  EXPECT_EQ(loop->failures, 3U);
  EXPECT_EQ(loop->exit.exit_code, 1);
  EXPECT_EQ(loop->nodes.size(), 2U);
  EXPECT_EQ(scene.core.job(job.value()).state, JobState::kFailed);
  EXPECT_EQ(scene.core.job(job.value()).restarts, 2U) << "of a hundred that it may have";
  EXPECT_EQ(scene.core.state().resilience.node_crashes.size(), 0U) << "no node is to blame";
}

TEST(CrashLoops, ProgressOrAnotherFailureIsNoLoop) {
  Scene scene(fleet(4, 4, 4));
  const JobId job = scene.submit(2);
  for (int i = 0; i < 10; ++i) {
    scene.save(job);
    scene.crash(job, 5);
  }
  for (int i = 0; i < 10; ++i) scene.crash(job, 5, 2 + i % 2);
  EXPECT_EQ(scene.core.job(job.value()).state, JobState::kRunning);
}

TEST(CrashLoops, ANodeWhereDifferentJobsFailIsToldOf) {
  Scene scene(fleet(1, 1, 1));
  const JobId one = scene.submit(1, 0, "one");
  scene.crash(one, 0);
  scene.crash(one, 0);
  scene.core.step(at(++scene.now), CancelJob{one, false, "ada"});
  scene.core.step(at(scene.now), AttemptGone{one, scene.core.epoch(one.value()), false, ""});
  EXPECT_EQ(scene.fault(0, kCrashingNodeCode), nullptr) << "the same job again proves nothing";
  const JobId two = scene.submit(1, 0, "two");
  scene.crash(two, 0);
  ASSERT_NE(scene.fault(0, kCrashingNodeCode), nullptr);
  EXPECT_THAT(scene.fault(0, kCrashingNodeCode)->detail, HasSubstr("2 different jobs"));
  // Where something goes well, nothing is wrong.
  Scene well(fleet(1, 1, 1));
  const JobId first = well.submit(1, 0, "one");
  well.crash(first, 0);
  well.core.step(at(++well.now), AttemptExited{first, well.core.epoch(first.value()), {}});
  well.crash(well.submit(1, 0, "two"), 0);
  EXPECT_EQ(well.fault(0, kCrashingNodeCode), nullptr);
}

// --- starts that fail ---------------------------------------------------------------------------

FaultPolicy start_policy() {
  FaultPolicy policy = finding_policy();
  FaultRule rule;
  rule.code = kStartFailedCode;
  rule.steps = {{FaultAction::kIgnore}};
  policy.rules.insert(policy.rules.begin(), rule);  // by code
  return policy;
}

TEST(FailedStarts, ANodeThatStartsNothingIsLeftAndToldOf) {
  Scene scene(fleet(2, 2, 2), {}, start_policy());
  const JobId job = scene.place(1);
  const auto first = scene.nodes_of(job);
  ASSERT_EQ(first.size(), 1U);
  scene.fail_start(job);
  EXPECT_EQ(scene.nodes_of(job), first) << "once proves nothing";
  scene.fail_start(job);
  const auto second = scene.nodes_of(job);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_NE(second, first);
  EXPECT_EQ(scene.fault(first[0], kStartFailedCode), nullptr) << "it may be the job's fault";
  scene.start(job);
  ASSERT_NE(scene.fault(first[0], kStartFailedCode), nullptr);
  EXPECT_THAT(scene.fault(first[0], kStartFailedCode)->detail, HasSubstr("did elsewhere"));
  EXPECT_EQ(scene.fault(second[0], kStartFailedCode), nullptr);
  EXPECT_TRUE(scene.core.state().resilience.crashes.empty()) << "it runs";
  EXPECT_TRUE(scene.core.state().resilience.node_crashes.empty()) << "nobody said that it was it";
}

TEST(FailedStarts, ATaskThatFailsIsNone) {
  Scene scene(fleet(2, 2, 2), {}, start_policy());
  const JobId job = scene.submit(1);
  const std::uint32_t first = scene.nodes_of(job).at(0);
  scene.crash(job, 0);
  scene.crash(job, 0);
  ASSERT_NE(scene.nodes_of(job).at(0), first);
  EXPECT_EQ(scene.core.job(job.value()).state, JobState::kRunning);
  EXPECT_EQ(scene.fault(first, kStartFailedCode), nullptr);
}

TEST(FailedStarts, AJobThatStartsNowhereIsGivenUpAndNoNodeIsToldOf) {
  Scene scene(fleet(3, 3, 3), {}, start_policy());
  const JobId job = scene.place(1);
  const std::uint32_t first = scene.nodes_of(job).at(0);
  scene.fail_start(job);
  scene.fail_start(job);
  const std::uint32_t second = scene.nodes_of(job).at(0);
  const auto events = scene.fail_start(job);
  const auto* loop = find<CrashLoopFound>(events);
  ASSERT_NE(loop, nullptr);
  EXPECT_EQ(loop->failures, 3U);
  EXPECT_EQ(loop->nodes, (std::vector{NodeId(first), NodeId(second)}));
  EXPECT_EQ(scene.core.job(job.value()).state, JobState::kFailed);
  for (std::uint32_t node = 0; node < 3; ++node) {
    EXPECT_EQ(scene.fault(node, kStartFailedCode), nullptr);
  }
}

// Whichever of its nodes it is, and however little else is free: it is found by leaving out half of
// those that it can be.
TEST(FailedStarts, AGangFindsOutWhichOfItsNodesItIs) {
  for (const std::uint32_t gang : {2U, 4U, 7U, 11U}) {
    for (std::uint32_t broken = 0; broken < gang; ++broken) {
      Scene scene(fleet(12, 12, 12), {}, start_policy());
      const JobId job = scene.place(gang);
      const auto fails = [&] {
        const auto nodes = scene.nodes_of(job);
        return std::find(nodes.begin(), nodes.end(), broken) != nodes.end();
      };
      std::uint32_t failures = 0;
      for (; failures < 20 && fails(); ++failures) scene.fail_start(job);
      EXPECT_LE(failures, 2 + gang) << gang << " nodes, " << broken << " is broken";
      ASSERT_EQ(scene.nodes_of(job).size(), gang);
      ASSERT_FALSE(fails());
      scene.start(job);
      std::uint32_t told = 0;
      for (std::uint32_t node = 0; node < 12; ++node) {
        told += scene.fault(node, kStartFailedCode) != nullptr ? 1 : 0;
      }
      EXPECT_LE(told, kSuspectsToldMax);
      if (failures > 0 && told > 0) {
        EXPECT_NE(scene.fault(broken, kStartFailedCode), nullptr) << "it is one of them";
      }
    }
  }
}

TEST(FailedStarts, TheEnginesWordCountsAtOnceAndTheOthersAreKept) {
  Scene scene(fleet(4, 4, 4), {}, start_policy());
  const JobId job = scene.place(3);
  const auto first = scene.nodes_of(job);
  const auto events = scene.fail_start(job, first[1]);
  EXPECT_EQ(find<AttemptEnded>(events)->failed_on, NodeId(first[1]));
  ASSERT_NE(scene.fault(first[1], kStartFailedCode), nullptr);
  EXPECT_EQ(scene.fault(first[1], kStartFailedCode)->detail, "no room on its disk");
  scene.now += 10;  // what follows within seconds is the same occurrence
  scene.fail_start(job, first[1]);
  EXPECT_EQ(scene.fault(first[1], kStartFailedCode)->occurrences, 2U);
  const auto second = scene.nodes_of(job);
  ASSERT_EQ(second.size(), 3U);
  EXPECT_EQ(second[0], first[0]);
  EXPECT_EQ(second[2], first[2]);
  EXPECT_NE(second[1], first[1]);
  EXPECT_TRUE(scene.core.state().resilience.node_crashes.contains(NodeId(first[1])));
  // What is said of a node that the attempt is not on says nothing.
  const std::uint32_t other = 6 - second[0] - second[1] - second[2];
  const auto wrong = scene.fail_start(job, other);
  EXPECT_EQ(find<AttemptEnded>(wrong)->failed_on, std::nullopt);
  scene.core.crash();
  EXPECT_EQ(scene.core.state(), scene.core.replayed());
}

// --- hangs --------------------------------------------------------------------------------------

TEST(Hangs, AreTimedByTheJobsOwnRhythm) {
  FaultPolicy policy = finding_policy();
  policy.silence = minutes(1);
  policy.silence_intervals = 10;
  Scene scene(fleet(2, 2, 2), {}, policy);
  const JobId job = scene.submit(1);
  const auto report = [&](std::int64_t after) {
    scene.now += after;
    return scene.core.step(at(scene.now), ReportProgress{job, AttemptNumber(1), Rank(0), {}});
  };
  report(1);
  report(20);
  report(20);
  EXPECT_EQ(find<FaultNoted>(scene.core.tick(at(scene.now) + hours(5))), nullptr)
      << "of three reports nobody knows when the next one is due";
  scene.now += 5 * 3600;
  // Every 20 s by and large: 10 times that is more than the floor, 3 times the longest more still.
  report(20);
  report(20);
  for (int i = 0; i < 2000; ++i) report(20);
  const Instant due = scene.core.core().next_wakeup();
  EXPECT_GE(due, at(scene.now) + hours(15)) << "it has been silent for five hours before";
  // A job that is always brisk is missed sooner.
  const JobId brisk = scene.submit(1);
  for (int i = 0; i < 10; ++i) {
    scene.core.step(at(++scene.now), ReportProgress{brisk, AttemptNumber(1), Rank(0), {}});
  }
  const auto quiet = scene.core.tick(at(scene.now + 59));
  EXPECT_EQ(find<FaultNoted>(quiet), nullptr);
  const auto hung = scene.core.tick(at(scene.now + 60));
  ASSERT_NE(find<FaultNoted>(hung), nullptr);
  EXPECT_EQ(find<FaultNoted>(hung)->job, brisk);
}

TEST(Hangs, SavingTakesItsTimeAndAnOutageOfTheControlPlaneIsNoSilence) {
  FaultPolicy policy = finding_policy();
  policy.silence = minutes(1);
  policy.silence_intervals = 10;
  Scene scene(fleet(2, 2, 2), {}, policy);
  const JobId job = scene.submit(1);
  const JobId mute = scene.submit(1);
  for (int i = 0; i < 10; ++i) {
    scene.core.step(at(++scene.now), ReportProgress{job, AttemptNumber(1), Rank(0), {}});
  }
  scene.core.step(at(++scene.now), CheckpointBegun{job, AttemptNumber(1)});
  EXPECT_EQ(scene.core.core().next_wakeup(), at(scene.now) + minutes(4));
  scene.core.crash();
  scene.now += 3600;
  const auto events = scene.core.step(at(scene.now), ControllerStarted{"test"});
  EXPECT_EQ(find<FaultNoted>(events), nullptr) << "nobody could be heard meanwhile";
  const auto hung = scene.core.tick(at(scene.now) + minutes(4));
  ASSERT_NE(find<FaultNoted>(hung), nullptr);
  EXPECT_EQ(find<FaultNoted>(hung)->job, job);
  EXPECT_NE(find<FaultNoted>(hung)->job, mute) << "what never says anything never hangs";
}

// --- slow ranks ---------------------------------------------------------------------------------

TEST(SlowRanks, TheOneThatStandsOutTwiceIsToldOf) {
  Scene scene(fleet(4, 4, 4));
  const JobId job = scene.submit(4);
  std::vector<Event> last;
  const auto round = [&](std::uint32_t slow, std::int64_t percent) {
    std::vector<Duration> steps;
    for (std::uint32_t rank = 0; rank < 16; ++rank) {
      const Duration step = microseconds(1'000'000 + 100 * (rank % 5));
      steps.push_back(rank == slow ? Duration(step.count() * (100 + percent) / 100) : step);
    }
    last = scene.core.step(at(++scene.now), ReportStepTimes{job, AttemptNumber(1), steps});
  };
  round(9, 5);
  ASSERT_NE(find<RanksCompared>(last), nullptr);
  EXPECT_EQ(find<RanksCompared>(last)->outliers, std::vector<Rank>{Rank(9)});
  EXPECT_EQ(scene.fault(scene.nodes_of(job)[2], kSlowNodeCode), nullptr) << "once is a hiccup";
  round(8, 5);
  EXPECT_EQ(scene.fault(scene.nodes_of(job)[2], kSlowNodeCode), nullptr) << "another one's";
  round(8, 5);
  ASSERT_NE(scene.fault(scene.nodes_of(job)[2], kSlowNodeCode), nullptr);
  EXPECT_THAT(scene.fault(scene.nodes_of(job)[2], kSlowNodeCode)->detail, HasSubstr("rank 8"));
  round(3, 2);
  round(3, 2);
  EXPECT_EQ(scene.fault(scene.nodes_of(job)[0], kSlowNodeCode), nullptr) << "too little to matter";
}

TEST(SlowRanks, StagesOfAPipelineAreNoStragglers) {
  std::vector<Duration> steps(64, seconds(1));
  for (std::size_t rank = 0; rank < 16; ++rank) steps[rank] = milliseconds(1200);
  EXPECT_TRUE(compare_ranks(steps, {}).outliers.empty());
  steps.assign(64, seconds(1));
  steps[7] = milliseconds(1031);
  EXPECT_EQ(compare_ranks(steps, {}).outliers, std::vector<Rank>{Rank(7)});
  EXPECT_EQ(compare_ranks(steps, {}).slowest, Rank(7));
  EXPECT_TRUE(compare_ranks({}, {}).outliers.empty());
}

// --- lemons -------------------------------------------------------------------------------------

TEST(Lemons, ARepeatOffenderIsProposedAndTheOthersAreNot) {
  Scene scene(fleet(40, 4, 20));
  const auto fail = [&](std::uint32_t node) {
    scene.now += 2 * 3600;
    scene.core.step(at(scene.now), NodeLost{scene.name(node)});
    scene.core.step(at(scene.now + 60), NodeSeen{scene.spec_of(node)});
  };
  for (std::uint32_t node = 0; node < 20; ++node) fail(node);
  for (int i = 0; i < 3; ++i) fail(33);
  EXPECT_EQ(scene.fault(33, kLemonCode), nullptr) << "three of 23 may be chance among 40";
  for (int i = 0; i < 4; ++i) fail(33);
  ASSERT_NE(scene.fault(33, kLemonCode), nullptr);
  EXPECT_THAT(scene.fault(33, kLemonCode)->detail, HasSubstr("incidents, where the 40 nodes"));
  EXPECT_EQ(scene.core.state().nodes[33].phase, NodePhase::kReady) << "a proposal, and no more";
  for (std::uint32_t node = 0; node < 20; ++node) {
    EXPECT_EQ(scene.fault(node, kLemonCode), nullptr);
  }
  // Four weeks later all is forgotten.
  const std::uint64_t proposed = scene.fault(33, kLemonCode)->occurrences;
  scene.now += 29 * 86'400;
  fail(33);
  EXPECT_EQ(scene.fault(33, kLemonCode)->occurrences, proposed);
}

TEST(Lemons, TheChanceIsTheBinomialTail) {
  Random random(3);
  for (int round = 0; round < 500; ++round) {
    const auto nodes = static_cast<std::uint64_t>(random.between(2, 5000));
    const auto all = static_cast<std::uint64_t>(random.between(1, 5000));
    const auto count = static_cast<std::uint64_t>(random.between(1, 32));
    if (count > all) continue;
    const double p = 1.0 / static_cast<double>(nodes);
    double tail = 0;
    for (std::uint64_t i = count; i <= std::min<std::uint64_t>(all, count + 400); ++i) {
      const auto n = static_cast<double>(all);
      const auto k = static_cast<double>(i);
      tail += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) +
                       k * std::log(p) + (n - k) * std::log1p(-p));
    }
    const double bound = static_cast<double>(chance_of(count, all, nodes)) / std::pow(2.0, 62);
    EXPECT_GE(bound * (1 + 1e-9) + 1e-18, tail) << count << " of " << all << " at " << nodes;
    if (tail < 0.01 && tail > 1e-12) {
      EXPECT_LE(bound, tail * 1.5) << count << " of " << all << " at " << nodes;
    }
  }
  EXPECT_EQ(chance_text(std::uint64_t{1} << 62U), "1.0");
  EXPECT_EQ(chance_text((std::uint64_t{1} << 62U) / 8'000'000), "1.2e-7");
}

}  // namespace
}  // namespace mw
