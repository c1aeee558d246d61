// Incidents told from events: one of a node from its fault until its jobs run again, one of a job
// where no node is to blame, and what of it is the same after a restart.
#include "core/incidents.h"

#include <gmock/gmock.h>

#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::CheckedCore;

FaultPolicy policy() {
  FaultPolicy policy;
  const auto rule = [&](const char* code, FaultAction action) {
    FaultRule one;
    one.code = code;
    one.steps = {{action}};
    policy.rules.push_back(std::move(one));
  };
  rule("a.ignore", FaultAction::kIgnore);
  rule("a.reboot", FaultAction::kReboot);
  rule("a.restart", FaultAction::kRestartJob);
  policy.hooks.push_back({FaultAction::kReboot, {"/do"}, minutes(5)});
  return policy;
}

/// Two nodes, one job of one of them, and incidents kept up with all events.
class IncidentsTest : public ::testing::Test {
 protected:
  IncidentsTest() {
    step({NodeSeen{testing::node_spec("n0", 2)}, NodeSeen{testing::node_spec("n1", 2)},
          SetFaultPolicy{policy(), "test"}});
    JobSpec spec = testing::job_spec(1, 2000);
    spec.restart.limit = 5;
    spec.restart.delay = Duration(0);
    step({SubmitJob{spec, ""}});
    started();
  }

  void step(std::vector<InputBody> bodies, std::int64_t after_s = 10) {
    now_ = now_ + seconds(after_s);
    std::vector<Input> inputs;
    for (InputBody& body : bodies) inputs.push_back({RequestId(), std::move(body)});
    for (const Event& event : core_.step(now_, std::move(inputs))) {
      seq_ = seq_.next();
      events_.push_back(event);
      incidents_.note(seq_, event);
    }
  }
  const Attempt& attempt() { return core_.state().attempts.at(JobId(1)); }
  void started() { step({AttemptStarted{JobId(1), attempt().epoch}}); }
  /// Of what it was told to stop nothing is left.
  void let_go() { step({AttemptExited{JobId(1), attempt().epoch, {}}}, 5); }
  std::string node() { return core_.state().topology->name(attempt().placement[0].node); }
  FaultReport fault(const char* code) {
    FaultReport report;
    report.source = "agent";
    report.at = now_;  // before it is told
    report.code = code;
    report.place = node();
    return report;
  }
  const Incident& only() {
    EXPECT_EQ(incidents_.all().size(), 1U);
    return incidents_.all().begin()->second;
  }

  CheckedCore core_;
  Instant now_;
  EventSeq seq_;
  std::vector<Event> events_;
  Incidents incidents_;
};

TEST_F(IncidentsTest, OneOfANodeGoesFromItsFaultUntilAllIsBack) {
  const std::string bad = node();
  const Instant happened = now_;
  step({FaultReported{fault("a.reboot")}});  // after 10 s of work that is not saved
  const Instant told = now_;
  EXPECT_EQ(only().code, "a.reboot");
  EXPECT_EQ(only().happened_at, happened);
  EXPECT_EQ(only().begun_at, told);
  EXPECT_EQ(only().action, FaultAction::kReboot);
  EXPECT_EQ(only().acted_at, told);
  EXPECT_EQ(incidents_.open(), 1U);
  let_go();
  ASSERT_NE(node(), bad) << "it starts again on the other one";
  started();
  EXPECT_EQ(incidents_.open(), 1U) << "the node is not back";
  const auto id = *core_.state().topology->find(bad);
  step({RemedyReported{bad, core_.state().health.remedies.at(id).id, true, "done"}});
  EXPECT_EQ(incidents_.open(), 0U);
  const Incident& incident = only();
  EXPECT_EQ(incident.back_at, now_);
  EXPECT_EQ(incident.ended_at, now_);
  ASSERT_EQ(incident.jobs.size(), 1U);
  EXPECT_EQ(incident.jobs[0].cause, EndCause::kFaulty);
  EXPECT_EQ(incident.jobs[0].lost_work, kWholeAccelerator * 2 * seconds(15));
  EXPECT_EQ(incident.lost_work, incident.jobs[0].lost_work);
  EXPECT_EQ(incident.jobs[0].running_at, told + seconds(15));
  // Every event of it is there, in order, and begins with the fault.
  ASSERT_FALSE(incident.events.empty());
  EXPECT_TRUE(std::is_sorted(incident.events.begin(), incident.events.end()));
  const auto event_at = [&](EventSeq seq) { return events_.at(seq.value() - 1); };
  EXPECT_TRUE(std::holds_alternative<FaultNoted>(event_at(incident.events.front()).body));
  EXPECT_TRUE(std::holds_alternative<NodeMoved>(event_at(incident.events.back()).body));
}

