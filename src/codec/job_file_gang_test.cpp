#include <gtest/gtest.h>

#include "codec/job_file.h"

namespace mw {
namespace {

Result<JobSpec> read(const std::string& lines) {
  return parse_job_file("name: a\ncommand: [x]\ntasks: 16\n" + lines,
                        {.source_name = "job.yaml", .default_workdir = "/w"});
}

TEST(JobFileGang, AnElasticGangIsReadAndWrittenBack) {
  const auto job = read("nodes: 4\ntasks_min: 8\nplacement: {segment: 8}\n");
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->gang.tasks_min, 8U);
  const auto again = parse_job_file(write_job_file(*job), {});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *job);
  // As large as the gang itself says only that it is not elastic, and is no mistake.
  EXPECT_TRUE(read("tasks_min: 16\n").ok());
  EXPECT_TRUE(read("tasks_min: 1\n").ok());
}

TEST(JobFileGang, GroupsAreReadAndWrittenBack) {
  const auto job = read(R"(
groups:
  - tasks: 4
    nodes: 2
    resources: {accelerators: 8, accelerator_type: h100-sxm}
    placement: {require: pod, segment: 2}
  - {resources: {accelerators: 0, cpus: 16}}
)");
  ASSERT_TRUE(job.ok()) << job.error().message;
  ASSERT_EQ(job->groups.size(), 2U);
  GangShape first;
  first.tasks = 4;
  first.nodes = 2;
  first.task.accelerators = 8 * kWholeAccelerator;
  first.task.accelerator_type = "h100-sxm";
  first.require = FabricLevel::kPod;
  first.segment = 2;
  EXPECT_EQ(job->groups[0], first);
  EXPECT_EQ(job->groups[1].tasks, 1U);
  EXPECT_EQ(job->groups[1].task.cpus, CpuShare(16'000));
  const auto again = parse_job_file(write_job_file(*job), {});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *job);
}

TEST(JobFileGang, EveryBadValueIsNamed) {
  std::string many = "groups: [";
  for (int i = 0; i < 65; ++i) many += "{tasks: 1}, ";
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"tasks_min: 0",
       "job.yaml:4:12: tasks_min: expected a whole number from 1 to 1000000, found \"0\""},
      {"tasks_min: 17",
       "job.yaml:4:12: tasks_min: expected at most as many as tasks (16), found 17"},
      {"nodes: 4\ntasks_min: 6",
       "job.yaml:5:12: tasks_min: expected a multiple of the 4 tasks of each node, found 6"},
      {"placement: {segment: 8}\ntasks_min: 4",
       "job.yaml:5:12: tasks_min: expected a multiple of placement.segment (8), found 4"},
      {"groups: [{tasks: 1}]\ntasks_min: 4",
       "job.yaml:5:12: tasks_min: is given together with groups; a gang of several groups has one "
       "size"},
      {"min_tasks: 4",
       "job.yaml:4:1: unknown key \"min_tasks\"; did you mean \"tasks_min\"? Allowed: name, "
       "command, script, tasks, tasks_min, nodes, resources, placement, groups, where, "
       "environment, workdir, time_limit, grace, restart, priority_class, priority, not_before, "
       "deadline, after, array, hold, reservation, tenant"},
      {"groups: {tasks: 1}",
       "job.yaml:4:9: groups: expected a list such as [{tasks: 4, resources: {cpus: 8}}], found a "
       "map"},
      {"groups: [4]",
       "job.yaml:4:10: groups[0]: expected keys and values such as \"tasks: 4\", found \"4\""},
      {"groups: [{tasks: 4}, {tasks: 5, nodes: 2}]",
       "job.yaml:4:40: groups[1].nodes: expected a number that divides the 5 tasks evenly, found "
       "2"},
      {"groups: [{tasks_min: 4}]",
       "job.yaml:4:11: groups[0]: unknown key \"tasks_min\". Allowed: "
       "tasks, nodes, resources, placement"},
      {"groups: [{gpus: 4}]",
       "job.yaml:4:11: groups[0]: unknown key \"gpus\"; did you mean \"resources.accelerators\"? "
       "Allowed: tasks, nodes, resources, placement"},
      {"groups: [{resources: {gpus: 4}}]",
       "job.yaml:4:23: groups[0].resources: unknown key \"gpus\"; did you mean \"accelerators\"? "
       "Allowed: accelerators, cpus, memory, accelerator_type"},
      {"groups: [{resources: {cpus: x}}]",
       "job.yaml:4:29: groups[0].resources.cpus: expected a number from 0 to 10000 with at most "
       "three decimals, found \"x\""},
      {"groups: [{placement: {require: leaf, prefer: pod}}]",
       "job.yaml:4:46: groups[0].placement.prefer: expected no wider level than require (leaf), "
       "found pod"},
      {"groups: [{placement: {spread: {level: leaf}}}]",
       "job.yaml:4:31: groups[0].placement.spread: needs both level and tasks"},
      {"groups: [{placement: {types: {h100: 0}}}]",
       "job.yaml:4:37: groups[0].placement.types.h100: expected a rate above 0 and up to 1000000, "
       "with at most three decimals, found \"0\""},
      {"groups: [{tasks: 999990}]",
       "job.yaml:4:9: groups: expected at most 1000000 tasks in all groups together, found "
       "1000006"},
      {many + "]", "job.yaml:4:9: groups: expected at most 64, found 65"},
  };
  for (const auto& [text, message] : cases) {
    const auto job = read(text);
    ASSERT_FALSE(job.ok()) << text;
    EXPECT_EQ(job.error().message, message) << text;
  }
}

}  // namespace
}  // namespace mw
