// What running jobs are made of, without processes: plans of steps, variables, names of files, and
// jobs as they are handed to Millwright.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "slurm_face/columns.h"
#include "slurm_face/request_job.h"
#include "slurm_face/slurm_environment.h"
#include "slurm_face/step_options.h"

namespace mw::face {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<JobNode> two_nodes() {
  std::vector<JobNode> nodes(2);
  for (std::uint32_t i = 0; i < 2; ++i) {
    nodes[i].name = "n" + std::to_string(i + 1);
    nodes[i].seats = {i};
    nodes[i].cpus = nodes[i].cpus_free = 4;
    nodes[i].devices = {{"0", "4"}, {"1", "5"}};
    nodes[i].device_taken = {false, false};
  }
  return nodes;
}

TEST(StepPlan, SpreadsTasksInBlocks) {
  auto nodes = two_nodes();
  StepRequest request;
  request.tasks = 3;
  const auto plan = plan_step(nodes, request);
  ASSERT_TRUE(plan.ok() && plan->has_value());
  EXPECT_THAT((*plan)->tasks_on, ElementsAre(2, 1));
  EXPECT_EQ((*plan)->tasks[1].node, 0U);
  EXPECT_EQ((*plan)->tasks[2].node, 1U);
  EXPECT_THAT((*plan)->tasks[0].devices, ElementsAre(0, 1));  // nobody asked: it sees all
  EXPECT_EQ(nodes[0].cpus_free, 2U);
  give_back(nodes, **plan);
  EXPECT_EQ(nodes[0].cpus_free, 4U);
}

TEST(StepPlan, WaitsForWhatOthersHaveAndRefusesWhatNobodyHas) {
  auto nodes = two_nodes();
  StepRequest all;
  all.tasks = 2;
  all.cpus_per_task = 4;
  const auto first = plan_step(nodes, all);
  ASSERT_TRUE(first.ok() && first->has_value());
  StepRequest one;
  EXPECT_FALSE(plan_step(nodes, one)->has_value());
  one.overlap = true;
  EXPECT_TRUE(plan_step(nodes, one)->has_value());
  one.overlap = false;
  give_back(nodes, **first);
  EXPECT_TRUE(plan_step(nodes, one)->has_value());
  StepRequest more = all;
  more.cpus_per_task = 5;
  EXPECT_THAT(plan_step(nodes, more).error().message, HasSubstr("more than the job has"));
  StepRequest elsewhere;
  elsewhere.node_names = {"n9"};
  EXPECT_THAT(plan_step(nodes, elsewhere).error().message, HasSubstr("n9"));
}

TEST(StepPlan, GivesGpusToThoseWhoAsk) {
  auto nodes = two_nodes();
  StepRequest request;
  request.tasks = 4;
  request.gpus_per_task = 1;
  const auto plan = plan_step(nodes, request);
  ASSERT_TRUE(plan.ok() && plan->has_value());
  EXPECT_THAT((*plan)->tasks[1].devices, ElementsAre(1));
  StepRequest another;
  another.gpus_per_node = 1;
  EXPECT_FALSE(plan_step(nodes, another)->has_value());
  JobFacts facts;
  facts.nodes = nodes;
  EXPECT_EQ(task_variables(facts, **plan, 3)["MILLWRIGHT_VISIBLE"], "5");
  EXPECT_EQ(task_variables(facts, **plan, 3)["SLURM_LOCALID"], "1");
  EXPECT_EQ(task_variables(facts, **plan, 3)["SLURM_GTIDS"], "2,3");
}

/// Of one node each, with so many seats of one CPU.
std::vector<JobNode> nodes_of_seats(const std::vector<std::uint32_t>& counts) {
  std::vector<JobNode> nodes;
  std::uint32_t rank = 0;
  for (const std::uint32_t count : counts) {
    JobNode& node = nodes.emplace_back();
    node.name = "n" + std::to_string(nodes.size());
    for (std::uint32_t i = 0; i < count; ++i) node.seats.push_back(rank++);
    node.cpus = node.cpus_free = count;
  }
  return nodes;
}

TEST(StepPlan, FillsNodesOfUnevenJobs) {
  const std::vector<std::vector<std::uint32_t>> cases = {{48, 16}, {3, 1}, {1, 2}, {2, 2}};
  for (const auto& counts : cases) {
    auto nodes = nodes_of_seats(counts);
    StepRequest all;
    all.tasks = counts[0] + counts[1];
    const auto plan = plan_step(nodes, all);
    ASSERT_TRUE(plan.ok() && plan->has_value()) << testing::PrintToString(counts);
    EXPECT_EQ((*plan)->tasks_on, counts);
    // A seat a task.
    for (std::uint32_t i = 0; i < all.tasks; ++i) EXPECT_EQ((*plan)->tasks[i].seat, i);
    give_back(nodes, **plan);
    EXPECT_EQ(nodes[0].cpus_free, counts[0]);
    StepRequest more = all;
    ++more.tasks;
    EXPECT_FALSE(plan_step(nodes, more).ok());
  }
}

TEST(StepPlan, StepsGoToTheSeatsThatAreFree) {
  auto nodes = nodes_of_seats({4});
  StepRequest one;
  std::vector<std::uint32_t> seats;
  std::vector<StepPlan> plans;
  for (int i = 0; i < 4; ++i) {
    const auto plan = plan_step(nodes, one);
    ASSERT_TRUE(plan.ok() && plan->has_value());
    seats.push_back((*plan)->tasks[0].seat);
    plans.push_back(**plan);
  }
  EXPECT_THAT(seats, ElementsAre(0, 1, 2, 3));
  EXPECT_FALSE(plan_step(nodes, one)->has_value());
  give_back(nodes, plans[2]);
  EXPECT_EQ((*plan_step(nodes, one))->tasks[0].seat, 2U);
  StepRequest wide;
  wide.cpus_per_task = 2;
  EXPECT_THAT(plan_step(nodes, wide).error().message, HasSubstr("in one place"));
}

TEST(FileNames, KnowWhetherTasksShareThem) {
  for (const char* own : {"o.%t", "o.%3t", "%N/o", "%%%n"})
    EXPECT_TRUE(differs_by_task(own)) << own;
  for (const char* shared : {"o", "o.%j", "o.%%t", "o.%3j-t", "o\\%t", "o%"}) {
    EXPECT_FALSE(differs_by_task(shared)) << shared;
  }
}

TEST(StepOptions, AStepOfItsOwnJobHasNoSecretsInItsArguments) {
  const std::vector<std::string> words = {"--export=ALL,KEY=swordfish",
                                          "-n2",
                                          "-l",
                                          "-D",
                                          "sub",
                                          "--mem=1G",
                                          "-o",
                                          "out.%t",
                                          "prog",
                                          "--flag"};
  const auto given = read_arguments(kSrun, words);
  ASSERT_TRUE(given.ok());
  EXPECT_THAT(arguments_of_step(given->options, given->arguments, "/here"),
              ElementsAre("--export=ALL", "--ntasks=2", "--label", "--output=/here/out.%t", "--",
                          "prog", "--flag"));
}

TEST(StepOptions, WhatAStepCannotHaveIsSaid) {
  const std::vector<std::string> words = {"--begin=now+1hour", "--time=5", "--partition=x", "-n1"};
  const auto given = read_arguments(kSrun, words);
  auto request = read_request(kSrun, given->options, Instant());
  ASSERT_TRUE(request.ok());
  judge_step_options(given->options, *request);
  EXPECT_THAT(request->refused, ElementsAre(HasSubstr("--begin")));
  EXPECT_THAT(request->noted, ElementsAre(HasSubstr("--time")));
}

TEST(FileNames, AreExpandedAsSlurmDoes) {
  FileNameFacts facts{.job = 17,
                      .array_job = 15,
                      .array_task = 2,
                      .step = {},
                      .host = "n1",
                      .user = "ada",
                      .job_name = "x"};
  facts.task = 3;
  EXPECT_EQ(expand_file_name("a-%j-%A_%a-%4a-%x-%u-%N-%t-%%-%q", facts),
            "a-17-15_2-0002-x-ada-n1-3-%-%q");
  EXPECT_EQ(expand_file_name("a\\%j", facts), "a%j");
  EXPECT_EQ(expand_file_name("end%", facts), "end%");
}

TEST(Counts, AreWrittenAsSlurmDoes) {
  EXPECT_EQ(counts_text({2, 2, 1}), "2(x2),1");
  EXPECT_EQ(counts_text({}), "");
}

FleetFacts some_fleet() {
  FleetFacts fleet;
  fleet.groups = {{"here", "cpu"}, {"here", "h100-sxm"}, {"there", "a100-pcie"}};
  fleet.partitions = {{"all", {}, {}, true}, {"gpu", {"h100-sxm", "a100-pcie"}, {}, false}};
  return fleet;
}

Result<TranslatedJob> translated(const std::vector<std::string>& words) {
  const auto given = read_arguments(kSbatch, words);
  const auto request = read_request(kSbatch, given->options, Instant());
  if (!request) return request.error();
  FaceJob face;
  face.name = "a job";
  return translate(*request, some_fleet(), face, "/tmp");
}

TEST(Translation, ASeatIsANodeWhereNodesAreKnown) {
  const auto job = translated(
      {"-N2", "--ntasks-per-node=4", "-c2", "--gres=gpu:h100:8", "--mem=64G", "-A", "lab"});
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->spec.gang.tasks, 2U);
  EXPECT_EQ(job->spec.gang.nodes, 2U);
  EXPECT_EQ(job->spec.gang.task.accelerators, AcceleratorShare(8'000));
  EXPECT_EQ(job->spec.gang.task.cpus, CpuShare(8'000));
  EXPECT_EQ(job->spec.gang.task.memory, Bytes(std::int64_t{64} << 30));
  EXPECT_EQ(job->spec.gang.task.accelerator_type, "h100-sxm");
  EXPECT_EQ(job->spec.tenant, "lab");
  EXPECT_EQ(job->spec.name, "a-job");
  EXPECT_EQ(job->spec.restart.limit, 0U);
  EXPECT_EQ(job->face.tasks, 8U);
}

TEST(Translation, ASeatIsATaskOtherwise) {
  const auto job = translated({"-n64", "--mem-per-cpu=1G"});
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->spec.gang.tasks, 64U);
  EXPECT_EQ(job->spec.gang.nodes, 0U);
  EXPECT_EQ(job->spec.gang.task.accelerator_type, "cpu");
  EXPECT_EQ(job->spec.gang.task.accelerators, AcceleratorShare(1'000));
}

TEST(Translation, RefusesByName) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--licenses=x", "--tmp=1G"}, "--tmp is not supported"},
      {{"-p", "nope"}, "invalid partition name specified: \"nope\"; there are all, gpu"},
      {{"--gres=gpu:b200:1"}, "there are a100-pcie, h100-sxm"},
      {{"-C", "fast"}, "invalid feature specification \"fast\""},
      {{"-N", "2-4"}, "a range (2-4)"},
      {{"-a", "0-9%2"}, "%2"},
      {{"-N2", "--gpus=3"}, "do not spread evenly"},
      {{"--mem=1G", "--mem-per-cpu=1G"}, "exclude each other"},
  };
  for (const auto& [words, said] : cases) {
    const auto job = translated(words);
    ASSERT_FALSE(job.ok()) << words[0];
    EXPECT_THAT(job.error().message, HasSubstr(said));
  }
}

TEST(Translation, EveryOptionThatIsTakenChangesTheJob) {
  struct Given {
    std::string option;
    std::vector<std::string> beside = {"-N1", "--gpus=2"};
  };
  const std::map<std::string_view, Given> given = {
      {"account", {"--account=lab"}},
      {"array", {"--array=0-3"}},
      {"begin", {"--begin=now+1hour"}},
      {"comment", {"--comment=x"}},
      {"constraint", {"--constraint=h100"}},
      {"cpus-per-gpu", {"--cpus-per-gpu=2"}},
      {"cpus-per-task", {"--cpus-per-task=2"}},
      {"deadline", {"--deadline=now+1hour"}},
      {"dependency", {"--dependency=afterok:1"}},
      {"distribution", {"--distribution=cyclic"}},
      {"error", {"--error=e"}},
      {"exclusive", {"--exclusive"}},
      {"gpus", {"--gpus=4"}},
      {"gpus-per-node", {"--gpus-per-node=2"}},
      {"gpus-per-task", {"--gpus-per-task=4"}},
      {"gres", {"--gres=gpu:1"}},
      {"hold", {"--hold"}},
      {"input", {"--input=i"}},
      {"mem", {"--mem=1G"}},
      {"mem-per-cpu", {"--mem-per-cpu=1G"}},
      {"mem-per-gpu", {"--mem-per-gpu=1G"}},
      {"mincpus", {"--mincpus=3"}},
      {"nice", {"--nice=5"}},
      {"no-requeue", {"--no-requeue"}},
      {"nodes", {"--nodes=2"}},
      {"ntasks", {"--ntasks=3"}},
      {"ntasks-per-gpu", {"--ntasks-per-gpu=2"}},
      {"ntasks-per-node", {"--ntasks-per-node=2"}},
      {"open-mode", {"--open-mode=append"}},
      {"output", {"--output=o"}},
      {"overcommit", {"--overcommit", {"-N1", "-n4"}}},
      {"partition", {"--partition=gpu"}},
      {"priority", {"--priority=3"}},
      {"qos", {"--qos=high"}},
      {"requeue", {"--requeue", {"--no-requeue"}}},
      {"reservation", {"--reservation=r"}},
      {"signal", {"--signal=USR1@90"}},
      {"switches", {"--switches=1"}},
      {"tasks-per-node", {"--tasks-per-node=2"}},
      {"time", {"--time=10"}},
  };
  // What sbatch itself does about them is seen from outside (tests/e2e).
  const std::set<std::string_view> by_command = {"chdir",    "export", "help",  "ignore-pbs",
                                                 "job-name", "quiet",  "usage", "parsable",
                                                 "version",  "wait",   "wrap",  "test-only"};
  for (const OptionRow& row : option_rows()) {
    if (row.support != Support::kTaken || (row.commands & kSbatch) == 0) continue;
    if (by_command.contains(row.name)) continue;
    const auto found = given.find(row.name);
    ASSERT_NE(found, given.end()) << row.name << ": say what it changes";
    const auto plain = translated(found->second.beside);
    std::vector<std::string> words = found->second.beside;
    words.push_back(found->second.option);
    const auto changed = translated(words);
    ASSERT_TRUE(plain.ok() && changed.ok()) << row.name;
    EXPECT_FALSE(plain->spec == changed->spec && plain->face == changed->face) << row.name;
  }
}

TEST(FaceJobs, SurviveTheirWayThroughACommand) {
  FaceJob job;
  job.name = "with \"quotes\" and \\";
  job.comment = "a\nb";
  job.array = "0-9:3";
  EXPECT_EQ(face_job_of(command_of(job, "/usr/bin/mw")), job);
  EXPECT_FALSE(face_job_of({"python3", "slurm", "host", "{}"}).has_value());
}

TEST(Columns, AreChosenByLetterAndByName) {
  const auto letters = choose_by_letters(job_columns(), "%.18i|%j%%");
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 3U);
  EXPECT_EQ((*letters)[0].width, 18);
  EXPECT_TRUE((*letters)[0].right);
  EXPECT_EQ((*letters)[1].before, "|");
  EXPECT_THAT(choose_by_letters(job_columns(), "%H").error().message, HasSubstr("%H"));
  EXPECT_THAT(choose_by_names(job_columns(), "JobID,Nope", NameStyle::kAccounts).error().message,
              HasSubstr("Nope"));
  JobRow row;
  row.name = "a\x1b[2J\nb";
  const auto names = choose_by_letters(job_columns(), "%j");
  EXPECT_EQ(table_text<JobRow>(*names, {row}, Instant(), false), "a\\x1b[2J b\n");
  EXPECT_EQ(fit("abc", 2, false), "ab");
  EXPECT_EQ(fit("abc", 5, true), "  abc");
}

}  // namespace
}  // namespace mw::face
