// What others than us use of nodes, and nodes that say themselves where they stand.
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

class OthersTest : public ::testing::Test {
 protected:
  OthersTest() { core.step(at(0), NodeSeen{node_spec("a", 4)}); }
  std::vector<Event> use(std::int64_t when, std::uint32_t accelerators) {
    return core.step(at(when), NodeUseReported{"a", {accelerators, CpuShare(), Bytes()}});
  }
  const Node& node() const { return core.state().nodes[0]; }
  double others_s(std::int64_t when) {
    const auto totals = ledger_totals(core.state(), at(when));
    return static_cast<double>(totals[LedgerCategory::kUsedByOthers].count()) / 1e12;
  }

  CheckedCore core;
};

TEST_F(OthersTest, WhatTheyUseIsNotFreeAndIsAccountedFor) {
  use(0, 3);
  EXPECT_EQ(node().accelerators_free, kWholeAccelerator);
  core.step(at(1), SubmitJob{job_spec(2), ""});
  EXPECT_EQ(core.job(1).state, JobState::kPending);
  EXPECT_DOUBLE_EQ(others_s(10), 30.0);
  use(10, 0);
  EXPECT_EQ(core.job(1).state, JobState::kStarting);
  EXPECT_DOUBLE_EQ(others_s(20), 30.0);
  EXPECT_EQ(core.replayed(), core.state());
}

TEST_F(OthersTest, ToldAgainItChangesNothing) {
  EXPECT_NE(find<NodeUseChanged>(use(0, 3)), nullptr);
  EXPECT_TRUE(use(1, 3).empty());
  EXPECT_TRUE(core.step(at(2), NodeUseReported{"nobody", {1, {}, {}}}).empty());
}

TEST_F(OthersTest, WhatWeHaveGivenAwayIsMadeUpForWhenItComesFree) {
  core.step(at(0), SubmitJob{job_spec(3), ""});
  use(1, 4);  // more than is left
  EXPECT_EQ(node().others->devices.size(), 1U);
  EXPECT_TRUE(core.state().others_short.contains(NodeId(0)));
  core.step(at(2), SubmitJob{job_spec(1), ""});
  const Epoch epoch = core.epoch(1);
  core.step(at(3), AttemptExited{JobId(1), epoch, {}});
  EXPECT_EQ(node().others->devices.size(), 4U);
  EXPECT_EQ(core.job(2).state, JobState::kPending);
  EXPECT_TRUE(core.state().others_short.empty());
  EXPECT_EQ(core.replayed(), core.state());
}

TEST_F(OthersTest, NobodyIsAloneOnANodeThatOthersUse) {
  use(0, 1);
  JobSpec spec = job_spec(1);
  spec.gang.exclusive = true;
  core.step(at(1), SubmitJob{spec, ""});
  EXPECT_EQ(core.job(1).state, JobState::kPending);
  use(2, 0);
  EXPECT_EQ(core.job(1).state, JobState::kStarting);
  use(3, 1);  // they come all the same
  EXPECT_EQ(node().others->devices.size(), 1U);
}

TEST_F(OthersTest, ADrainWaitsForThemToo) {
  use(0, 2);
  core.step(at(1), MoveNode{"a", NodePhase::kQuarantined, "why", "me"});
  EXPECT_EQ(node().phase, NodePhase::kDraining);
  use(2, 0);
  EXPECT_EQ(node().phase, NodePhase::kQuarantined);
}

TEST(Stands, NodesThatSayWhereTheyStandAreNeighboursThere) {
  CheckedCore core;
  const auto seen = [&](const std::string& name, const std::string& leaf) {
    NodeSpec spec = node_spec(name, 1);
    spec.fabric = {{{FabricLevel::kPod, "pod"}, {FabricLevel::kLeaf, leaf}}};
    core.step(at(0), NodeSeen{spec});
    return spec;
  };
  seen("n1", "l0");
  seen("n2", "l1");
  const NodeSpec third = seen("n3", "l1");
  const NodeSpec fourth = seen("n4", "l0");
  const Topology& topology = *core.state().topology;
  EXPECT_EQ(topology.at_level(FabricLevel::kLeaf).size(), 2U);
  EXPECT_EQ(topology.at_level(FabricLevel::kPod).size(), 1U);
  EXPECT_EQ(topology.spec(NodeId(2)), third);
  EXPECT_EQ(topology.position(NodeId(3)), 1U) << "beside n1";
  EXPECT_TRUE(core.step(at(1), NodeSeen{third}).empty()) << "the same again";
  // A gang that fits below one leaf does not span two.
  JobSpec spec = job_spec(2);
  spec.gang.require = FabricLevel::kLeaf;
  core.step(at(1), SubmitJob{spec, ""});
  const auto& placement = core.state().attempts.at(JobId(1)).placement;
  EXPECT_EQ(topology.fabric_of(placement[0].node), topology.fabric_of(placement[1].node));
  EXPECT_EQ(core.replayed(), core.state());
}

}  // namespace
}  // namespace mw
