// Spares that are lent until a gang needs them, nodes kept for a gang that go to whoever could have
// had it stopped, and reservations that get what is kept no more.
#include "core/lending.h"

#include <gmock/gmock.h>

#include "core/resilience_test_support.h"

namespace mw {
namespace {

using testing::at;
using testing::find;
using testing::fleet;
using testing::job_spec;
using testing::Scene;

Policy lending(std::uint32_t spares) {
  SpareRule rule;
  rule.count = spares;
  Policy policy = testing::with_spares(rule);
  policy.lend_spares = "best-effort";
  return policy;
}

/// A job of that class over whole nodes; it need not be placed.
JobId submit(Scene& scene, std::uint32_t nodes, const std::string& priority_class) {
  JobSpec spec = job_spec(nodes * 4);
  spec.gang.nodes = nodes;
  spec.priority_class = priority_class;
  spec.restart = {100, seconds(1), seconds(1)};
  spec.grace = seconds(5);
  const JobId id = scene.core.state().next_job;
  scene.core.step(at(scene.now), SubmitJob{spec, ""});
  scene.start(id);
  return id;
}

bool is_spare(const Scene& scene, std::uint32_t node) {
  return scene.core.state().resilience.spares.contains(NodeId(node));
}

void let_go(Scene& scene, JobId job) {
  scene.core.step(at(++scene.now), AttemptGone{job, scene.core.epoch(job.value()), false, ""});
}

TEST(LentSpares, AreUsedByWhatMayBeStoppedAndGivenBackAtOnce) {
  Scene scene(fleet(4, 2, 4), lending(1));
  ASSERT_TRUE(is_spare(scene, 3));
  const JobId gang = submit(scene, 3, "normal");
  const JobId ordinary = submit(scene, 1, "normal");
  EXPECT_TRUE(scene.nodes_of(ordinary).empty()) << "not for jobs that nobody may stop";
  const JobId borrower = submit(scene, 1, "best-effort");
  EXPECT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{3});
  EXPECT_TRUE(is_spare(scene, 3)) << "it stays one";
  const auto before = scene.nodes_of(gang);
  scene.lose(before[1], gang);
  ASSERT_TRUE(scene.core.state().attempts.at(borrower).stopping) << "though it has just begun";
  EXPECT_EQ(*scene.core.state().attempts.at(borrower).stopping, EndCause::kPreempted);
  EXPECT_TRUE(std::holds_alternative<AwaitsVictims>(scene.core.state().blocked.at(gang)));
  let_go(scene, borrower);
  EXPECT_EQ(scene.nodes_of(gang), (std::vector<std::uint32_t>{before[0], 3, before[2]}));
  EXPECT_FALSE(is_spare(scene, 3)) << "now it is the gang's";
  EXPECT_TRUE(scene.nodes_of(borrower).empty());
  // The lost node comes back: it is the next spare, and lent again.
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(before[1])});
  EXPECT_TRUE(is_spare(scene, before[1]));
  scene.core.tick(at(scene.now += 60));
  EXPECT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{before[1]});
}

TEST(LentSpares, NothingIsLentWhileAGangWaits) {
  Scene scene(fleet(4, 2, 4), lending(1));
  const JobId gang = submit(scene, 3, "normal");
  const auto before = scene.nodes_of(gang);
  scene.lose(before[0], gang);  // takes the spare
  scene.start(gang);
  scene.lose(before[1], gang);  // there is none any more
  ASSERT_TRUE(scene.nodes_of(gang).empty());
  const JobId borrower = submit(scene, 1, "best-effort");
  EXPECT_TRUE(scene.nodes_of(borrower).empty());
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(before[0])});
  EXPECT_EQ(scene.nodes_of(gang).size(), 3U) << "the gang goes first";
  scene.core.step(at(++scene.now), NodeSeen{scene.spec_of(before[1])});
  EXPECT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{before[1]});
}

