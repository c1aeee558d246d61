// What engines are told of nodes: with whom a node that is proven can be measured.
#include "loop/commands.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/core_test_support.h"
#include "model/one_block_fleet.h"

namespace mw {
namespace {

using testing::CheckedCore;
using ::testing::IsEmpty;

Instant at(std::int64_t s) { return Instant() + seconds(s); }

/// Twelve nodes below leaf switches of six; in racks of four, if so.
FleetSpec fleet(bool racks) {
  BlockSpec block;
  block.name = "b";
  block.nodes = 12;
  block.fabric = {{FabricLevel::kLeaf, 6}};
  if (racks) block.power = {{PowerLevel::kRack, 4, {}}};
  return one_block_fleet("here", plain_shape("server", "h100", 8), std::move(block));
}

/// Whom a node that is to be proven is told of, by their numbers.
std::vector<std::uint32_t> told_of(CheckedCore& core, std::uint32_t node) {
  const Topology& topology = *core.state().topology;
  FaultPolicy policy;
  policy.hooks = {{FaultAction::kValidate, {"/bin/true"}, minutes(1)}};
  const Instant now = core.state().now + seconds(1);
  core.step(now, SetFaultPolicy{policy, "ada"});
  MoveNode move;
  move.node = topology.name(NodeId(node));
  move.to = NodePhase::kValidating;
  move.by = "ada";
  core.step(now, move);
  std::vector<std::uint32_t> nodes;
  for (const std::string& name : desired_remedy(core.state(), NodeId(node)).rack_nodes) {
    nodes.push_back(core.state().topology->find(name)->value());
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

TEST(RackNodes, AreTheOthersOfTheRackThatServe) {
  CheckedCore core;
  core.step(at(0), DeclareFleet{fleet(true), "ada"});
  core.step(at(0), NodeLost{core.state().topology->name(NodeId(7))});
  DrainNode drain;
  drain.node = core.state().topology->name(NodeId(4));
  drain.by = "ada";
  core.step(at(0), drain);
  EXPECT_EQ(told_of(core, 5), std::vector<std::uint32_t>{6}) << "4 drains, 7 is lost";
  EXPECT_EQ(told_of(core, 8), (std::vector<std::uint32_t>{9, 10, 11}));
}

TEST(RackNodes, AreThoseOfTheLeafWhereThereAreNoRacks) {
  CheckedCore core;
  core.step(at(0), DeclareFleet{fleet(false), "ada"});
  EXPECT_EQ(told_of(core, 6), (std::vector<std::uint32_t>{7, 8, 9, 10, 11}));
  FleetSpec with_domains = fleet(false);
  auto& groups = with_domains.sites.at(0).blocks.at(0).fabric;
  groups.insert(groups.begin(), {FabricLevel::kScaleUp, 2});
  CheckedCore in_domains;
  in_domains.step(at(0), DeclareFleet{with_domains, "ada"});
  EXPECT_EQ(told_of(in_domains, 6), (std::vector<std::uint32_t>{7, 8, 9, 10, 11}))
      << "and not only of the scale-up domain of two";
  CheckedCore loose;
  loose.step(at(0), NodeSeen{testing::node_spec("a", 2)});
  loose.step(at(0), NodeSeen{testing::node_spec("b", 2)});
  EXPECT_THAT(told_of(loose, 0), IsEmpty()) << "where they stand nobody says";
}

}  // namespace
}  // namespace mw
