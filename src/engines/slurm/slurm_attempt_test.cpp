// An attempt's way through Slurm, and what a cluster's nodes are to us: every answer that Slurm may
// give, in every order, without a Slurm.
#include "engines/slurm/slurm_attempt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engines/slurm/cluster_view.h"
#include "engines/slurm/reboots.h"

namespace mw::slurm {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

SteadyTime at(int second) { return SteadyTime(seconds(1000 + second)); }

class Attempt : public testing::Test {
 protected:
  Attempt() {
    desired.job = JobId(17);
    desired.attempt = AttemptNumber(2);
    desired.epoch = Epoch(41);
    desired.grace = mw::seconds(10);
    desired.node_names = {"n1"};
    auto spec = std::make_shared<JobSpec>();
    spec->user = "ada";
    desired.spec = spec;
    attempt.emplace(desired, "ada", "/nowhere/out", limits);
  }
  static SlurmJob job(const std::string& state, SlurmJobId id = 5) {
    SlurmJob made;
    made.id = id;
    made.state = state;
    return made;
  }
  /// Handed over at 0, taken at once, seen running at 1.
  void run() {
    attempt->hand_over(at(0));
    attempt->taken(5, at(0));
    attempt->seen(job("RUNNING"), at(1));
  }
  void stop(int second) {
    desired.goal = AttemptGoal::kStop;
    attempt->want(desired);
    attempt->advance(at(second));
  }
  template <class Report>
  std::optional<Report> reported(int second) {
    for (const InputBody& body : attempt->reports(at(second))) {
      if (const auto* report = std::get_if<Report>(&body)) return *report;
    }
    return std::nullopt;
  }

