// A node's life: the table itself, and what becomes of work when a node goes out of service.
#include "core/node_lifecycle.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::CheckedCore;
using testing::find;
using ::testing::HasSubstr;
using testing::job_spec;
using testing::node_spec;

Instant at(std::int64_t s) { return Instant() + seconds(s); }

TEST(NodeLifecycle, EveryPhaseCanBeReachedAndLeftAndServiceIsLeftByADrainOnly) {
  std::set<NodePhase> from;
  std::set<NodePhase> to;
  std::set<std::tuple<NodePhase, NodePhase, Mover>> rows;
  for (const NodeTransition& each : node_transitions()) {
    from.insert(each.from);
    to.insert(each.to);
    EXPECT_TRUE(rows.insert({each.from, each.to, each.who}).second) << "a row is there twice";
    EXPECT_FALSE(each.why.empty());
    const bool had_work = !is_empty_phase(each.from);
    if (had_work && is_empty_phase(each.to)) {
      EXPECT_EQ(each.from, NodePhase::kDraining);
      EXPECT_EQ(each.who, Mover::kDrain);
    }
  }
  EXPECT_EQ(from.size(), kNodePhases);
  EXPECT_EQ(to.size(), kNodePhases);
  EXPECT_TRUE(std::is_sorted(node_transitions().begin(), node_transitions().end(),
                             [](const NodeTransition& a, const NodeTransition& b) {
                               return std::tie(a.from, a.to, a.who) < std::tie(b.from, b.to, b.who);
                             }));
}

TEST(NodeLifecycle, TheDocumentShowsTheTable) {
  std::ifstream file(MW_OPERATIONS);
  std::stringstream document;
  document << file.rdbuf();
  EXPECT_THAT(document.str(), HasSubstr("```mermaid\n" + draw_node_lifecycle() + "```\n"));
  EXPECT_THAT(document.str(), HasSubstr(list_node_transitions()));
}

TEST(NodeLifecycle, IsDrawnFromTheTable) {
  const std::string drawing = draw_node_lifecycle();
  EXPECT_THAT(drawing, HasSubstr("ready --> suspect: the fault policy\n"));
  EXPECT_THAT(drawing, HasSubstr("draining --> ready: a person, the fault policy\n"));
  EXPECT_THAT(list_node_transitions(),
              HasSubstr("| validating | quarantined | the remedy | the checks failed |\n"));
}

/// Two nodes of two accelerators, and a job of two tasks on one of them.
struct Scene {
  CheckedCore core;
  explicit Scene(std::uint32_t tasks = 2) {
    core.step(at(0), NodeSeen{node_spec("a", 2)});
    JobSpec spec = job_spec(tasks);
    core.step(at(1), SubmitJob{spec, ""});
    core.step(at(1), AttemptStarted{JobId(1), core.epoch(1)});
    core.step(at(2), NodeSeen{node_spec("b", 2)});
  }
  [[nodiscard]] const Node& node(std::uint32_t id) const { return core.state().nodes.at(id); }
  void all_exit(Instant now, std::uint64_t job, std::uint32_t tasks) {
    for (std::uint32_t i = 0; i < tasks; ++i) {
      if (!core.state().attempts.contains(JobId(job))) return;
      TaskExit exit;
      exit.signal = 15;
      core.step(now, TaskExited{JobId(job), core.epoch(job), Rank(i), exit});
    }
  }
};

TEST(NodeLifecycle, ADrainWaitsForItsJobsAndStays) {
  Scene scene;
  scene.core.step(at(3), DrainNode{"a", "fan", "ada"});
  EXPECT_EQ(scene.node(0).phase, NodePhase::kDraining);
  EXPECT_FALSE(scene.core.state().attempts.at(JobId(1)).stopping);
  scene.core.step(at(4), AttemptExited{JobId(1), scene.core.epoch(1), {}});
  EXPECT_EQ(scene.core.job(1).state, JobState::kSucceeded);
  EXPECT_EQ(scene.node(0).phase, NodePhase::kDraining);
}

TEST(NodeLifecycle, AForcedDrainStartsItsJobsAgainElsewhereAndCountsNoRestart) {
  Scene scene;
  const auto events = scene.core.step(at(3), DrainNode{"a", "fan", "ada", DrainMode::kForce});
  const auto* stopping = find<AttemptStopping>(events);
  ASSERT_NE(stopping, nullptr);
  EXPECT_EQ(stopping->cause, EndCause::kDrained);
  scene.all_exit(at(4), 1, 2);
  const Attempt& again = scene.core.state().attempts.at(JobId(1));
  EXPECT_EQ(again.placement[0].node, NodeId(1));
  EXPECT_EQ(scene.core.job(1).restarts, 0U);
}

