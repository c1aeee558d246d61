// Checks of nodes: who is checked when, that a check is never in a job's way, and which node is
// called slow.
#include <gmock/gmock.h>

#include <algorithm>

#include "base/random.h"
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

CheckProgram program(const std::string& name, bool on_entry, bool on_idle) {
  return {name, {"/check"}, minutes(5), {}, on_entry, on_idle};
}

FaultRule rule(const std::string& code, std::vector<FaultStep> steps) {
  FaultRule one;
  one.code = code;
  one.steps = std::move(steps);
  return one;
}

/// Idle nodes are checked once an hour, one at a time, after a minute without work.
FaultPolicy policy(bool new_nodes = false) {
  FaultPolicy policy;
  policy.name = "test";
  policy.checks.emplace();
  policy.checks->programs = {program("all", true, true)};
  policy.checks->new_nodes = new_nodes;
  policy.checks->entering = {0, 2};
  policy.checks->every = hours(1);
  policy.checks->idle_for = minutes(1);
  policy.checks->idle = {0, 1};
  policy.rules = {
      rule("check.failed", {{FaultAction::kValidate}}),
      rule("check.slow", {{FaultAction::kValidate}, {FaultAction::kQuarantine, 2, hours(24), {}}}),
  };
  return policy;
}

Measure speed(std::int64_t value) { return {"speed", value, "B/s", BetterValue::kHigher}; }

RemedyReported passed(const std::string& node, Epoch check, std::int64_t value) {
  return {node, check, true, "all", CheckResult{CheckOutcome::kPassed, {speed(value)}}};
}
RemedyReported failed(const std::string& node, Epoch check) {
  return {node, check, false, "all: speed 3 B/s", CheckResult{CheckOutcome::kFailed, {}}};
}

struct Scene {
  CheckedCore core;
  explicit Scene(const FaultPolicy& rules = policy(), std::uint32_t nodes = 3) {
    core.step(at(0), SetFaultPolicy{rules, "ada"});
    for (std::uint32_t i = 0; i < nodes; ++i) {
      core.step(at(0), NodeSeen{node_spec("n" + std::to_string(i), 2)});
    }
  }
  [[nodiscard]] const Node& node(std::uint32_t id) const { return core.state().nodes.at(id); }
  [[nodiscard]] const Checks& checks() const { return core.state().health.checks; }
  [[nodiscard]] Epoch check_of(std::uint32_t id) const {
    return checks().running.at(NodeId(id)).id;
  }
  [[nodiscard]] Epoch remedy_of(std::uint32_t id) const {
    return core.state().health.remedies.at(NodeId(id)).id;
  }
};

TEST(IdleChecks, OneNodeAtATimeOldestFirstAndAgainAfterAWhile) {
  Scene scene;
  EXPECT_EQ(scene.core.core().next_wakeup(), at(60));
  EXPECT_TRUE(scene.core.tick(at(59)).empty());
  scene.core.tick(at(60));
  ASSERT_EQ(scene.checks().running.size(), 1U);
  std::vector<std::uint32_t> order;
  for (int i = 0; i < 3; ++i) {
    const NodeId id = scene.checks().running.begin()->first;
    order.push_back(id.value());
    scene.core.step(at(100 + i),
                    passed("n" + std::to_string(id.value()), scene.check_of(id.value()), 100));
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_TRUE(scene.checks().running.empty());
  EXPECT_EQ(scene.core.core().next_wakeup(), at(100 + 3600));
  scene.core.tick(at(100 + 3600));
  EXPECT_TRUE(scene.node(0).checking) << "it was checked before the others";
}

TEST(IdleChecks, AJobTakesTheNodeInTheSameStepAndTheCheckDoesNotCount) {
  Scene scene;
  scene.core.tick(at(60));
  const Epoch check = scene.check_of(0);
  JobSpec spec = job_spec(6);  // all of every node
  const auto events = scene.core.step(at(61), SubmitJob{spec, ""});
  const auto* ended = find<CheckEnded>(events);
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->outcome, CheckOutcome::kStopped);
  EXPECT_THAT(ended->detail, HasSubstr("job 1"));
  const auto index = [&](auto is_it) {
    return std::find_if(events.begin(), events.end(), is_it) - events.begin();
  };
  EXPECT_LT(index([](const Event& e) { return std::holds_alternative<CheckEnded>(e.body); }),
            index([](const Event& e) { return std::holds_alternative<AttemptPlaced>(e.body); }))
      << "the engine is told to stop the check before it is told to start the job";
  EXPECT_EQ(find<AttemptPlaced>(events)->placement.size(), 3U);
  // What it had found comes late, and says nothing.
  EXPECT_TRUE(scene.core.step(at(62), failed("n0", check)).empty());
  EXPECT_FALSE(scene.node(0).checked.has_value());
  EXPECT_TRUE(scene.checks().pools.empty());
}