TEST(LentSpares, WhoBorrowsKeepsNothingAndBorrowsAgain) {
  Scene scene(fleet(4, 2, 4), lending(1));
  submit(scene, 3, "normal");
  const JobId borrower = submit(scene, 1, "best-effort");
  ASSERT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{3});
  TaskExit exit;
  exit.exit_code = 1;
  const Epoch epoch = scene.core.epoch(borrower.value());
  scene.core.step(at(++scene.now), TaskExited{borrower, epoch, Rank(0), exit});
  scene.core.step(at(++scene.now), AttemptGone{borrower, epoch, false, ""});
  EXPECT_TRUE(scene.core.state().holds.empty());
  scene.core.tick(at(scene.now += 10));
  EXPECT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{3});
}

TEST(LentSpares, OneThatIsLentToAJobThatWantsItAloneIsNotShared) {
  Scene scene(fleet(4, 2, 4), lending(1));
  JobSpec spec = job_spec(6);
  spec.gang.nodes = 3;
  const JobId gang = scene.core.state().next_job;
  scene.core.step(at(scene.now), SubmitJob{spec, ""});
  scene.start(gang);
  spec = job_spec(1);
  spec.gang.exclusive = true;
  spec.priority_class = "best-effort";
  const JobId borrower = scene.core.state().next_job;
  scene.core.step(at(scene.now), SubmitJob{spec, ""});
  ASSERT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{3});
  scene.lose(scene.nodes_of(gang)[0], gang);  // three accelerators of the spare are free
  ASSERT_TRUE(scene.core.state().attempts.at(borrower).stopping);
  let_go(scene, borrower);
  EXPECT_EQ(scene.nodes_of(gang).size(), 3U);
}

TEST(LentSpares, WithoutTheRuleTheyAreOrdinaryNodesUnderWhatRuns) {
  Scene scene(fleet(4, 2, 4), lending(1));
  submit(scene, 3, "normal");
  const JobId borrower = submit(scene, 1, "best-effort");
  ASSERT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{3});
  Policy policy = lending(1);
  policy.lend_spares.reset();
  scene.core.step(at(++scene.now), SetPolicy{policy, "ada"});
  EXPECT_FALSE(is_spare(scene, 3));
  EXPECT_EQ(scene.nodes_of(borrower), std::vector<std::uint32_t>{3}) << "what runs goes on";
  scene.core.crash();
  scene.core.step(at(++scene.now), ControllerStarted{"test"});
  EXPECT_FALSE(is_spare(scene, 3));
}

// --- nodes that are kept for a gang -------------------------------------------------------------

Policy four_classes() {
  Policy policy;
  policy.classes = {{"low", -10, false, true},
                    {"normal", 0, true, false},
                    {"high", 10, false, true},
                    {"highest", 20, true, false}};
  return policy;
}

TEST(KeptForAGang, GoesToWhoCouldHaveHadItStopped) {
  Scene scene(fleet(4, 2, 4), four_classes());
  const JobId low = submit(scene, 4, "low");
  scene.lose(scene.nodes_of(low)[0], low);
  ASSERT_EQ(scene.core.state().resilience.gaps.size(), 1U);
  const JobId equal = submit(scene, 1, "low");
  EXPECT_TRUE(scene.nodes_of(equal).empty()) << "not to its equals";
  const JobId normal = submit(scene, 2, "normal");
  EXPECT_EQ(scene.nodes_of(normal).size(), 2U);
  EXPECT_TRUE(scene.core.state().resilience.gaps.empty());
  const auto* told = find<CapacityLetGo>(scene.core.journal());
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->job, low);
  EXPECT_EQ(told->taken_by, normal);
}

TEST(KeptForAGang, StaysWithWhoCannotBeStopped) {
  Scene scene(fleet(4, 2, 4), four_classes());
  const JobId gang = submit(scene, 4, "normal");
  scene.lose(scene.nodes_of(gang)[0], gang);
  EXPECT_TRUE(scene.nodes_of(submit(scene, 1, "highest")).empty());
  EXPECT_EQ(scene.core.state().resilience.gaps.size(), 1U);
}