TEST(NodeLifecycle, AJobIsAskedToSaveAndLeavesOnceItHas) {
  Scene scene;
  auto events =
      scene.core.step(at(3), DrainNode{"a", "fan", "ada", DrainMode::kCheckpoint, minutes(5)});
  const auto* wanted = find<CheckpointWanted>(events);
  ASSERT_NE(wanted, nullptr);
  EXPECT_EQ(wanted->deadline, at(303));
  EXPECT_EQ(find<AttemptStopping>(events), nullptr);
  // It is told again with each report.
  events = scene.core.step(at(4), ReportProgress{JobId(1), AttemptNumber(1), Rank(0), {}});
  EXPECT_NE(find<CheckpointWanted>(events), nullptr);
  events = scene.core.step(at(5), CheckpointSaved{JobId(1), AttemptNumber(1), {7, "/c"}});
  EXPECT_NE(find<AttemptStopping>(events), nullptr);
  scene.all_exit(at(6), 1, 2);
  EXPECT_EQ(scene.core.state().attempts.at(JobId(1)).resumed_from.step, 7U);
  EXPECT_EQ(scene.core.state().attempts.at(JobId(1)).placement[0].node, NodeId(1));
}

TEST(NodeLifecycle, AtTheDeadlineOfADrainWhatIsLeftIsStopped) {
  for (const DrainMode mode : {DrainMode::kWait, DrainMode::kCheckpoint}) {
    Scene scene;
    scene.core.step(at(3), DrainNode{"a", "fan", "ada", mode, minutes(5)});
    EXPECT_EQ(scene.core.core().next_wakeup(), at(303));
    EXPECT_EQ(find<AttemptStopping>(scene.core.tick(at(302))), nullptr);
    EXPECT_NE(find<AttemptStopping>(scene.core.tick(at(303))), nullptr);
    EXPECT_EQ(scene.node(0).drain->mode, DrainMode::kForce);
    EXPECT_EQ(scene.node(0).phase_by, "ada");
  }
}

TEST(NodeLifecycle, OutOfServiceByWayOfADrain) {
  struct Case {
    NodePhase to;
    bool stops;  ///< its work at once
  };
  for (const Case& each : {Case{NodePhase::kQuarantined, true}, Case{NodePhase::kValidating, false},
                           Case{NodePhase::kRetired, false}}) {
    Scene scene;
    const auto events = scene.core.step(at(3), MoveNode{"a", each.to, "fan", "ada"});
    EXPECT_EQ(scene.node(0).phase, NodePhase::kDraining);
    EXPECT_EQ(find<AttemptStopping>(events) != nullptr, each.stops) << name_of(each.to);
    scene.all_exit(at(4), 1, 2);
    EXPECT_EQ(scene.node(0).phase, each.to);
    EXPECT_EQ(scene.node(0).phase_reason, "fan");
    // A node without work is there at once.
    scene.core.step(at(5), MoveNode{"b", each.to, "", "ada", DrainMode::kForce});
    scene.all_exit(at(6), 1, 2);
    EXPECT_EQ(scene.node(1).phase, each.to);
  }
}

TEST(NodeLifecycle, WhatTheTableDoesNotHaveIsRefusedAndSaysWhy) {
  Scene scene;
  const auto refused = [&](InputBody input) {
    const auto events = scene.core.step(at(10), std::move(input));
    const auto* refusal = find<Refused>(events);
    return refusal == nullptr ? std::string("taken") : std::string(name_of(refusal->refusal.kind));
  };
  EXPECT_EQ(refused(DrainNode{"x", "", ""}), "no_such_node");
  EXPECT_EQ(refused(MoveNode{"x", NodePhase::kRetired, "", ""}), "no_such_node");
  EXPECT_EQ(refused(ResumeNode{"b", ""}), "node_not_draining");
  EXPECT_EQ(refused(MoveNode{"b", NodePhase::kSuspect, "", ""}), "node_cannot_move");
  EXPECT_EQ(refused(MoveNode{"b", NodePhase::kRepairing, "", ""}), "node_cannot_move");
  EXPECT_EQ(refused(MoveNode{"b", NodePhase::kRetired, "", ""}), "taken");
  EXPECT_EQ(refused(MoveNode{"b", NodePhase::kRetired, "", ""}), "node_there_already");
  EXPECT_EQ(refused(ResumeNode{"b", ""}), "node_cannot_move");
  EXPECT_EQ(refused(DrainNode{"b", "", ""}), "node_cannot_move");
  EXPECT_EQ(refused(MoveNode{"b", NodePhase::kProvisioning, "", ""}), "taken");
  EXPECT_EQ(refused(MoveNode{"b", NodePhase::kValidating, "", ""}), "taken");
  EXPECT_EQ(refused(ResumeNode{"b", ""}), "taken");
  // The same drain again changes nothing; another one does.
  EXPECT_EQ(refused(DrainNode{"a", "", ""}), "taken");
  EXPECT_EQ(refused(DrainNode{"a", "", ""}), "node_draining_already");
  EXPECT_EQ(refused(DrainNode{"a", "", "", DrainMode::kForce}), "taken");
}

}  // namespace
}  // namespace mw