TEST(IdleChecks, TheLedgerCountsTheNodeAsValidatingAndTheNodeTakesWork) {
  Scene scene;
  scene.core.tick(at(60));
  const auto& rates = scene.core.state().ledger.rates();
  EXPECT_EQ(rates[LedgerCategory::kValidating], kWholeAccelerator * 2);
  EXPECT_EQ(rates[LedgerCategory::kIdleNoDemand], kWholeAccelerator * 4);
  scene.core.step(at(70), passed("n0", scene.check_of(0), 100));
  scene.core.step(at(71), passed("n1", scene.check_of(1), 100));
  scene.core.step(at(72), passed("n2", scene.check_of(2), 100));
  EXPECT_EQ(rates[LedgerCategory::kValidating], AcceleratorShare());
  // The three took turns, without a gap: 12 s of two accelerators.
  EXPECT_EQ(scene.core.state().ledger.totals()[LedgerCategory::kValidating],
            kWholeAccelerator * 2 * seconds(12));
}

TEST(IdleChecks, ANodeThatLeavesServiceIsNotCheckedAnyMore) {
  for (const InputBody& leaves :
       {InputBody(DrainNode{"n0", "fan", "ada"}), InputBody(NodeLost{"n0"}),
        InputBody(NodeSeen{node_spec("n0", 4)})}) {
    Scene scene(policy(), 1);
    scene.core.tick(at(60));
    ASSERT_TRUE(scene.node(0).checking);
    const auto events = scene.core.step(at(61), leaves);
    ASSERT_NE(find<CheckEnded>(events), nullptr);
    EXPECT_EQ(find<CheckEnded>(events)->outcome, CheckOutcome::kStopped);
    EXPECT_NE(scene.node(0).checking,
              scene.node(0).phase != NodePhase::kReady || scene.node(0).lost)
        << "changed, it is idle as before, and still due";
  }
}

TEST(IdleChecks, NobodySaysHowItEndedSoItCouldNotBeRun) {
  Scene scene(policy(), 1);
  scene.core.tick(at(60));
  const auto events = scene.core.tick(at(60 + 300 + 120));
  ASSERT_NE(find<CheckEnded>(events), nullptr);
  EXPECT_EQ(find<CheckEnded>(events)->outcome, CheckOutcome::kUnable);
  EXPECT_EQ(find<FaultNoted>(events)->fault.code, "check.unable");
  EXPECT_EQ(scene.node(0).phase, NodePhase::kReady);
}

TEST(IdleChecks, WhatFailsIsProvenAnewAndThenQuarantinedWithTheFigure) {
  Scene scene;
  scene.core.tick(at(60));
  scene.core.step(at(70), failed("n0", scene.check_of(0)));
  EXPECT_EQ(scene.node(0).phase, NodePhase::kValidating);
  scene.core.step(at(80), failed("n0", scene.remedy_of(0)));
  EXPECT_EQ(scene.node(0).phase, NodePhase::kQuarantined);
  EXPECT_THAT(scene.node(0).phase_reason, HasSubstr("speed 3 B/s"));
}

