// The simulated world against arithmetic that can be done by hand, and the laws of every run: the
// same seed gives the same run, nothing is started twice, everything comes to rest.
#include "twin/simulation.h"

#include <gmock/gmock.h>

#include "codec/json.h"
#include "core/invariants.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using testing::ListedJobs;
using testing::one_hour_job;
using testing::small_fleet;

SimulationOptions options(std::uint32_t nodes) {
  SimulationOptions result;
  result.fleet = small_fleet(nodes);
  return result;
}

NodeFault down(std::int64_t at_s, std::uint32_t node, Duration repair) {
  NodeFault fault;
  fault.at = Instant() + seconds(at_s);
  fault.nodes = {NodeId(node)};
  fault.repair = repair;
  return fault;
}

/// When the only job of a run ended, in nanoseconds.
std::int64_t end_of(ListedJobs jobs, FaultSource* faults = nullptr, std::uint32_t nodes = 2) {
  SimulationOptions given = options(nodes);
  std::vector<JobRow> rows;
  given.job_row = [&](const JobRow& row) { rows.push_back(row); };
  Simulation simulation(std::move(given), jobs, faults);
  EXPECT_TRUE(simulation.run().ok());
  EXPECT_EQ(rows.size(), 1U);
  EXPECT_THAT(broken_invariants(simulation.state()), ::testing::IsEmpty());
  if (rows.size() != 1U) return 0;
  EXPECT_EQ(rows.front().state, "succeeded");
  return rows.front().ended.value_or(Instant()).count();
}

constexpr std::int64_t kBegin = 10;           // s, submitted
constexpr std::int64_t kStart = kBegin + 65;  // launched and started up

TEST(Simulation, AJobTakesItsStartAndItsWork) {
  EXPECT_EQ(end_of(ListedJobs({one_hour_job(kBegin)})), seconds(kStart + 3600).count());
}

TEST(Simulation, CheckpointsCostTime) {
  WorkloadJob job = one_hour_job(kBegin);
  job.truth.checkpoint_interval = minutes(10);
  job.truth.checkpoint_cost = seconds(6);
  // After 10, 20, .. 50 minutes; not at the end.
  EXPECT_EQ(end_of(ListedJobs({job})), seconds(kStart + 3600 + 5 * 6).count());
}

TEST(Simulation, AFailedNodeCostsWhatWasNotSaved) {
  WorkloadJob job = one_hour_job(kBegin);
  job.truth.checkpoint_interval = minutes(10);
  // 25 minutes into its work its node goes down: it has saved 20 minutes.
  ListedFaults faults({down(kStart + 25 * 60, 0, hours(8))});
  const Physics physics;
  const std::int64_t noticed = kStart + 25 * 60 + physics.detection.count() / 1'000'000'000;
  // The other node is free, so it starts again at once, and has 40 minutes to do.
  EXPECT_EQ(end_of(ListedJobs({job}), &faults), seconds(noticed + 65 + 40 * 60).count());
}

TEST(Simulation, ASlowNodeSlowsItsJobForAsLongAsItIsSlow) {
  NodeFault slow = down(kStart + 1200, 0, minutes(30));
  slow.effect = FaultEffect::kSlow;
  slow.speed_milli = 500;
  ListedFaults faults({slow});
  // 20 minutes, then 30 minutes at half speed, then what is left of the hour: 25 minutes.
  EXPECT_EQ(end_of(ListedJobs({one_hour_job(kBegin)}), &faults, 1),
            seconds(kStart + 1200 + 1800 + 1500).count());
}

TEST(Simulation, ATaskThatFailsStartsTheJobAgain) {
  NodeFault fault = down(kStart + 600, 0, Duration());
  fault.effect = FaultEffect::kTask;
  ListedFaults faults({fault});
  // The restart waits its second; nothing was saved.
  EXPECT_EQ(end_of(ListedJobs({one_hour_job(kBegin)}), &faults, 1),
            seconds(kStart + 600 + 1 + 65 + 3600).count());
}

TEST(Simulation, SlowerAcceleratorsTakeLonger) {
  WorkloadJob job = one_hour_job(kBegin);
  job.spec.gang.types = {{"h100-sxm", 500}};
  EXPECT_EQ(end_of(ListedJobs({job})), seconds(kStart + 7200).count());
}

/// Random jobs and faults, with messages that are lost, doubled and late.
RunReport rough_run(std::uint64_t seed, const MessageFaults& messages,
                    std::string* state = nullptr) {
  SimulationOptions given = options(12);
  given.seed = seed;
  given.messages = messages;
  auto jobs = testing::random_jobs(seed, 60);
  auto faults = testing::random_faults(seed, 12, 15);
  Simulation simulation(std::move(given), jobs, &faults);
  EXPECT_TRUE(simulation.run().ok());
  EXPECT_EQ(simulation.world().doubled_starts(), 0U) << "seed " << seed;
  EXPECT_EQ(simulation.world().attempts(), 0U) << "seed " << seed;
  EXPECT_THAT(broken_invariants(simulation.state()), ::testing::IsEmpty()) << "seed " << seed;
  RunReport report = simulation.report();
  EXPECT_EQ(report.jobs.waiting, 0U) << "seed " << seed;
  EXPECT_EQ(report.jobs.running, 0U) << "seed " << seed;
  EXPECT_EQ(
      report.jobs.succeeded + report.jobs.failed + report.jobs.cancelled + report.jobs.timed_out,
      report.jobs.submitted)
      << "seed " << seed;
  if (state != nullptr) append_json(*state, simulation.state().jobs.size());
  report.speed = RunSpeed();
  return report;
}

std::string as_text(const RunReport& report) {
  std::string text;
  append_json(text, report);
  return text;
}

TEST(Simulation, EverythingComesToRest) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    rough_run(seed, {});
    rough_run(seed, {20, 20, seconds(20)});
  }
}

TEST(Simulation, TheSameSeedIsTheSameRun) {
  const MessageFaults messages{10, 10, seconds(5)};
  EXPECT_EQ(as_text(rough_run(7, messages)), as_text(rough_run(7, messages)));
  EXPECT_NE(as_text(rough_run(7, messages)), as_text(rough_run(8, messages)));
}

TEST(Simulation, TheLedgerOfTheReportIsAllOfTheFleet) {
  const RunReport report = rough_run(3, {});
  double percent = 0;
  for (const LedgerLine& line : report.ledger) percent += line.percent;
  EXPECT_NEAR(percent, 100, 1e-9);
  for (std::size_t i = 0; i < report.time_h.size(); ++i) {
    double sum = 0;
    for (const Series& series : report.ledger_series) sum += series.values.at(i);
    EXPECT_NEAR(sum, static_cast<double>(report.setup.accelerators), 1e-6);
  }
}

}  // namespace
}  // namespace mw
