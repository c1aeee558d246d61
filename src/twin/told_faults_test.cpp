// Faults that are told to the control plane by their code: the fault policy acts in the simulation
// as it does live, and what it does takes the time that it takes.
#include <gmock/gmock.h>

#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"
#include "core/invariants.h"
#include "twin/faults.h"
#include "twin/simulation.h"
#include "twin/trace_codes.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using testing::ListedJobs;
using testing::one_hour_job;
using testing::small_fleet;

FaultPolicy policy_with_hooks() {
  FaultPolicy policy =
      parse_fault_policy(find_embedded(kEmbeddedFaultPolicies, "default")->text, "default").value();
  for (const FaultAction action : {FaultAction::kValidate, FaultAction::kResetAccelerator,
                                   FaultAction::kReboot, FaultAction::kReturnToVendor}) {
    policy.hooks.push_back({action, {"/simulated"}, hours(1)});
  }
  return policy;
}

NodeFault told(std::int64_t at_s, std::uint32_t node, const char* code, Duration repair,
               FaultEffect effect = FaultEffect::kBroken) {
  NodeFault fault;
  fault.at = Instant() + seconds(at_s);
  fault.nodes = {NodeId(node)};
  fault.effect = effect;
  fault.repair = repair;
  fault.code = code;
  fault.component = "part";
  return fault;
}

struct Outcome {
  std::vector<JobRow> rows;
  std::vector<Event> events;
  std::uint64_t put_back = 0;
  std::uint64_t breakers_reset = 0;
  std::string name_of_first;  ///< of node 0

  template <class Body>
  std::vector<std::pair<std::int64_t, Body>> all() const {
    std::vector<std::pair<std::int64_t, Body>> found;
    for (const Event& event : events) {
      if (const auto* body = std::get_if<Body>(&event.body)) {
        found.emplace_back(event.at.count() / 1'000'000'000, *body);
      }
    }
    return found;
  }
};

/// One job of an hour of `nodes` nodes and a checkpoint every ten minutes, on 8 nodes.
Outcome run(std::vector<NodeFault> faults, const std::optional<FaultPolicy>& policy,
            std::uint32_t nodes = 2) {
  SimulationOptions options;
  options.fleet = small_fleet(8);
  options.fault_policy = policy;
  options.length = hours(12);
  Outcome outcome;
  options.job_row = [&](const JobRow& row) { outcome.rows.push_back(row); };
  WorkloadJob job = one_hour_job(0);
  job.spec.gang.tasks = nodes;
  job.spec.restart.limit = 100;
  job.truth.checkpoint_interval = minutes(10);
  // Something small keeps the world going until the end.
  WorkloadJob other = one_hour_job(1);
  other.truth.work = hours(20);
  ListedJobs jobs({job, other});
  ListedFaults source(std::move(faults));
  Simulation simulation(std::move(options), jobs, &source);
  simulation.watch([&](Instant, const std::vector<Event>& events) {
    outcome.events.insert(outcome.events.end(), events.begin(), events.end());
    return true;
  });
  EXPECT_TRUE(simulation.run().ok());
  EXPECT_THAT(broken_invariants(simulation.state()), ::testing::IsEmpty());
  EXPECT_EQ(simulation.world().wrong_remedies(), 0U);
  EXPECT_EQ(simulation.world().doubled_starts(), 0U);
  outcome.put_back = simulation.people().nodes_put_back();
  outcome.breakers_reset = simulation.people().breakers_reset();
  outcome.name_of_first = simulation.state().topology->name(NodeId(0));
  return outcome;
}

std::int64_t ended_s(const Outcome& outcome) {
  return outcome.rows.at(0).ended.value_or(Instant()).count() / 1'000'000'000;
}

TEST(ToldFaults, ThePolicyActsWhenItIsTold) {
  // 25 minutes into the work: told 15 s later, stopped at once, gone 5 s later, and started on
  // other nodes from minute 20.
  const std::int64_t at = 65 + 25 * 60;
  NodeFault fault = told(at, 0, "nvidia.xid.79", hours(3));
  fault.mended_by = FaultAction::kReboot;
  const Outcome outcome = run({fault}, policy_with_hooks());
  const auto noted = outcome.all<FaultNoted>();
  ASSERT_EQ(noted.size(), 1U);
  EXPECT_EQ(noted[0].first, at + 15);
  EXPECT_EQ(noted[0].second.fault.source, "agent:" + noted[0].second.fault.place);
  EXPECT_EQ(noted[0].second.fault.at, Instant() + seconds(at)) << "when it happened";
  EXPECT_EQ(ended_s(outcome), at + 15 + 5 + 65 + 40 * 60);
  // Rebooted for ten minutes, proven for five, and in service again without anybody's help.
  const auto ended = outcome.all<RemedyEnded>();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].first, at + 15 + 5 + 600);
  EXPECT_EQ(ended[1].first, at + 15 + 5 + 600 + 300);
  EXPECT_TRUE(ended[1].second.ok);
  EXPECT_EQ(outcome.put_back, 0U);
}