TEST_F(IncidentsTest, OneOfAPlaceWaitsForAPersonUntilAllOfItIsDone) {
  FaultPolicy strict = policy();
  strict.breakers = {{BreakerLevel::kSite, 0, 1, hours(1)}};
  FaultRule whole;
  whole.code = "a.site";
  whole.steps = {{FaultAction::kQuarantine}};
  strict.rules.push_back(whole);
  step({SetFaultPolicy{strict, "test"}});
  FaultReport report = fault("a.site");
  report.scope = FaultReach::kSite;
  report.place = "here";
  step({FaultReported{report}});
  const auto of_place = [&]() -> const Incident& {
    for (const auto& [id, each] : incidents_.all()) {
      if (!each.place.empty()) return each;
    }
    ADD_FAILURE() << "there is none";
    return incidents_.all().begin()->second;
  };
  EXPECT_EQ(of_place().place, "here");
  EXPECT_EQ(of_place().code, "a.site");
  EXPECT_TRUE(of_place().withheld);
  EXPECT_FALSE(of_place().ended_at);
  step({ResetBreaker{BreakerLevel::kSite, "here", "ada"}});
  step({});
  EXPECT_FALSE(of_place().withheld);
  EXPECT_EQ(of_place().action, FaultAction::kQuarantine);
  EXPECT_TRUE(of_place().ended_at) << "what is left is each node's own";
}

TEST_F(IncidentsTest, WhatIsIgnoredOrWantedIsNone) {
  step({FaultReported{fault("a.ignore")}});
  step({DrainNode{node(), "why", "somebody", DrainMode::kForce, std::nullopt}});
  let_go();
  started();
  EXPECT_TRUE(incidents_.all().empty());
}

TEST_F(IncidentsTest, ARestartIsOverWhenTheJobRunsAgain) {
  step({FaultReported{fault("a.restart")}});
  EXPECT_EQ(only().jobs_hit, 1U);
  let_go();
  EXPECT_EQ(incidents_.open(), 1U);
  started();
  step({});
  EXPECT_EQ(incidents_.open(), 0U);
}

TEST_F(IncidentsTest, OneOfAJobIsCalledAsTheFaultForWhichItWasStopped) {
  FaultReport report = fault("a.restart");
  report.place.clear();
  report.scope = FaultReach::kJob;
  report.job = JobId(1);
  report.attempt = AttemptNumber(1);
  step({FaultReported{report}});
  let_go();
  started();
  EXPECT_EQ(only().code, "a.restart");
  EXPECT_EQ(only().action, FaultAction::kRestartJob);
  EXPECT_EQ(only().happened_at, report.at);
  const auto& first = events_.at(only().events.front().value() - 1).body;
  EXPECT_TRUE(std::holds_alternative<FaultNoted>(first)) << "its story begins with what was told";
  EXPECT_TRUE(only().ended_at);
}

TEST_F(IncidentsTest, AJobThatFailsAgainAndAgainIsOneOfItsOwn) {
  for (int i = 0; i < 3; ++i) {
    TaskExit exit;
    exit.exit_code = 1;
    step({TaskExited{JobId(1), attempt().epoch, Rank(0), exit}});
  }
  EXPECT_EQ(only().code, "task_failed");
  EXPECT_EQ(only().job, JobId(1));
  EXPECT_EQ(only().jobs_hit, 3U);
  EXPECT_FALSE(only().ended_at);
  started();
  step({});
  EXPECT_TRUE(only().ended_at);
}

TEST_F(IncidentsTest, ANodeThatIsLostIsBackWhenItIsSeen) {
  const std::string bad = node();
  step({NodeLost{bad}});
  EXPECT_EQ(only().code, "engine.node_lost");
  started();
  EXPECT_EQ(incidents_.open(), 1U);
  step({NodeSeen{testing::node_spec(bad, 2)}});
  EXPECT_EQ(incidents_.open(), 0U);
  EXPECT_EQ(only().jobs_hit, 1U);
}

TEST_F(IncidentsTest, NoMoreAreKeptThanAreToBe) {
  for (std::size_t i = 0; i < kIncidentsRemembered + 5; ++i) {
    step({FaultReported{fault("a.restart")}});
    let_go();
    started();
    step({FaultCleared{fault("a.restart"), "test"}});
  }
  EXPECT_EQ(incidents_.all().size(), kIncidentsRemembered);
  EXPECT_EQ(incidents_.count(), kIncidentsRemembered + 5);
}

}  // namespace
}  // namespace mw
