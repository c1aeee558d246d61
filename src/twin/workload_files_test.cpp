// Opening workloads by name: shapes of gangs, what a fleet changes, the traces that are shipped,
// services and journals.
#include "twin/workload_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "loop/memory_journal.h"
#include "model/gang.h"
#include "twin/journal_workload.h"
#include "twin/workload_profile.h"

namespace mw {
namespace {

using testing::HasSubstr;

std::string traces(const std::string& file) { return std::string(MW_TRACES) + "/" + file; }

std::string problem_of(const std::string& spec, const WorkloadOptions& options = {}) {
  const auto source = open_workload(spec, options);
  return source.ok() ? "" : source.error().message;
}

FleetSpec small_fleet(std::uint32_t accelerators, const std::string& type) {
  FleetSpec fleet;
  fleet.name = "small";
  fleet.shapes.push_back({.name = "n",
                          .accelerator_type = type,
                          .accelerators = accelerators,
                          .cpus = CpuShare(16'000),
                          .memory = Bytes(std::int64_t{64} << 30),
                          .idle = {},
                          .accelerator = {},
                          .accelerator_memory = {},
                          .export_class = {}});
  BlockSpec block;
  block.name = "b";
  block.shape = "n";
  block.nodes = 4;
  SiteSpec site;
  site.name = "s";
  site.blocks.push_back(block);
  fleet.sites.push_back(site);
  return fleet;
}

TEST(WorkloadShape, GangsAreTasksOfWholeNodesWhereTheyCanBe) {
  struct Row {
    std::int64_t accelerators;  ///< thousandths
    std::uint32_t tasks;
    std::int64_t each;
  };
  for (const Row& row : std::vector<Row>{{0, 1, 0},
                                         {460, 1, 460},
                                         {1000, 1, 1000},
                                         {6000, 1, 6000},
                                         {8000, 1, 8000},
                                         {9000, 9, 1000},
                                         {12000, 3, 4000},
                                         {16000, 2, 8000},
                                         {16'384'000, 2048, 8000}}) {
    const GangShape gang = gang_shape(
        {.accelerators = AcceleratorShare(row.accelerators), .cpus = {}, .memory = {}, .types = {}},
        {});
    EXPECT_EQ(gang.tasks, row.tasks) << row.accelerators;
    EXPECT_EQ(gang.task.accelerators.count(), row.each) << row.accelerators;
  }
}

TEST(WorkloadShape, AFleetSetsNodesAndAmounts) {
  const FleetSpec fleet = small_fleet(4, "t4");
  const ShapeRules rules = shape_rules(fleet);
  EXPECT_EQ(rules.accelerators_per_node, 4U);
  EXPECT_EQ(rules.cpus, CpuShare(4'000));
  EXPECT_EQ(rules.memory, Bytes(std::int64_t{16} << 30));
  EXPECT_EQ(gang_accelerators_max(fleet), 16);
  EXPECT_EQ(gang_accelerators_max(fleet, "h100"), 0);
  const GangShape gang = gang_shape({.accelerators = AcceleratorShare(8000),
                                     .cpus = CpuShare(3001),
                                     .memory = {},
                                     .types = {"a", "b"}},
                                    rules);
  EXPECT_EQ(gang.tasks, 2U);
  EXPECT_EQ(gang.task.cpus, CpuShare(1501));  // shared equally, rounded up
  EXPECT_EQ(gang.types.size(), 2U);
}

TEST(WorkloadFiles, ShippedPhillyMonth) {
  auto source = open_workload(traces("philly/trace_6c71a0_30d.csv"), {});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const WorkloadProfile profile = profile_workload(**source);
  EXPECT_EQ(profile.jobs, 3087);
  EXPECT_EQ(profile.span_hours(), 720);
  EXPECT_EQ(profile.first, Instant(0));
  // Its file adds up to 76,231 GPU hours.
  EXPECT_NEAR(static_cast<double>(profile.time.count()) / (1000.0 * 3600 * 1e9), 76'231, 1);
}

TEST(WorkloadFiles, ShippedOpenbPods) {
  std::vector<std::string> notes;
  WorkloadOptions options;
  options.note = [&](const std::string& note) { notes.push_back(note); };
  const FleetSpec fleet = small_fleet(8, "T4");
  options.fleet = &fleet;
  auto source = open_workload(traces("openb/openb_pod_list_default.csv"), options);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const WorkloadProfile profile = profile_workload(**source);
  EXPECT_EQ(profile.jobs, 8151);
  EXPECT_TRUE(profile.tenants.contains("LS"));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("1 rows tell of no work")));
}

TEST(WorkloadFiles, WhatAFleetDoesNotHaveIsNotAskedOfIt) {
  const std::string path = testing::TempDir() + "mw_workload_types.csv";
  std::ofstream(path) << "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,"
                         "deletion_time\na,90000,1,1,1000,P100,0,9\nb,1,1,64,1000,T4|P100,1,9\n";
  std::vector<std::string> notes;
  WorkloadOptions options;
  options.note = [&](const std::string& note) { notes.push_back(note); };
  const FleetSpec fleet = small_fleet(8, "T4");
  options.fleet = &fleet;
  auto source = open_workload(path, options);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto first = (*source)->next();
  EXPECT_EQ(first->spec.gang.task.accelerator_type, "");
  EXPECT_EQ(first->spec.gang.task.cpus, CpuShare(16'000));
  const auto second = (*source)->next();
  EXPECT_EQ(second->spec.gang.task.accelerator_type, "T4");
  EXPECT_EQ(second->spec.gang.tasks, 4U);  // 32 of the 64 are there
  EXPECT_THAT(notes, testing::Contains(HasSubstr("1 jobs ask for more than the 32")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("1 jobs ask for types")));
  std::remove(path.c_str());
}

TEST(WorkloadFiles, DaysCutATraceAndLimitsAreAsAsked) {
  const std::string path = traces("philly/trace_6c71a0_30d.csv");
  WorkloadOptions options;
  options.days = 10;
  options.limits = TimeLimits::kKnown;
  auto source = open_workload("philly:" + path, options);
  ASSERT_TRUE(source.ok()) << source.error().message;
  std::int64_t jobs = 0;
  while (const auto job = (*source)->next()) {
    ++jobs;
    EXPECT_LT(job->at, Instant(0) + hours(240));
    EXPECT_EQ(job->spec.time_limit, known_limit(job->truth.work));
    EXPECT_EQ(job->spec.name, "philly-" + std::to_string(jobs));
  }
  EXPECT_EQ(jobs, 124);
}

TEST(WorkloadFiles, RequestsBecomeReplicas) {
  // A replica is busy for a second a request.
  ServiceModel model;
  model.accelerators = 2;
  model.parameters = 1;
  model.flops = 1;
  model.prompt_efficiency = 1;  // so a token of a prompt takes 2 x 1 / (2 x 1) = 1 s
  model.busy_max = 0.5;
  std::vector<TraceRequest> requests;
  const auto add = [&](int minute, int count) {
    for (int i = 0; i < count; ++i) requests.push_back({minutes(minute), 1, 0});
  };
  add(0, 30);
  add(1, 61);
  add(2, 90);
  add(4, 31);
  EXPECT_DOUBLE_EQ(replica_seconds(requests[0], model), 1);
  const auto needed = replicas_needed(requests, model);
  EXPECT_THAT(needed, testing::ElementsAre(1, 3, 3, 1, 2));
  const auto jobs = replica_jobs(needed, model);
  std::vector<std::pair<std::int64_t, std::int64_t>> spans;
  for (const TraceJob& job : jobs)
    spans.emplace_back(job.submitted / minutes(1), job.run_time / minutes(1));
  EXPECT_THAT(spans, testing::ElementsAre(std::pair(0, 5), std::pair(1, 2), std::pair(1, 2),
                                          std::pair(4, 1)));
  model.scale = 2;
  EXPECT_THAT(replicas_needed(requests, model), testing::ElementsAre(2, 5, 6, 1, 3));
}

TEST(WorkloadFiles, ShippedRequests) {
  WorkloadOptions options;
  options.service.scale = 100;
  auto source = open_workload(traces("azure_llm/AzureLLMInferenceTrace_conv_20min.csv"), options);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const WorkloadProfile profile = profile_workload(**source);
  EXPECT_GT(profile.jobs, 20);
  EXPECT_EQ(profile.sizes.begin()->first, 8 * kWholeAccelerator);
  EXPECT_EQ(profile.last < Instant(0) + minutes(20), true);
}

TEST(WorkloadFiles, CpusAreAcceleratorsWhereNobodyAsksForOne) {
  const std::string path = testing::TempDir() + "mw_workload.swf";
  std::ofstream(path) << "; c\n1 0 0 60 16 -1 -1 16 -1 -1 1 1 1 -1 1 -1 -1 -1\n";
  auto source = open_workload(path, {});
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_EQ(accelerators_of((*source)->next()->spec), 16 * kWholeAccelerator);
  WorkloadOptions options;
  options.cpus_are_accelerators = false;
  auto cpus = open_workload("swf:" + path, options);
  ASSERT_TRUE(cpus.ok());
  const auto job = (*cpus)->next();
  EXPECT_EQ(accelerators_of(job->spec), AcceleratorShare(0));
  EXPECT_EQ(job->spec.gang.task.cpus, CpuShare(16'000));
  std::remove(path.c_str());
}

TEST(WorkloadFiles, RefusalsSayWhatIsThere) {
  EXPECT_THAT(problem_of("laptop-30"), HasSubstr("did you mean \"laptop-30d\"?"));
  EXPECT_THAT(problem_of("laptop-30d"), HasSubstr("states a load"));
  EXPECT_THAT(problem_of("slurm:x"), HasSubstr("expected one of openb, muri, philly"));
  EXPECT_THAT(problem_of("muri:/nonexistent"), HasSubstr("cannot be opened"));
  EXPECT_THAT(problem_of("muri:" + traces("philly/trace_6c71a0_30d.csv")),
              HasSubstr("no column \"num_gpu\""));
  EXPECT_THAT(problem_of(traces("philly/LICENSE")), HasSubstr("LICENSE:1: not the beginning of"));
  EXPECT_THAT(problem_of("journal:/nonexistent"), HasSubstr("journals cannot be read here"));
  const FleetSpec fleet = small_fleet(4, "t4");
  WorkloadOptions options;
  options.fleet = &fleet;
  options.accelerator_type = "h100";
  EXPECT_THAT(problem_of("laptop-30d", options),
              HasSubstr("the fleet small has no accelerators of type \"h100\"; it has: t4"));
}

TEST(WorkloadFiles, JournalsTellWhatRan) {
  MemoryJournal journal;
  JobSpec spec;
  spec.name = "x";
  spec.array = 2;
  spec.gang.task.accelerators = AcceleratorShare(2000);
  const Instant start(seconds(1'000'000).count());
  const std::vector<Event> events = {
      {start, {}, JobSubmitted{JobId(1), spec, ""}},
      {start + seconds(5), {}, AttemptRunning{JobId(1), AttemptNumber(1)}},
      {start + seconds(10),
       {},
       AttemptEnded{JobId(1), AttemptNumber(1), EndCause::kNodeLost, {}, {}, false, ""}},
      {start + seconds(20), {}, AttemptRunning{JobId(1), AttemptNumber(2)}},
      {start + seconds(50),
       {},
       AttemptEnded{JobId(1), AttemptNumber(2), EndCause::kTaskFailed, {}, {}, false, ""}},
      {start + seconds(50), {}, JobFinished{JobId(1), JobState::kFailed, ""}},
      {start + seconds(60), {}, JobSubmitted{JobId(3), JobSpec(), ""}},
      {start + seconds(61), {}, AttemptRunning{JobId(3), AttemptNumber(1)}},
      {start + seconds(64), {}, CheckpointStarted{JobId(3), AttemptNumber(1)}},
      {start + seconds(65), {}, CheckpointKept{JobId(3), AttemptNumber(1), {1, "c"}}},
      {start + seconds(71),
       {},
       AttemptEnded{JobId(3), AttemptNumber(1), EndCause::kPreempted, {}, {}, false, ""}},
      {start + seconds(71), {}, RestartPlanned{JobId(3), 0, start, {1, "c"}, false}},
      {start + seconds(80), {}, AttemptRunning{JobId(3), AttemptNumber(2)}},
      {start + seconds(90), {}, PolicyChanged{}}};
  ASSERT_TRUE(journal.append({start, {}, EventSeq(1), events, {}}).ok());
  const auto read = journal_jobs(journal);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->never_ran, 1U);  // the array's second
  EXPECT_EQ(read->unfinished.size(), 1U);
  ASSERT_EQ(read->jobs.size(), 2U);
  EXPECT_EQ(read->jobs[0].at, Instant(0));
  EXPECT_EQ(read->jobs[0].spec.array, 1U);
  EXPECT_EQ(read->jobs[0].truth.work, seconds(30));  // the attempt before saved nothing
  EXPECT_EQ(read->jobs[0].truth.outcome, JobOutcome::kFails);
  EXPECT_EQ(read->jobs[1].at, Instant(0) + seconds(60));
  EXPECT_EQ(read->jobs[1].truth.work, seconds(19));  // both attempts, without the second of saving
  EXPECT_EQ(read->jobs[1].truth.checkpoint_interval, seconds(19));
  EXPECT_EQ(read->jobs[1].truth.checkpoint_cost, seconds(1));
}

}  // namespace
}  // namespace mw