TEST(ToldFaults, WhatARebootDoesNotMendIsFoundByTheChecksAndPutBackByATechnician) {
  const std::int64_t at = 65 + 25 * 60;
  const Outcome outcome = run({told(at, 0, "nvidia.xid.79", hours(3))}, policy_with_hooks());
  const auto ended = outcome.all<RemedyEnded>();
  ASSERT_GE(ended.size(), 3U);
  EXPECT_TRUE(ended[0].second.ok) << "the reboot";
  EXPECT_FALSE(ended[1].second.ok) << "the checks after it";
  EXPECT_TRUE(ended[2].second.ok) << "the checks after the repair";
  EXPECT_EQ(ended[2].first, at + 3 * 3600 + 300);
  EXPECT_EQ(outcome.put_back, 1U);
}

/// What nobody tells of: it is found out by what does not start there.
NodeFault starts_nothing(std::uint32_t node) {
  NodeFault fault = told(0, node, "", hours(11), FaultEffect::kNoStart);
  fault.at = Instant();
  return fault;
}

std::vector<std::string> told_not_to_start(const Outcome& outcome) {
  std::vector<std::string> places;
  for (const auto& [at, noted] : outcome.all<FaultNoted>()) {
    if (noted.fault.code == kStartFailedCode) places.push_back(noted.fault.place);
  }
  return places;
}

TEST(ToldFaults, AJobLeavesANodeThatStartsNothing) {
  const Outcome outcome = run({starts_nothing(0)}, policy_with_hooks(), 1);
  std::uint32_t failed = 0;
  for (const auto& [at, ended] : outcome.all<AttemptEnded>()) {
    if (ended.cause != EndCause::kStartFailed) continue;
    ++failed;
    EXPECT_EQ(ended.failed_on, NodeId(0));
  }
  EXPECT_EQ(failed, 2U) << "then it is placed elsewhere";
  EXPECT_EQ(told_not_to_start(outcome).size(), 2U) << "by the engine's word";
  EXPECT_TRUE(outcome.rows.at(0).ended.has_value());
}

TEST(ToldFaults, AGangLeavesTheNodesOfWhichOneStartsNothing) {
  const Outcome outcome = run({starts_nothing(0)}, policy_with_hooks(), 4);
  std::uint32_t failed = 0;
  for (const auto& [at, ended] : outcome.all<AttemptEnded>()) {
    failed += ended.cause == EndCause::kStartFailed ? 1 : 0;
    EXPECT_EQ(ended.failed_on, std::nullopt) << "its engine does not know";
  }
  EXPECT_GE(failed, 2U);
  EXPECT_LE(failed, 4U);
  const auto told = told_not_to_start(outcome);
  EXPECT_THAT(told, ::testing::SizeIs(::testing::Le(kSuspectsToldMax)));
  EXPECT_THAT(told, ::testing::Contains(outcome.name_of_first));
  EXPECT_TRUE(outcome.rows.at(0).ended.has_value());
}

