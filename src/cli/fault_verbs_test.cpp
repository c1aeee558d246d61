// mw faults and the moves of nodes: what is sent, and what is shown.
#include <gmock/gmock.h>

#include "cli/cli_test_support.h"

namespace mw {
namespace {

using namespace testing;
using ::testing::HasSubstr;

TEST(Faults, AreToldAsTheyAreGiven) {
  FakeControlPlane plane;
  plane.on("POST /v1/faults", R"({"noted":1,"known":0,"refused":[]})");
  const Ran told = run_mw(
      plane, {"faults", "post", "nvidia.xid.79", "--node", "n1", "--device", "3", "--severity",
              "critical", "--detail", "off the bus", "--source", "agent:n1", "--sequence", "7"});
  EXPECT_EQ(told.code, 0) << told.err;
  EXPECT_EQ(told.out, "Fault nvidia.xid.79 is noted.\n");
  EXPECT_EQ(plane.asked()[0].body,
            R"({"code":"nvidia.xid.79","node":"n1","severity":"critical","detail":"off the bus",)"
            R"("source":"agent:n1","device":3,"sequence":7})");
  const Ran cleared = run_mw(plane, {"faults", "clear", "net.leaf.down", "--leaf", "l1"});
  EXPECT_EQ(cleared.out, "Fault net.leaf.down is over.\n") << cleared.err;
  EXPECT_EQ(plane.asked()[1].body, R"({"code":"net.leaf.down","leaf":"l1","cleared":true})");
  plane.on("POST /v1/faults", R"({"noted":0,"known":1,"refused":[]})");
  EXPECT_THAT(run_mw(plane, {"faults", "post", "x", "--node", "n1"}).out,
              HasSubstr("was known: nothing has changed"));
}

TEST(Faults, AreListedWithBreakersThatTripped) {
  FakeControlPlane plane;
  plane.on("GET /v1/faults", R"({"count":1,"faults":[
    {"code":"nvidia.xid.79","place":"n1, accelerator 3","severity":"critical","occurrences":2,
     "last_at_ns":1,"active":true,"done":"ignore","withheld":"reboot","detail":"off the bus"}],
    "breakers":[{"level":"site","place":"a","tripped_at_ns":5,"taken":3,"limit":3,"nodes":60},
                {"level":"rack","place":"r","tripped_at_ns":null,"taken":1,"limit":2,"nodes":8}]})");
  const Ran ran = run_mw(plane, {"faults", "list", "--node", "n1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(plane.asked()[0].query, HasSubstr("node=n1"));
  EXPECT_THAT(ran.out, HasSubstr("reboot waits for you"));
  EXPECT_THAT(ran.out, HasSubstr("n1, accelerator 3"));
  EXPECT_THAT(ran.out, HasSubstr("The breaker of site a has tripped: 3 of its 60 nodes"));
  EXPECT_THAT(ran.out, HasSubstr("mw faults reset site a"));
  EXPECT_THAT(ran.out, ::testing::Not(HasSubstr("rack r")));
}

TEST(Faults, AreExplained) {
  FakeControlPlane plane;
  plane.on("GET /v1/faults/explain", R"({"code":"x.a","rule":"x.*","what":"It is hot",
    "component":"cooling","severity":"error","scope":"node","advice":"Cool it","source":"https://x",
    "steps":[{"action":"watch","text":"watch","by_hand":false},
             {"action":"reboot","text":"reboot after 2 times","by_hand":true}],"text":""})");
  const Ran ran = run_mw(plane, {"faults", "explain", "x.a"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(plane.asked()[0].query, HasSubstr("code=x.a"));
  for (const char* part : {"It is hot", "x.*", "Cool it", "https://x",
                           "watch; reboot after 2 times [by a person: no program is set]"}) {
    EXPECT_THAT(ran.out, HasSubstr(part));
  }
}

TEST(Faults, PoliciesAreCheckedHereAndSetThere) {
  FakeControlPlane plane;
  plane.on("PUT /v1/faults/policy", "{}");
  const Ran set = run_mw(plane, {"faults", "policy", "set", "default"});
  EXPECT_EQ(set.code, 0) << set.err;
  EXPECT_THAT(set.out, HasSubstr("Faults are judged by policy default now"));
  EXPECT_THAT(plane.asked()[0].body, HasSubstr("nvidia.xid.79"));
  EXPECT_THAT(run_mw({"faults", "policy", "validate", "default"}).out, HasSubstr("is valid"));
  EXPECT_THAT(run_mw({"faults", "policy", "show", "default"}).out,
              HasSubstr("# What is done about"));
  const Ran missing = run_mw({"faults", "policy", "validate", "no-such-policy"});
  EXPECT_NE(missing.code, 0);
}

TEST(Nodes, MovesSayHowWorkLeaves) {
  FakeControlPlane plane;
  for (const char* verb : {"drain", "quarantine", "validate", "retire", "provision", "resume"}) {
    plane.on(std::string("POST /v1/nodes/n1/") + verb, R"({"name":"n1"})");
  }
  run_mw(plane, {"node", "drain", "n1", "--mode", "checkpoint", "--deadline", "30m"});
  EXPECT_EQ(plane.asked()[0].body, R"({"mode":"checkpoint","deadline":"30m"})");
  const Ran ran = run_mw(plane, {"node", "quarantine", "n1", "--reason", "smoke"});
  EXPECT_EQ(ran.out, "Node n1 goes into quarantine.\n") << ran.err;
  EXPECT_EQ(plane.asked()[1].body, R"({"reason":"smoke"})");
  for (const char* verb : {"validate", "retire", "provision", "resume"}) {
    EXPECT_EQ(run_mw(plane, {"node", verb, "n1"}).code, 0) << verb;
  }
  EXPECT_NE(run_mw(plane, {"node", "resume", "n1", "--mode", "force"}).code, 0);
}

TEST(Nodes, TheirStoryIsTold) {
  FakeControlPlane plane;
  plane.on("GET /v1/nodes/n1/story", R"({"node":{"name":"n1","phase":"repairing","lost":false,
    "reason":"x","by":"the fault policy","drain":null,"faults":2,
    "remedy":{"remedy":4,"action":"reboot","code":"x.a","device":null,"begun":true}},
    "events":[{"seq":1,"at_ns":1000000000,"kind":"node_moved","text":"n1 is being repaired"}],
    "truncated":false})");
  const Ran ran = run_mw(plane, {"node", "story", "n1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("reboot because of x.a, has begun"));
  EXPECT_THAT(ran.out, HasSubstr("n1 is being repaired"));
}

}  // namespace
}  // namespace mw
