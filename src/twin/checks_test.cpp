// Checks of simulated nodes: no job starts a moment later for them, and they find what is slow.
#include <gmock/gmock.h>

#include <tuple>

#include "core/invariants.h"
#include "twin/simulation.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using testing::ListedJobs;
using testing::random_jobs;
using testing::small_fleet;

FaultRule rule(const std::string& code, std::vector<FaultStep> steps) {
  FaultRule one;
  one.code = code;
  one.steps = std::move(steps);
  return one;
}

/// Every idle node, every hour, as soon as it is idle: far more checks than anybody wants.
FaultPolicy eager() {
  FaultPolicy policy;
  policy.name = "eager";
  policy.checks.emplace();
  policy.checks->programs = {{"all", {"/check"}, minutes(30), {}, true, true}};
  policy.checks->every = hours(1);
  policy.checks->idle_for = Duration();
  policy.checks->idle = {100, 1};
  policy.rules = {
      rule("check.slow", {{FaultAction::kValidate}, {FaultAction::kQuarantine, 2, hours(48), {}}})};
  return policy;
}

struct Seen {
  /// When, whom, and where.
  std::vector<std::tuple<Instant, JobId, AttemptNumber, Placement>> placed;
  std::vector<std::tuple<Instant, JobId, JobState>> finished;
  std::uint64_t stopped = 0;
  std::uint64_t passed = 0;
  std::uint64_t in_the_way = 0;
};

Seen run_with(const FaultPolicy* policy, std::uint64_t seed) {
  SimulationOptions options;
  options.fleet = small_fleet(40);
  options.seed = seed;
  // Nothing that depends on how often the brain is asked: a check's end is a step like any other,
  // in which a plan may be made anew or past use has decayed a little.
  options.policy.backfill.reservations = 0;
  options.policy.preemption.by_priority = options.policy.preemption.reclaim = false;
  options.policy.fair_share.history_percent = 0;
  options.policy.starvation_after = Duration();
  if (policy != nullptr) options.first_inputs = {SetFaultPolicy{*policy, "test"}};
  ListedJobs jobs = random_jobs(seed, 400);
  Simulation simulation(std::move(options), jobs, nullptr);
  Seen seen;
  simulation.watch([&](Instant, const std::vector<Event>& events) {
    for (const Event& event : events) {
      if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
        seen.placed.emplace_back(event.at, placed->job, placed->attempt, placed->placement);
      } else if (const auto* done = std::get_if<JobFinished>(&event.body)) {
        seen.finished.emplace_back(event.at, done->job, done->state);
      } else if (const auto* check = std::get_if<CheckEnded>(&event.body)) {
        ++(check->outcome == CheckOutcome::kStopped ? seen.stopped : seen.passed);
      }
    }
    return true;
  });
  EXPECT_TRUE(simulation.run().ok());
  EXPECT_THAT(broken_invariants(simulation.state()), ::testing::IsEmpty());
  seen.in_the_way = simulation.world().checks_in_the_way();
  return seen;
}

TEST(SimulatedChecks, NoJobStartsLaterOrElsewhereBecauseOfThem) {
  const FaultPolicy policy = eager();
  for (const std::uint64_t seed : {1U, 2U}) {
    const Seen without = run_with(nullptr, seed);
    const Seen with = run_with(&policy, seed);
    EXPECT_GT(with.passed, 100U);
    EXPECT_GT(with.stopped, 20U) << "many gave way";
    EXPECT_EQ(with.in_the_way, 0U);
    EXPECT_EQ(without.passed + without.stopped, 0U);
    EXPECT_EQ(with.placed, without.placed);
    EXPECT_EQ(with.finished, without.finished);
  }
}

TEST(SimulatedChecks, ASlowNodeIsFoundAndNoOther) {
  FaultPolicy policy = eager();
  policy.checks->every = hours(24);
  SimulationOptions options;
  options.fleet = small_fleet(40);
  options.length = hours(24 * 30);
  options.first_inputs = {SetFaultPolicy{policy, "test"}};
  NodeFault slow;
  slow.at = Instant() + hours(24 * 7);
  slow.nodes = {NodeId(17)};
  slow.effect = FaultEffect::kSlow;
  slow.repair = hours(24 * 60);
  slow.speed_milli = 900;
  ListedFaults faults({slow});
  // Something has to go on for faults to happen at all.
  ListedJobs jobs({testing::one_hour_job(24 * 3600 * 8)});
  Simulation simulation(std::move(options), jobs, &faults);
  ASSERT_TRUE(simulation.run().ok());
  for (const Node& node : simulation.state().nodes) {
    EXPECT_EQ(node.phase, node.id == NodeId(17) ? NodePhase::kQuarantined : NodePhase::kReady);
  }
  EXPECT_THAT(simulation.state().nodes[17].phase_reason, ::testing::HasSubstr("10% behind"));
}

}  // namespace
}  // namespace mw
