// How nodes are, as sinfo 22.05 writes it, and what it makes of the list of them.
#include "engines/slurm/node_states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mw::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SlurmNode node(const std::string& name, std::vector<std::string> states) {
  SlurmNode made;
  made.name = name;
  made.cpus = 8;
  made.states = std::move(states);
  return made;
}

TEST(NodeStates, AreReadAsSinfoWritesThem) {
  const auto read = read_node_states(
      "allocated+cloud+not_responding+powering_up|none|n[0,3]\n"
      "idle+drain|bad | disk, \"x\"|n[5-6],m1\n"
      "idle|none|n[1-2]\n");
  ASSERT_TRUE(read.ok()) << read.error().message;
  const NodeStates busy = {
      {"n0", "n3"}, {"ALLOCATED", "CLOUD", "NOT_RESPONDING", "POWERING_UP"}, ""};
  const NodeStates drained = {{"n5", "n6", "m1"}, {"IDLE", "DRAIN"}, "bad | disk, \"x\""};
  const NodeStates idle = {{"n1", "n2"}, {"IDLE"}, ""};
  EXPECT_THAT(*read, ElementsAre(busy, drained, idle));
  EXPECT_TRUE(read_node_states("")->empty());
}

TEST(NodeStates, WhatIsNoneIsRefused) {
  for (const char* text : {"idle\n", "idle|n1\n", "idle|none|n[1\n"}) {
    EXPECT_FALSE(read_node_states(text).ok()) << text;
  }
  EXPECT_THAT(read_node_states("idle|n1").error().message, HasSubstr("\"idle|n1\""));
}

TEST(NodeStates, ChangeTheListAndNothingElseOfIt) {
  std::vector<SlurmNode> nodes = {node("n1", {"IDLE"}), node("n2", {"IDLE", "DRAIN"}),
                                  node("n3", {"IDLE"})};
  nodes[1].reason = "disk";
  nodes[1].reason_by = "ada";
  nodes[2].reason = "none";  // somebody wrote that
  EXPECT_TRUE(
      update_states(nodes, {{{"n2"}, {"MIXED", "DRAIN"}, "disk"}, {{"n1", "n3"}, {"DOWN"}, ""}}));
  EXPECT_THAT(nodes[0].states, ElementsAre("DOWN"));
  EXPECT_THAT(nodes[1].states, ElementsAre("MIXED", "DRAIN"));
  EXPECT_EQ(nodes[1].reason_by, "ada");
  EXPECT_EQ(nodes[2].reason, "none");
  EXPECT_EQ(nodes[1].cpus, 8);
}

TEST(NodeStates, WhatOnlyTheListSaysIsAskedOfIt) {
  struct Case {
    std::vector<std::string> before;
    NodeStates now;
    bool enough;
  };
  for (const Case& each :
       std::vector<Case>{{{"IDLE"}, {{"n1"}, {"ALLOCATED"}, ""}, true},
                         {{"IDLE"}, {{"n1"}, {"IDLE", "DRAIN"}, "fan"}, false},
                         {{"IDLE", "REBOOT_ISSUED"}, {{"n1"}, {"DOWN", "REBOOT_ISSUED"}, ""}, true},
                         {{"DOWN", "REBOOT_ISSUED"}, {{"n1"}, {"IDLE"}, ""}, false},
                         {{"DOWN"}, {{"n1"}, {"IDLE"}, ""}, false}}) {
    std::vector<SlurmNode> nodes = {node("n1", each.before)};
    EXPECT_EQ(update_states(nodes, {each.now}), each.enough) << each.now.states.front();
    EXPECT_EQ(nodes[0].states, each.enough ? each.now.states : each.before);
  }
}

TEST(NodeStates, OfOtherNodesSayNothing) {
  const std::vector<SlurmNode> before = {node("n1", {"IDLE"}), node("n2", {"IDLE"})};
  for (const std::vector<std::string>& names :
       std::vector<std::vector<std::string>>{{"n1"}, {"n1", "n3"}, {"n1", "n2", "n3"}}) {
    std::vector<SlurmNode> nodes = before;
    EXPECT_FALSE(update_states(nodes, {{names, {"DOWN"}, ""}}));
    EXPECT_EQ(nodes, before);
  }
}

}  // namespace
}  // namespace mw::slurm