TEST(ToldFaults, WithoutAPolicyTheJobFailsAndFailsAgainWhereItWas) {
  const std::int64_t at = 65 + 25 * 60;
  const Outcome outcome = run({told(at, 0, "nvidia.xid.79", hours(1))}, std::nullopt);
  EXPECT_GT(outcome.rows.at(0).attempts, 3U);
  EXPECT_GT(ended_s(outcome), at + 3600) << "nobody takes the node out";
  for (const auto& [when, moved] : outcome.all<NodeMoved>()) {
    EXPECT_EQ(moved.phase, NodePhase::kReady) << when;
  }
}

TEST(ToldFaults, AFalseAlarmCostsWhatIsDoneAboutIt) {
  const std::int64_t at = 65 + 25 * 60;
  const Outcome outcome =
      run({told(at, 0, "nvidia.xid.79", Duration(), FaultEffect::kNone)}, policy_with_hooks());
  EXPECT_EQ(outcome.rows.at(0).attempts, 2U);
  // It worked until it was stopped: half of a checkpoint's interval and 15 s are lost.
  EXPECT_EQ(outcome.all<AttemptEnded>()[0].second.lost_work.count(),
            Int128{(5 * 60 + 15 + 5)} * 1'000'000'000 * 16 * 1000);
  EXPECT_EQ(outcome.put_back, 0U);
}

TEST(ToldFaults, ABreakerIsResetByWhoeverIsOnCall) {
  std::vector<NodeFault> faults;
  for (std::uint32_t node = 2; node < 7; ++node) {
    faults.push_back(told(1000, node, "host.test_failed", minutes(10), FaultEffect::kNone));
  }
  const Outcome outcome = run(std::move(faults), policy_with_hooks());
  // Of 8 nodes two may be taken out within an hour.
  EXPECT_GE(outcome.breakers_reset, 1U);
  EXPECT_EQ(outcome.all<BreakerWasReset>().at(0).first, 1000 + 15 + 3600);
  EXPECT_EQ(outcome.put_back, 5U);
}

TEST(ToldFaults, ADrainWithoutAProgramIsGivenBackByATechnician) {
  // A link that is down: its job leaves, and long after the drain's deadline it is mended.
  const Outcome outcome =
      run({told(65 + 25 * 60, 0, "net.ib.down", hours(3))}, policy_with_hooks());
  EXPECT_EQ(outcome.put_back, 1U);
  const auto moves = outcome.all<NodeMoved>();
  ASSERT_FALSE(moves.empty());
  EXPECT_EQ(moves.back().second.phase, NodePhase::kReady);
  // The job gave up by itself, and nobody blames it.
  EXPECT_EQ(outcome.all<AttemptEnded>()[0].second.cause, EndCause::kFaulty);
  EXPECT_EQ(outcome.all<RestartPlanned>()[0].second.restarts, 0U);
}

TEST(ToldFaults, EveryKindOfTheShippedTraceHasACodeThatThePolicyKnows) {
  const auto trace = read_fault_trace(MW_TRACES "/infinitehbd/fault_trace_90d.json");
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  const FaultPolicy policy = policy_with_hooks();
  std::size_t unknown = 0;
  for (const TraceFault& fault : trace->faults) {
    const TraceCode& code = code_of(fault);
    ASSERT_NE(rule_for(policy, code.code), nullptr) << fault.what;
    unknown += code.code == "host.unknown" ? 1 : 0;
  }
  // What the trace itself calls unknown, and no more.
  std::size_t said = 0;
  for (const TraceFault& fault : trace->faults) {
    said += fault.component == "Unknown Error" || fault.component == "Other Failures" ||
                    fault.component == "Software Tool" || fault.component == "Motherboard Battery"
                ? 1
                : 0;
  }
  EXPECT_EQ(unknown, said);
}

}  // namespace
}  // namespace mw