TEST(IdleChecks, NoneWithoutAPolicyForThem) {
  FaultPolicy never = policy();
  never.checks->every = Duration();
  FaultPolicy none = policy();
  none.checks.reset();
  FaultPolicy entry_only = policy();
  entry_only.checks->programs = {program("all", true, false)};
  for (const FaultPolicy& rules : {never, none, entry_only}) {
    Scene scene(rules);
    EXPECT_EQ(scene.core.core().next_wakeup(), Instant::never());
    EXPECT_TRUE(scene.core.tick(at(100'000)).empty());
  }
}

TEST(IdleChecks, AChangedPolicyHoldsAtOnceAndSurvivesATakeover) {
  Scene scene;
  scene.core.tick(at(60));
  scene.core.crash();
  EXPECT_TRUE(scene.node(0).checking);
  FaultPolicy all_at_once = policy();
  all_at_once.checks->idle = {100, 0};
  scene.core.step(at(61), SetFaultPolicy{all_at_once, "ada"});
  EXPECT_EQ(scene.checks().running.size(), 3U);
}

TEST(NewNodes, AreProvenBeforeTheyServeAFewAtATime) {
  Scene scene(policy(true));
  EXPECT_EQ(scene.node(0).phase, NodePhase::kValidating);
  EXPECT_EQ(scene.node(1).phase, NodePhase::kValidating);
  EXPECT_EQ(scene.node(2).phase, NodePhase::kProvisioning) << "two at a time";
  EXPECT_EQ(scene.core.state().ledger.rates()[LedgerCategory::kValidating], kWholeAccelerator * 6);
  scene.core.step(at(1), SubmitJob{job_spec(1), ""});
  EXPECT_TRUE(scene.core.state().attempts.empty());
  scene.core.step(at(2), passed("n0", scene.remedy_of(0), 100));
  EXPECT_EQ(scene.node(0).phase, NodePhase::kReady);
  EXPECT_EQ(scene.core.state().attempts.size(), 1U);
  EXPECT_EQ(scene.node(2).phase, NodePhase::kValidating);
  scene.core.step(at(3), failed("n1", scene.remedy_of(1)));
  EXPECT_EQ(scene.node(1).phase, NodePhase::kQuarantined);
  EXPECT_THAT(scene.node(1).phase_reason, HasSubstr("validate failed: all: speed 3 B/s"));
}

TEST(NewNodes, OfADeclaredFleetAreProvenToo) {
  CheckedCore core;
  core.step(at(0), SetFaultPolicy{policy(true), "ada"});
  NodeShape shape;
  shape.name = "s";
  shape.accelerator_type = "x";
  shape.accelerators = 8;
  BlockSpec block;
  block.name = "b";
  block.nodes = 5;
  const FleetSpec fleet = one_block_fleet("f", shape, block);
  core.step(at(1), DeclareFleet{fleet, "ada"});
  std::size_t proving = 0;
  for (const Node& node : core.state().nodes) proving += node.phase == NodePhase::kValidating;
  EXPECT_EQ(proving, 2U);
  // When nothing proves nodes any more, those that wait serve.
  core.step(at(2), SetFaultPolicy{policy(false), "ada"});
  for (std::uint32_t i = 2; i < 5; ++i) {
    EXPECT_EQ(core.state().nodes[i].phase, NodePhase::kReady);
  }
}

TEST(NewNodes, WhatAPersonSetsUpWaitsForThatPerson) {
  Scene scene(policy(true), 1);
  scene.core.step(at(1), passed("n0", scene.remedy_of(0), 100));
  scene.core.step(at(2), MoveNode{"n0", NodePhase::kRetired, "", "ada"});
  scene.core.step(at(3), MoveNode{"n0", NodePhase::kProvisioning, "", "ada"});
  scene.core.tick(at(10'000));
  EXPECT_EQ(scene.node(0).phase, NodePhase::kProvisioning);
}

/// Ten nodes; each check says what `value_of` says of its node.
template <class ValueOf>
void check_all(Scene& scene, Instant from, ValueOf value_of) {
  Instant now = from;
  scene.core.tick(now);
  for (int i = 0; i < 40 && !scene.checks().running.empty(); ++i) {
    const NodeId id = scene.checks().running.begin()->first;
    now = now + seconds(1);
    scene.core.step(now, passed("n" + std::to_string(id.value()), scene.check_of(id.value()),
                                value_of(id.value())));
  }
}

TEST(SlowNodes, AreProvenAnewAndQuarantinedWhenTheyAreSlowAgain) {
  Scene scene(policy(), 12);
  const auto value = [](std::uint32_t id) { return id == 11 ? 700 : 1000 + id % 3; };
  check_all(scene, at(60), value);
  EXPECT_EQ(scene.node(11).phase, NodePhase::kValidating);
  for (std::uint32_t i = 0; i < 11; ++i) EXPECT_EQ(scene.node(i).phase, NodePhase::kReady);
  const auto events = scene.core.step(at(200), passed("n11", scene.remedy_of(11), 700));
  EXPECT_EQ(scene.node(11).phase, NodePhase::kQuarantined);
  EXPECT_EQ(scene.node(11).phase_by, "the fault policy");
  EXPECT_THAT(scene.node(11).phase_reason, HasSubstr("check.slow"));
  EXPECT_THAT(scene.node(11).phase_reason,
              HasSubstr("speed is 700 B/s, 30% behind the median 1 kB/s of 11 others"));
}

TEST(SlowNodes, ANodeThatIsItselfAgainServes) {
  Scene scene(policy(), 12);
  check_all(scene, at(60), [](std::uint32_t id) { return id == 11 ? 700 : 1000; });
  ASSERT_EQ(scene.node(11).phase, NodePhase::kValidating);
  scene.core.step(at(200), passed("n11", scene.remedy_of(11), 1000));
  EXPECT_EQ(scene.node(11).phase, NodePhase::kReady);
  const FaultRecord* record =
      find_fault(scene.core.state(), place_of(NodeId(11)), "check.slow", std::nullopt);
  ASSERT_NE(record, nullptr);
  EXPECT_FALSE(record->active);
}

TEST(SlowNodes, TheBreakerHoldsWhenAllAreSlow) {
  FaultPolicy rules = policy();
  rules.breakers = {{BreakerLevel::kSite, 0, 2, hours(24)}};
  Scene scene(rules, 30);
  // The second round is of a bad driver: every node is slower than those before it.
  check_all(scene, at(60), [](std::uint32_t) { return 1000; });
  check_all(scene, at(60 + 3700), [](std::uint32_t) { return 500; });
  std::size_t out = 0;
  for (const Node& node : scene.core.state().nodes) out += node.phase != NodePhase::kReady;
  EXPECT_EQ(out, 2U);
}

CheckRules rules_of(std::uint32_t slow_percent) {
  CheckRules rules;
  rules.slow_percent = slow_percent;
  return rules;
}

TEST(PoolCompare, KnowsBothDirectionsAndWhatIsTooFew) {
  const std::vector<std::int64_t> others = {100, 101, 99, 100, 102, 98, 100, 101, 99, 100};
  EXPECT_TRUE(compare_with(60, BetterValue::kHigher, others, rules_of(5)).slow);
  EXPECT_FALSE(compare_with(140, BetterValue::kHigher, others, rules_of(5)).slow);
  EXPECT_TRUE(compare_with(140, BetterValue::kLower, others, rules_of(5)).slow);
  EXPECT_EQ(compare_with(140, BetterValue::kLower, others, rules_of(5)).behind, 40);
  EXPECT_FALSE(compare_with(60, BetterValue::kHigher, others, rules_of(50)).slow);
  EXPECT_FALSE(
      compare_with(60, BetterValue::kHigher, {100, 100, 100, 100, 100, 100, 100}, rules_of(5)).slow)
      << "seven others are too few";
  EXPECT_FALSE(
      compare_with(97, BetterValue::kHigher, std::vector<std::int64_t>(20, 100), rules_of(5)).slow)
      << "without any noise the margin decides";
  EXPECT_TRUE(
      compare_with(94, BetterValue::kHigher, std::vector<std::int64_t>(20, 100), rules_of(5)).slow);
}

TEST(PoolCompare, ThreeTenthsOfBadNodesDoNotHideOneAnother) {
  std::vector<std::int64_t> others;
  for (int i = 0; i < 70; ++i) others.push_back(1000 + i % 5);
  for (int i = 0; i < 30; ++i) others.push_back(600);
  EXPECT_TRUE(compare_with(600, BetterValue::kHigher, others, rules_of(5)).slow);
}

/// Sums of uniform numbers are as good as normal out to where the limit is for many others.
std::int64_t noisy(Random& random, std::int64_t mean, std::int64_t deviation) {
  std::int64_t sum = 0;
  for (int i = 0; i < 12; ++i) sum += random.between(-deviation, deviation);
  return mean + sum / 2;  // 12 uniform ones of variance d^2/3: deviation 2 d
}

TEST(PoolCompare, HealthyNodesAreSeldomCalledSlowAndSlowOnesNearlyAlwaysAre) {
  Random random(testing::number_from_environment("MW_SEED", 7));
  for (const std::size_t others : {8U, 16U, 64U, 255U}) {
    std::uint32_t healthy = 0;
    std::uint32_t found = 0;
    const int pools = others > 100 ? 400 : 2'000;
    constexpr int kValues = 20;
    for (int p = 0; p < pools; ++p) {
      std::vector<std::int64_t> values;
      for (std::size_t i = 0; i < others; ++i) values.push_back(noisy(random, 1'000'000, 10'000));
      for (int v = 0; v < kValues; ++v) {
        const std::int64_t value = noisy(random, 1'000'000, 10'000);
        healthy += compare_with(value, BetterValue::kHigher, values, rules_of(0)).slow;
        found += compare_with(value - 300'000, BetterValue::kHigher, values, rules_of(0)).slow;
      }
    }
    const auto all = static_cast<std::uint32_t>(pools * kValues);
    EXPECT_LE(healthy * 2'000, all) << "with " << others << " others: " << healthy << " of " << all;
    EXPECT_GE(found * 100, all * (others < 16 ? 85 : 98))
        << "with " << others << " others: " << found << " of " << all;
  }
}

}  // namespace
}  // namespace mw