  SlurmAttempt::Limits limits{minutes(5), mw::seconds(5)};
  DesiredAttempt desired;
  std::optional<SlurmAttempt> attempt;
};

TEST_F(Attempt, IsHandedOverOnceAndReportsItsStartAndItsEnd) {
  EXPECT_EQ(attempt->next_step(at(0)), NextStep::kSubmit);
  run();
  EXPECT_EQ(attempt->next_step(at(1)), NextStep::kNothing);
  EXPECT_TRUE(reported<AttemptStarted>(1));
  EXPECT_THAT(attempt->reports(at(2)), IsEmpty()) << "said once";
  attempt->seen(job("COMPLETED"), at(3));
  EXPECT_TRUE(reported<AttemptExited>(3)->exit.ok());
  EXPECT_THAT(attempt->reports(at(4)), IsEmpty());
  EXPECT_THAT(attempt->reports(at(9)), SizeIs(1)) << "until it is forgotten";
  attempt->want(desired);
  EXPECT_THAT(attempt->reports(at(10)), SizeIs(2)) << "told again it says all again";
}

TEST_F(Attempt, ASubmitThatWasNotAnsweredIsLookedForBeforeItIsSentAgain) {
  attempt->hand_over(at(0));
  attempt->unknown(at(2));
  attempt->unseen(at(1));  // asked for before it was handed over
  EXPECT_EQ(attempt->next_step(at(3)), NextStep::kNothing);
  attempt->unseen(at(5));  // too early to be sure
  EXPECT_EQ(attempt->next_step(at(6)), NextStep::kNothing);
  attempt->seen(job("PENDING"), at(7));  // it had arrived
  EXPECT_EQ(attempt->next_step(at(60)), NextStep::kNothing);

  SlurmAttempt other(desired, "ada", "/nowhere/out", limits);
  other.hand_over(at(0));
  other.unknown(at(2));
  other.unseen(at(20));
  EXPECT_EQ(other.next_step(at(25)), NextStep::kSubmit) << "it never came to be";
}

TEST_F(Attempt, SlurmThatIsNotThereIsTriedAgain) {
  attempt->hand_over(at(0));
  attempt->not_reached(at(0));
  EXPECT_EQ(attempt->next_step(at(0)), NextStep::kNothing);
  EXPECT_EQ(attempt->next_step(at(2)), NextStep::kSubmit);
}

TEST_F(Attempt, StopsGentlyAndThenForGood) {
  run();
  stop(10);
  EXPECT_EQ(attempt->next_step(at(10)), NextStep::kSignal);
  attempt->signalled();
  EXPECT_EQ(attempt->next_step(at(19)), NextStep::kNothing);
  EXPECT_EQ(attempt->next_step(at(20)), NextStep::kCancel);
  attempt->cancelled(at(20));
  EXPECT_EQ(attempt->next_step(at(21)), NextStep::kNothing);
  EXPECT_EQ(attempt->next_step(at(26)), NextStep::kCancel);
  attempt->seen(job("CANCELLED"), at(27));
  EXPECT_FALSE(reported<CancelJob>(27)) << "that was us";
}

TEST_F(Attempt, WhatWaitsOrIsOutOfSightIsNotSignalled) {
  attempt->hand_over(at(0));
  attempt->taken(5, at(0));
  attempt->seen(job("PENDING"), at(1));
  stop(2);
  EXPECT_EQ(attempt->next_step(at(2)), NextStep::kCancel);
  attempt->unseen(at(3));
  EXPECT_EQ(attempt->next_step(at(4)), NextStep::kNothing) << "its number may be another's by now";
}

TEST_F(Attempt, WhatNeverBeganIsGoneAtOnce) {
  stop(0);
  EXPECT_EQ(attempt->next_step(at(0)), NextStep::kNothing);
  EXPECT_THAT(reported<AttemptGone>(0)->detail, HasSubstr("before it began"));
}

TEST_F(Attempt, IsGoneWhenTwoListsDoNotHaveItAndSlurmDoesNotKnowIt) {
  run();
  EXPECT_FALSE(attempt->unseen(at(2)));
  EXPECT_TRUE(attempt->unseen(at(3))) << "now Slurm is asked for it alone";
  EXPECT_FALSE(reported<AttemptGone>(3));
  attempt->lost();
  EXPECT_FALSE(reported<AttemptGone>(3)->start_failed);
}

TEST_F(Attempt, EndsAreToldApart) {
  const auto end = [&](SlurmJob last) {
    attempt.emplace(desired, "ada", "/nowhere/out", limits);
    run();
    attempt->seen(last, at(2));
    return attempt->reports(at(2));
  };
  SlurmJob failed = job("FAILED");
  failed.exit_code = 7;
  EXPECT_EQ(std::get<AttemptExited>(end(failed).back()).exit.exit_code, 7);
  failed.exit_code = 73;
  EXPECT_THAT(std::get<AttemptGone>(end(failed).back()).detail, HasSubstr("/nowhere/out"));
  EXPECT_TRUE(std::get<AttemptExited>(end(job("OUT_OF_MEMORY")).back()).exit.out_of_memory);
  EXPECT_THAT(std::get<AttemptExited>(end(job("TIMEOUT")).back()).exit.detail,
              HasSubstr("time limit"));
  EXPECT_EQ(std::get<AttemptExited>(end(job("TIMEOUT")).back()).over_time, true);
  EXPECT_EQ(std::get<AttemptExited>(end(job("OUT_OF_MEMORY")).back()).over_time, std::nullopt);
  EXPECT_FALSE(std::get<AttemptGone>(end(job("NODE_FAIL")).back()).start_failed);
  const auto theirs = end(job("CANCELLED"));
  EXPECT_TRUE(std::holds_alternative<CancelJob>(theirs.at(1))) << "somebody means the job";
  SlurmJob completing = job("COMPLETING");
  completing.completing = true;
  EXPECT_THAT(end(completing), SizeIs(1)) << "only its start: something of it may still run";
}

TEST_F(Attempt, WhatSlurmDoesNotStartOrStartsAgainIsTakenBack) {
  attempt->hand_over(at(0));
  attempt->taken(5, at(0));
  SlurmJob waits = job("PENDING");
  waits.reason = "Resources";
  attempt->seen(waits, at(1));
  EXPECT_EQ(attempt->next_step(at(2)), NextStep::kNothing);
  attempt->seen(waits, at(400));
  EXPECT_EQ(attempt->next_step(at(400)), NextStep::kCancel);
  attempt->cancelled(at(400));
  attempt->seen(job("CANCELLED"), at(401));
  const auto gone = reported<AttemptGone>(401);
  EXPECT_TRUE(gone->start_failed);
  EXPECT_THAT(gone->detail, HasSubstr("not started it after 5m: Resources"));

  attempt.emplace(desired, "ada", "/nowhere/out", limits);
  run();
  SlurmJob again = job("PENDING");
  again.restarts = 1;
  attempt->seen(again, at(2));
  EXPECT_EQ(attempt->next_step(at(2)), NextStep::kCancel);
}

// --- the cluster --------------------------------------------------------------------------------

class View : public testing::Test {
 protected:
  View() { EXPECT_TRUE(view.take({{"main", {"n1", "n2"}, true, true, {}, {}}}).ok()); }
  static SlurmNode node(const std::string& name, std::vector<std::string> states) {
    return {name, "", {"h100", 8}, 64, 1, 1000, std::move(states), "why"};
  }
  std::vector<InputBody> look(std::vector<std::string> first, std::vector<std::string> second) {
    std::vector<InputBody> said;
    view.take({node("n1", std::move(first)), node("n2", std::move(second)), node("x", {"IDLE"})},
              [&](InputBody body) { said.push_back(std::move(body)); });
    return said;
  }
  ClusterView view{"slurm", {}, {}};
};

TEST_F(View, NodesAreToldOnceAndLostWhenTheyAreDown) {
  const auto said = look({"IDLE"}, {"MIXED"});
  ASSERT_THAT(said, SizeIs(2)) << "and not x, which is in no partition";
  const auto& seen = std::get<NodeSeen>(said[0]).spec;
  EXPECT_EQ(seen.accelerator_type, "h100");
  EXPECT_EQ(seen.accelerators, 8U);
  EXPECT_EQ(seen.memory, Bytes(std::int64_t{1000} << 20));
  EXPECT_THAT(look({"IDLE"}, {"ALLOCATED"}), IsEmpty());
  const auto down = look({"DOWN", "NOT_RESPONDING"}, {"ALLOCATED", "NOT_RESPONDING"});
  ASSERT_THAT(down, SizeIs(1)) << "one that does not answer just now is not down yet";
  EXPECT_EQ(std::get<NodeLost>(down[0]).node, "n1");
  EXPECT_EQ(std::get<NodeSeen>(look({"IDLE"}, {"IDLE"}).at(0)).spec.name, "n1");
}

TEST_F(View, ASlurmctldThatHasJustStartedKnowsNothing) {
  look({"IDLE"}, {"IDLE"});
  EXPECT_THAT(look({"UNKNOWN"}, {"UNKNOWN"}), IsEmpty());
}

TEST_F(View, DrainsComeAndGoAndOursStay) {
  look({"IDLE"}, {"IDLE"});
  const auto drained = look({"IDLE", "DRAIN"}, {"IDLE"});
  EXPECT_EQ(std::get<DrainNode>(drained.at(0)).reason, "why");
  EXPECT_THAT(look({"IDLE", "DRAIN"}, {"IDLE"}), IsEmpty()) << "asked once";
  view.decided({"n1", NodePhase::kDraining, "why", kBySlurm});
  view.decided({"n2", NodePhase::kDraining, "mine", "ada"});
  const auto resumed = look({"IDLE"}, {"IDLE"});
  ASSERT_THAT(resumed, SizeIs(1)) << "and n2 is ada's";
  EXPECT_EQ(std::get<ResumeNode>(resumed[0]).node, "n1");
}

TEST_F(View, ADrainMadeHereIsCarriedThereAndNobodyElsesIsTouched) {
  view.sign_drains("1a2b3c4d");
  const std::string reason = "Millwright 1a2b3c4d: draining by ada, fan '3'";
  look({"IDLE"}, {"IDLE"});
  EXPECT_THAT(view.orders(), IsEmpty());
  view.decided({"n1", NodePhase::kDraining, "fan \"3\"", "ada"});
  const auto orders = view.orders();
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_TRUE(orders[0].drain);
  EXPECT_EQ(orders[0].reason, reason);

  const auto look_with = [&](std::vector<std::string> states, const std::string& why) {
    std::vector<InputBody> said;
    SlurmNode drained = node("n1", std::move(states));
    drained.reason = why;
    view.take({drained, node("n2", {"IDLE"})},
              [&](InputBody body) { said.push_back(std::move(body)); });
    return said;
  };
  EXPECT_THAT(look_with({"IDLE", "DRAIN"}, reason), IsEmpty()) << "it is ours";
  EXPECT_THAT(view.orders(), IsEmpty());
  view.decided({"n1", NodePhase::kReady, "", "ada"});
  EXPECT_THAT(look_with({"IDLE", "DRAIN"}, reason), IsEmpty());
  ASSERT_THAT(view.orders(), SizeIs(1));
  EXPECT_FALSE(view.orders()[0].drain) << "it ends with ours";

  // Resumed there, it is resumed here, and not drained again.
  view.decided({"n1", NodePhase::kDraining, "fan \"3\"", "ada"});
  EXPECT_THAT(look_with({"IDLE", "DRAIN"}, reason), IsEmpty());
  const auto resumed = look_with({"IDLE"}, "");
  ASSERT_THAT(resumed, SizeIs(1));
  EXPECT_EQ(std::get<ResumeNode>(resumed[0]).by, kBySlurm);
  EXPECT_THAT(view.orders(), IsEmpty());

  // What faults or their remedies took out does not come back by itself.
  for (const NodeDecision& decision :
       {NodeDecision{"n1", NodePhase::kQuarantined, "", "ada"},
        NodeDecision{"n1", NodePhase::kValidating, "", "ada"},
        NodeDecision{"n1", NodePhase::kDraining, "", "the fault policy"}}) {
    view.decided(decision);
    look_with({"IDLE"}, "");
    ASSERT_THAT(view.orders(), SizeIs(1));
    look_with({"IDLE", "DRAIN"}, view.orders()[0].reason);
    EXPECT_THAT(view.orders(), IsEmpty());
    EXPECT_THAT(look_with({"IDLE"}, ""), IsEmpty());
    ASSERT_THAT(view.orders(), SizeIs(1));
    EXPECT_TRUE(view.orders()[0].drain);
  }

  // Somebody else's stays, whatever is decided here.
  view.decided({"n1", NodePhase::kReady, "", ""});
  look_with({"IDLE", "DRAIN"}, "theirs");
  view.decided({"n1", NodePhase::kDraining, "theirs", kBySlurm});
  view.decided({"n1", NodePhase::kQuarantined, "ours, too", "ada"});
  look_with({"IDLE", "DRAIN"}, "theirs");
  EXPECT_THAT(view.orders(), IsEmpty());
  look_with({"IDLE"}, "");
  EXPECT_THAT(view.orders(), SizeIs(1)) << "theirs is over, ours is not";
}

TEST(Reboots, AreAskedForOnceAndAreOverWithAYoungerBoot) {
  const std::string mark = "Millwright aa: reboot 17";
  SlurmNode node{"n1", "", {}, 64, 1, 1000, {"IDLE"}, "Millwright aa: repairing"};
  EXPECT_EQ(reboot_step(node, mark, false), RebootStep::kDrainFirst);
  EXPECT_EQ(reboot_step(node, mark, true), RebootStep::kAsk);
  node.reason = mark + "0, of another remedy";
  EXPECT_EQ(reboot_step(node, mark, true), RebootStep::kAsk);
  node.reason = mark + ", nvidia.xid.79";
  node.reason_s = 1000;
  node.booted_s = 900;
  node.states = {"IDLE", "DRAIN", "REBOOT_REQUESTED"};
  EXPECT_EQ(reboot_step(node, mark, true), RebootStep::kWait);
  node.reason += " : reboot issued";
  for (const char* state : {"REBOOT_ISSUED", "REBOOT", "NOT_RESPONDING", "DOWN"}) {
    node.states = {"IDLE", "DRAIN", state};
    node.booted_s = 1001;
    EXPECT_EQ(reboot_step(node, mark, true), RebootStep::kWait) << state;
  }
  node.states = {"IDLE", "DRAIN"};
  node.booted_s = 900;
  EXPECT_EQ(reboot_step(node, mark, true), RebootStep::kWait) << "it is the boot of before";
  node.booted_s = 1001;
  EXPECT_EQ(reboot_step(node, mark, true), RebootStep::kDone);
}

TEST_F(View, TheReasonOfARebootIsNotWrittenOver) {
  view.sign_drains("aa");
  look({"IDLE"}, {"IDLE"});
  view.decided({"n1", NodePhase::kRepairing, "xid 79", "the fault policy"});
  ASSERT_THAT(view.orders(), SizeIs(1));
  const std::string drained = view.orders()[0].reason;
  const auto look_with = [&](const std::string& why) {
    SlurmNode node = this->node("n1", {"IDLE", "DRAIN"});
    node.reason = why;
    view.take({node, this->node("n2", {"IDLE"})}, [](const InputBody&) {});
  };
  look_with(drained);
  EXPECT_TRUE(view.is_drained_by_us("n1"));
  look_with(view.reboot_mark(Epoch(17)) + ", nvidia.xid.79 : reboot issued");
  EXPECT_TRUE(view.is_drained_by_us("n1"));
  EXPECT_THAT(view.orders(), IsEmpty());
  view.decided({"n1", NodePhase::kValidating, "after reboot", "the remedy"});
  ASSERT_THAT(view.orders(), SizeIs(1)) << "it is over: the reason is what is done now";
  EXPECT_TRUE(view.orders()[0].drain);
  view.decided({"n1", NodePhase::kReady, "", "the remedy"});
  ASSERT_THAT(view.orders(), SizeIs(1));
  EXPECT_FALSE(view.orders()[0].drain);
}

TEST_F(View, WhatOthersUseIsToldWhenItChanges) {
  look({"IDLE"}, {"IDLE"});
  std::vector<InputBody> said;
  const auto use = [&](std::vector<SlurmJob> jobs) {
    said.clear();
    view.take_use(
        jobs, [](const SlurmJob& job) { return job.comment == "ours"; },
        [&](InputBody body) { said.push_back(std::move(body)); });
  };
  SlurmJob job;
  job.state = "RUNNING";
  job.allocations = {{"n1", 0, 4, 500, {{"h100", 2}}}};
  use({job, job});
  ASSERT_THAT(said, SizeIs(2)) << "the first time of both, for nobody knows what was before";
  EXPECT_EQ(std::get<NodeUseReported>(said[0]).use,
            (OthersUse{4, CpuShare(8000), Bytes(std::int64_t{1000} << 20)}));
  use({job, job});
  EXPECT_THAT(said, IsEmpty());
  SlurmJob ours = job;
  ours.comment = "ours";
  SlurmJob waits = job;
  waits.state = "PENDING";
  use({ours, waits});
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_EQ(std::get<NodeUseReported>(said[0]).use, OthersUse());
}

TEST_F(View, WhoIsResumedThereWhileNobodyLookedIsResumedHere) {
  view.sign_drains("1a2b3c4d");
  view.remember({{"n1", "Millwright 1a2b3c4d: draining by ada, fan"},
                 {"n2", "Millwright 1a2b3c4d: quarantined by ada, fan"}});
  view.decided({"n1", NodePhase::kDraining, "fan", "ada"});
  view.decided({"n2", NodePhase::kQuarantined, "fan", "ada"});
  const auto said = look({"IDLE"}, {"IDLE"});
  const auto resumed = std::ranges::count_if(said, [](const InputBody& body) {
    const auto* resume = std::get_if<ResumeNode>(&body);
    return resume != nullptr && resume->node == "n1";
  });
  EXPECT_EQ(resumed, 1);
  EXPECT_THAT(said, SizeIs(3)) << "both nodes, and that";
  ASSERT_THAT(view.orders(), SizeIs(1)) << "who is quarantined is drained there again";
  EXPECT_EQ(view.orders()[0].node, "n2");
  EXPECT_EQ(view.carried().count("n2"), 0U);
}

TEST_F(View, ADrainThatSlurmHasNotHadYetIsCarriedThereWhateverWasBefore) {
  view.sign_drains("1a2b3c4d");
  view.remember({{"n1", "Millwright 1a2b3c4d: draining by ada, fan"}});
  view.decided({"n1", NodePhase::kDraining, "another fan", "ada"});
  EXPECT_THAT(look({"IDLE"}, {"IDLE"}), SizeIs(2));
  ASSERT_THAT(view.orders(), SizeIs(1));
  EXPECT_EQ(view.orders()[0].node, "n1");
}

TEST_F(View, AMissingPartitionIsNamedWithThoseThereAre) {
  ClusterView other("slurm", {"gpu"}, {});
  const auto taken = other.take({{"main", {"n1"}, true, true, {}, {}}});
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.error().message, HasSubstr("has no partition gpu; it has main"));
  EXPECT_NE(view.partition_for({"n1", "n2"}), nullptr);
  EXPECT_EQ(view.partition_for({"n1", "x"}), nullptr);
}

}  // namespace
}  // namespace mw::slurm
