// Where a job's time goes when things break: each part by hand, sums that are exact, and the
// difference that automation makes.
#include "twin/fault_experiment.h"

#include <gmock/gmock.h>

#include <cmath>

#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"
#include "codec/policy_file.h"
#include "twin/checkpoint_interval.h"
#include "twin/faults.h"

namespace mw {
namespace {

FaultExperimentOptions options_of(Automation automation) {
  FaultExperimentOptions options;
  options.nodes = 12;
  options.gang = 8;
  options.length = hours(24 * 10);
  options.automation = automation;
  options.policy = *parse_policy_file(find_embedded(kEmbeddedPolicies, "default")->text, "default");
  options.fault_policy =
      *parse_fault_policy(find_embedded(kEmbeddedFaultPolicies, "default")->text, "default");
  options.checkpoint_cost = seconds(10);
  options.checkpoint_interval = minutes(10);
  return options;
}

NodeFault broken(Duration at, std::uint32_t node) {
  NodeFault fault;
  fault.at = Instant() + at;
  fault.nodes = {NodeId(node)};
  fault.effect = FaultEffect::kBroken;
  fault.repair = hours(5);
  fault.code = "nvidia.xid.79";
  return fault;
}

FaultExperimentResult run(Automation automation, const std::vector<NodeFault>& faults) {
  const auto result = run_fault_experiment(options_of(automation), faults);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return *result;
}

TEST(FaultExperiment, TheFullPolicyCostsWhatItsPartsTake) {
  // 5 minutes after the 6th checkpoint: 65 s of start, then 6 x (600 + 10) s, then 300 s.
  const Duration at = seconds(65 + 6 * 610 + 300);
  const FaultExperimentResult result = run(Automation::kFull, {broken(at, 0)});
  EXPECT_EQ(result.interruptions, 1U);
  EXPECT_EQ(result.parts.detection, seconds(15));
  EXPECT_EQ(result.parts.draining, seconds(5));
  EXPECT_EQ(result.parts.lost_work, seconds(300));
  EXPECT_EQ(result.parts.start_up, seconds(2 * 65));
  EXPECT_LE(result.parts.requeue, seconds(10)) << "filler is stopped for it";
  EXPECT_EQ(result.parts.sum(), result.elapsed);
  EXPECT_EQ(result.elapsed, hours(240));
  EXPECT_EQ(result.manual, 0U);
  EXPECT_EQ(result.put_back, 1U);
}

TEST(FaultExperiment, NobodyNoticesForAsLongAsAPersonTakes) {
  const Duration at = seconds(65 + 6 * 610 + 300);
  const FaultExperimentResult result = run(Automation::kNone, {broken(at, 0)});
  EXPECT_EQ(result.parts.detection, hours(1));
  EXPECT_EQ(result.parts.lost_work, seconds(300));
  EXPECT_EQ(result.interruptions, 1U);
  EXPECT_EQ(result.manual, 1U);
  EXPECT_EQ(result.put_back, 1U);
}

TEST(FaultExperiment, RestartsAloneRunIntoTheSameNode) {
  const Duration at = seconds(65 + 6 * 610 + 300);
  const FaultExperimentResult result = run(Automation::kRestart, {broken(at, 0)});
  EXPECT_GT(result.interruptions, 10U) << "an hour of failures, until a person takes the node out";
  EXPECT_EQ(result.manual, 1U);
  EXPECT_EQ(result.parts.lost_work, seconds(300)) << "it never got anywhere in between";
}

TEST(FaultExperiment, MoreIsBetterUnderTheSameFaults) {
  FaultComponent part;
  part.name = "part";
  part.rate = 100'000'000;  // one in ten days of a node
  part.repair = {hours(2), hours(20), {}};
  part.code = "nvidia.xid.79";
  Topology topology;
  topology.declare(fault_experiment_fleet(12));
  auto source = open_faults({{part}, {}, {}}, topology, 1, hours(240));
  ASSERT_TRUE(source.ok());
  const auto faults = told_faults(**source, hours(240));
  ASSERT_GT(faults.size(), 5U);
  EXPECT_EQ(faults[0].effect, FaultEffect::kBroken) << "told, so it answers";
  const auto none = run(Automation::kNone, faults);
  const auto restart = run(Automation::kRestart, faults);
  const auto full = run(Automation::kFull, faults);
  for (const auto* each : {&none, &restart, &full}) {
    EXPECT_EQ(each->parts.sum(), each->elapsed);
    EXPECT_EQ(each->faults, faults.size());
  }
  EXPECT_GT(full.ettr(), restart.ettr());
  EXPECT_GT(full.ettr(), none.ettr());
}

TEST(CheckpointInterval, IsTheOneThatLosesTheLeast) {
  for (const std::int64_t cost_s : {1, 30, 600}) {
    for (const std::int64_t mttf_s : {3600, 10 * 3600, 1000 * 3600}) {
      const Duration cost = seconds(cost_s);
      const Duration mttf = seconds(mttf_s);
      const Duration best = checkpoint_interval(cost, mttf);
      const auto loss = [&](double by) {
        return checkpoint_loss(
            Duration(static_cast<std::int64_t>(static_cast<double>(best.count()) * by)), cost,
            seconds(60), mttf);
      };
      EXPECT_LT(loss(1), loss(1.25)) << cost_s << " of " << mttf_s;
      EXPECT_LT(loss(1), loss(0.8)) << cost_s << " of " << mttf_s;
      // Young's is its first term: near to it where saving is short.
      const double young = std::sqrt(2.0 * static_cast<double>(cost_s * mttf_s));
      if (cost_s * 100 <= mttf_s) {
        EXPECT_NEAR(static_cast<double>(best.count()) / 1e9, young, young * 0.08);
      }
    }
  }
  EXPECT_EQ(checkpoint_interval(Duration(0), hours(1)), seconds(1));
  EXPECT_EQ(checkpoint_interval(hours(3), hours(1)), hours(1));
  EXPECT_EQ(checkpoint_loss(hours(1), Duration(0), Duration(0), nanoseconds(1)), 1);
}

}  // namespace
}  // namespace mw