TEST(KeptForAGang, OfSeveralTheLeastGivesWay) {
  Scene scene(fleet(6, 2, 6), four_classes());
  const JobId high = submit(scene, 3, "high");
  const JobId low = submit(scene, 3, "low");
  scene.lose(scene.nodes_of(high)[0], high);
  scene.lose(scene.nodes_of(low)[0], low);
  ASSERT_EQ(scene.core.state().resilience.gaps.size(), 2U);
  const JobId highest = submit(scene, 2, "highest");
  EXPECT_EQ(scene.nodes_of(highest).size(), 2U);
  EXPECT_TRUE(scene.core.state().resilience.gaps.contains(high));
  EXPECT_FALSE(scene.core.state().resilience.gaps.contains(low));
}

TEST(KeptForAGang, GoesTogetherWithWhatRuns) {
  Policy policy = four_classes();
  policy.preemption.runtime_min = Duration();
  Scene scene(fleet(4, 2, 4), policy);
  const JobId gang = submit(scene, 3, "low");
  const JobId runs = submit(scene, 1, "low");
  scene.lose(scene.nodes_of(gang)[0], gang);
  ASSERT_EQ(scene.core.state().resilience.gaps.size(), 1U);
  const JobId normal = submit(scene, 3, "normal");
  ASSERT_TRUE(scene.core.state().attempts.at(runs).stopping);
  EXPECT_TRUE(scene.core.state().resilience.gaps.empty());
  let_go(scene, runs);
  EXPECT_EQ(scene.nodes_of(normal).size(), 3U);
}

// --- reservations -------------------------------------------------------------------------------

TEST(Reservations, GetWhatIsKeptNoMore) {
  Policy policy;
  policy.keep_nodes_for = minutes(5);
  Scene scene(fleet(4, 2, 4), policy);
  ReservationSpec spec;
  spec.name = "demo";
  spec.start = at(36'000);
  spec.duration = hours(1);
  spec.nodes = 1;
  const JobId gang = submit(scene, 3, "normal");
  scene.core.step(at(++scene.now), ReserveNodes{spec, "ada"});
  const auto reserved = [&] { return scene.core.state().reservations.at("demo").nodes; };
  ASSERT_EQ(reserved(), std::vector<NodeId>{NodeId(3)});
  scene.lose(scene.nodes_of(gang)[0], gang);
  scene.core.step(at(++scene.now), NodeLost{scene.name(3)});
  EXPECT_EQ(reserved(), std::vector<NodeId>{NodeId(3)}) << "all others are kept for the gang";
  const Instant until = scene.core.state().resilience.gaps.at(gang).until;
  scene.core.tick(until);
  EXPECT_NE(reserved(), std::vector<NodeId>{NodeId(3)});
  EXPECT_FALSE(scene.core.state().nodes[reserved().front().value()].lost);
}

TEST(Reservations, GetWhatIsInReserveNoMore) {
  SpareRule rule;
  rule.count = 2;
  Scene scene(fleet(4, 2, 4), testing::with_spares(rule));
  submit(scene, 1, "normal");
  ReservationSpec spec;
  spec.name = "demo";
  spec.start = at(36'000);
  spec.duration = hours(1);
  spec.nodes = 1;
  scene.core.step(at(++scene.now), ReserveNodes{spec, "ada"});
  const auto reserved = [&] { return scene.core.state().reservations.at("demo").nodes.front(); };
  scene.core.step(at(++scene.now), NodeLost{scene.name(reserved().value())});
  EXPECT_TRUE(scene.core.state().nodes[reserved().value()].lost) << "there is no other";
  scene.core.step(at(++scene.now), SetPolicy{Policy(), "ada"});
  EXPECT_FALSE(scene.core.state().nodes[reserved().value()].lost);
}

}  // namespace
}  // namespace mw
