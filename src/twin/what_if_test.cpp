// What a change would do, where the answer is known; and changes that cannot be made.
#include "twin/what_if.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/core.h"
#include "core/invariants.h"
#include "twin/start_forecast.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::one_hour_job;
using testing::small_fleet;

constexpr Instant kNow = Instant() + hours(100);

/// Nodes of eight; a job on each, started one minute after the other, and some that wait.
Core busy_fleet(std::uint32_t nodes, int waiting) {
  Core core;
  core.step(kNow - hours(1),
            std::vector<Input>{{RequestId(), DeclareFleet{small_fleet(nodes), ""}}});
  for (std::uint32_t i = 0; i < nodes; ++i) {
    const Instant at = kNow - minutes(30) + minutes(static_cast<std::int64_t>(i));
    core.step(at, std::vector<Input>{{RequestId(), SubmitJob{one_hour_job(0).spec, ""}}});
    core.step(at, std::vector<Input>{{RequestId(), AttemptStarted{JobId(i + 1), Epoch(i + 1)}}});
  }
  for (int i = 0; i < waiting; ++i)
    core.step(kNow, std::vector<Input>{{RequestId(), SubmitJob{one_hour_job(0).spec, ""}}});
  return core;
}

Present present_of(const Core& core) {
  RunTimes known;
  for (int i = 40; i < 80; ++i) known.learn(one_hour_job(0).spec, minutes(i));
  return {core.state(), known};
}

const WhatIfFigure& figure(const WhatIfReport& report, const std::string& name) {
  for (const WhatIfFigure& each : report.figures) {
    if (each.name == name) return each;
  }
  ADD_FAILURE() << "no figure " << name;
  return report.figures.front();
}

ForecastOptions few_futures() {
  ForecastOptions options;
  options.futures = 10;
  options.horizon = hours(24);
  return options;
}

TEST(WhatIf, NothingChangedMakesNoDifference) {
  const Core core = busy_fleet(2, 6);
  const auto report = what_if(present_of(core), {}, few_futures());
  ASSERT_TRUE(report.ok());
  for (const WhatIfFigure& each : report->figures) {
    EXPECT_EQ(each.difference_mean, 0) << each.name;
    EXPECT_FALSE(each.beyond_spread) << each.name;
  }
  EXPECT_TRUE(report->moved.empty());
}

TEST(WhatIf, ADrainMakesOthersWaitLonger) {
  const Core core = busy_fleet(2, 6);
  WhatIfChange change;
  change.inputs = {DrainNode{core.state().topology->name(NodeId(0)), "", ""}};
  const auto report = what_if(present_of(core), change, few_futures());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->futures, 10U);
  const WhatIfFigure& wait = figure(*report, "wait_mean_s");
  EXPECT_GT(wait.changed_mean, wait.base_mean * 1.5);
  EXPECT_TRUE(wait.beyond_spread);
  // By the horizon the same work is done.
  EXPECT_NEAR(figure(*report, "utilisation_percent").difference_mean, 0, 1e-6);
  EXPECT_EQ(figure(*report, "jobs_started").base_mean, 6);
  EXPECT_EQ(figure(*report, "jobs_started").changed_mean, 6);
  ASSERT_FALSE(report->moved.empty());
  EXPECT_EQ(report->moved.front().job, JobId(8));  // the last in line moves the farthest
  EXPECT_GT(report->moved.front().later, hours(1));
}

TEST(WhatIf, NodesThatJoinComeWithTheirPlacesAndKeepEveryInvariant) {
  const Core core = busy_fleet(2, 6);
  FleetSpec more = small_fleet(4);
  more.sites[0].name = "there";
  const auto grown = with_fleet(core.state(), more);
  ASSERT_TRUE(grown.ok()) << grown.error().message;
  EXPECT_EQ(grown->nodes.size(), 6U);
  EXPECT_THAT(broken_invariants(*grown), ElementsAre());
  EXPECT_EQ(grown->topology->shape(NodeId(5)).idle, more.shapes[0].idle);

  WhatIfChange change;
  change.add = more;
  const auto report = what_if(present_of(core), change, few_futures());
  ASSERT_TRUE(report.ok());
  EXPECT_LT(figure(*report, "wait_mean_s").changed_mean,
            figure(*report, "wait_mean_s").base_mean / 2);
}

TEST(WhatIf, NodesJoinOneByOneWhereSomeDescribedThemselves) {
  Core core = busy_fleet(1, 1);
  NodeSpec stray;
  stray.name = "stray";
  stray.site = "here";
  stray.accelerator_type = "h100-sxm";
  stray.accelerators = 8;
  core.step(kNow, std::vector<Input>{{RequestId(), NodeSeen{stray}}});
  FleetSpec more = small_fleet(2);
  more.sites[0].name = "there";
  const auto grown = with_fleet(core.state(), more);
  ASSERT_TRUE(grown.ok()) << grown.error().message;
  EXPECT_EQ(grown->nodes.size(), 4U);
  EXPECT_THAT(broken_invariants(*grown), ElementsAre());
}

TEST(WhatIf, ClashingNamesAreRefused) {
  const Core core = busy_fleet(2, 0);
  const auto grown = with_fleet(core.state(), small_fleet(2));
  ASSERT_FALSE(grown.ok());
  EXPECT_EQ(grown.error().code, ErrorCode::kConflict);
  EXPECT_THAT(grown.error().message, HasSubstr("site \"here\""));
}

// A node idles at 2 kW and may draw 6.08 kW more: 8 accelerators of 1 kW at 76 %.
TEST(WhatIf, CurtailmentDrainsWhatLosesLeastUntilItFits) {
  const Core core = busy_fleet(4, 0);
  std::vector<std::string> notes;
  const auto inputs = curtail(core.state(), {"here", Watts(21'000'000)}, notes);
  ASSERT_TRUE(inputs.ok()) << inputs.error().message;
  // 4 x 2 kW and two nodes at work are 20.16 kW; a third would be 26.24 kW.
  ASSERT_EQ(inputs->size(), 4U);
  // Nodes 3 and 2 have the jobs that began last.
  const auto* first = std::get_if<DrainNode>(&(*inputs)[0]);
  const auto* requeue = std::get_if<RequeueJob>(&(*inputs)[1]);
  ASSERT_TRUE(first != nullptr && requeue != nullptr);
  EXPECT_EQ(first->node,
            core.state().topology->name(core.state().attempts.at(JobId(4)).placement.front().node));
  EXPECT_EQ(requeue->job, JobId(4));
  EXPECT_THAT(notes, ElementsAre(HasSubstr("2 of the 4 nodes of here are drained and 2 jobs")));

  EXPECT_TRUE(curtail(core.state(), {"here", Watts(33'000'000)}, notes)->empty());
  EXPECT_THAT(curtail(core.state(), {"here", Watts(7'000'000)}, notes).error().message,
              HasSubstr("0.008 MW when nothing runs"));
  EXPECT_EQ(curtail(core.state(), {"away", Watts(1)}, notes).error().code, ErrorCode::kNotFound);

  WhatIfChange change;
  change.curtail = Curtailment{"here", Watts(21'000'000)};
  const auto report = what_if(present_of(core), change, few_futures());
  ASSERT_TRUE(report.ok());
  EXPECT_GT(figure(*report, "lost_accelerator_hours").difference_mean, 0);
}

TEST(WhatIf, WhatCannotBeDoneIsRefusedAsItWouldBe) {
  const Core core = busy_fleet(1, 0);
  WhatIfChange change;
  change.inputs = {DrainNode{"nowhere", "", ""}};
  const auto report = what_if(present_of(core), change, few_futures());
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("nowhere"));
}

TEST(StartForecast, OnlyChangesThatHelpAreTold) {
  // Two nodes, one busy: a gang of both waits, half of it would start at once.
  Core core;
  core.step(kNow - hours(1), std::vector<Input>{{RequestId(), DeclareFleet{small_fleet(2), ""}}});
  core.step(kNow - minutes(30),
            std::vector<Input>{{RequestId(), SubmitJob{one_hour_job(0).spec, ""}}});
  core.step(kNow - minutes(30),
            std::vector<Input>{{RequestId(), AttemptStarted{JobId(1), Epoch(1)}}});
  JobSpec wide = one_hour_job(0).spec;
  wide.gang.tasks = 2;
  wide.gang.task.accelerator_type = "h100-sxm";
  core.step(kNow, std::vector<Input>{{RequestId(), SubmitJob{wide, ""}}});
  const auto forecast = forecast_start(present_of(core), JobId(2), few_futures());
  ASSERT_TRUE(forecast.ok());
  EXPECT_EQ(forecast->starts.at.size(), 10U);
  ASSERT_EQ(forecast->sooner.size(), 1U);
  EXPECT_EQ(forecast->sooner[0].key, "tasks");
  EXPECT_EQ(forecast->sooner[0].starts.quantile(1), kNow);
  EXPECT_GE(forecast->sooner[0].sooner, minutes(10));
}

TEST(StartForecast, ChangesAreWhatTheJobAllows) {
  const Core core = busy_fleet(1, 0);
  const Present present = present_of(core);
  const auto keys = [&](const JobSpec& spec) {
    std::vector<std::string> found;
    for (const SoonerChange& each : changes_of(present, spec)) found.push_back(each.key);
    return found;
  };
  JobSpec spec = one_hour_job(0).spec;
  EXPECT_THAT(keys(spec), ElementsAre("priority_class"));
  spec.priority_class = "high";
  EXPECT_THAT(keys(spec), ElementsAre());
  spec.time_limit = hours(4);
  EXPECT_THAT(keys(spec), ElementsAre("time_limit"));
  spec.time_limit = hours(1);  // half of it is less than most runs took
  spec.gang.tasks = 4;
  EXPECT_THAT(keys(spec), ElementsAre("tasks"));
  spec.gang.segment = 4;
  EXPECT_THAT(keys(spec), ElementsAre());
  spec.gang.require = FabricLevel::kLeaf;
  spec.gang.types = {{"h100-sxm", 1000}};
  EXPECT_THAT(keys(spec), ElementsAre("resources.accelerator_type", "placement.require"));
}

}  // namespace
}  // namespace mw
