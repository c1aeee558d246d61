// What a real Slurm said, word for word (tests/slurm/recorded), and what later versions say by the
// descriptions that they publish of themselves.
#include "engines/slurm/rest_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <tuple>

namespace mw::slurm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string recorded(const std::string& name) {
  std::ifstream file(std::string(MW_SLURM_RECORDED) + "/v0.0.38/" + name + ".json");
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const SlurmJob& job_of(const std::vector<SlurmJob>& jobs, SlurmJobId id) {
  for (const SlurmJob& job : jobs) {
    if (job.id == id) return job;
  }
  throw std::out_of_range("no such job was recorded");
}

TEST(RestFormat, TheNewestVersionThatBothKnowIsSpoken) {
  EXPECT_EQ(choose_version(recorded("openapi"))->number, 38);
  const auto newer = choose_version(
      R"({"paths":{"/slurm/v0.0.39/jobs":{},"/slurm/v0.0.40/jobs/":{},"/slurm/v0.0.99/jobs":{},
                   "/slurmdb/v0.0.41/jobs":{}}})");
  EXPECT_EQ(newer->number, 40);
  const auto old = choose_version(R"({"paths":{"/slurm/v0.0.36/jobs":{}}})");
  ASSERT_FALSE(old.ok());
  EXPECT_THAT(old.error().message, HasSubstr("offers the REST versions v0.0.36"));
  EXPECT_EQ(choose_version("<html>").error().code, ErrorCode::kInvalid);
}

TEST(RestFormat, NodesOf2205) {
  const auto nodes = read_nodes(recorded("nodes"));
  ASSERT_TRUE(nodes.ok()) << nodes.error().message;
  ASSERT_EQ(nodes->size(), 6U);
  const SlurmNode& first = nodes->front();
  EXPECT_EQ(first.name, "n1");
  EXPECT_EQ(first.address, "127.0.0.1");
  EXPECT_EQ(first.gpus, (GpuCount{"h100", 8}));
  EXPECT_EQ(first.cpus, 64);
  EXPECT_EQ(first.memory_mib, 20000);
  EXPECT_THAT(first.states, ElementsAre("MIXED"));
  EXPECT_THAT(nodes->back().states, ElementsAre("IDLE", "DRAIN"));
  EXPECT_EQ(nodes->back().reason, "fan is loud");
}

TEST(RestFormat, JobsOf2205) {
  const auto jobs = read_jobs(recorded("jobs"));
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  const SlurmJob& ours = job_of(*jobs, 21);
  EXPECT_EQ(ours.state, "RUNNING");
  EXPECT_EQ(ours.user, "www-data");
  EXPECT_EQ(ours.comment, "millwright:00c0ffee:17:2:41");
  ASSERT_EQ(ours.allocations.size(), 3U);
  EXPECT_EQ(ours.allocations[2].node, "n4");
  EXPECT_EQ(ours.allocations[2].cores, 4);
  EXPECT_EQ(ours.allocations[2].memory_mib, 1000);
  EXPECT_EQ(ours.allocations[2].gpus.at(0).count, 4U);
  const SlurmJob& theirs = job_of(*jobs, 22);
  EXPECT_EQ(theirs.user, "games");
  EXPECT_EQ(theirs.allocations.at(0).cores, 4);
  EXPECT_EQ(theirs.allocations.at(0).cpus, 0) << "only what its steps use: why cores are counted";
  EXPECT_EQ(theirs.allocations.at(0).gpus.at(0).count, 2U);
  const SlurmJob& waiting = job_of(*jobs, 23);
  EXPECT_EQ(waiting.state, "PENDING");
  EXPECT_EQ(waiting.reason, "Resources");
  EXPECT_THAT(waiting.allocations, IsEmpty());
  EXPECT_EQ(job_of(*jobs, 15).state, "CANCELLED");
  EXPECT_EQ(job_of(*jobs, 15).exit_signal, 15);
}

TEST(RestFormat, PartitionsOf2205) {
  const auto partitions = read_partitions(recorded("partitions"));
  ASSERT_TRUE(partitions.ok()) << partitions.error().message;
  ASSERT_EQ(partitions->size(), 2U);
  EXPECT_EQ(partitions->at(0).name, "main");
  EXPECT_TRUE(partitions->at(0).is_default);
  EXPECT_THAT(partitions->at(0).nodes, ElementsAre("n1", "n2", "n3", "n4", "n5", "n6"));
  EXPECT_EQ(partitions->at(0).minutes_max, std::nullopt);
  EXPECT_FALSE(partitions->at(1).is_default);
}

TEST(RestFormat, AnEmptyListBesideAnErrorIsNoList) {
  const auto away = read_jobs(recorded("slurmctld_away"));
  ASSERT_FALSE(away.ok()) << "or all jobs would be taken for gone";
  EXPECT_EQ(away.error().code, ErrorCode::kUnavailable);
}

TEST(RestFormat, AnswersToSubmitsAndFaultsOf2205) {
  EXPECT_EQ(*read_submitted(recorded("submitted")), 21U);
  EXPECT_EQ(read_fault(recorded("submitted")), std::nullopt);
  EXPECT_EQ(read_fault(recorded("refused"))->number, 2018);
  EXPECT_EQ(read_fault(recorded("refused"))->text, "Invalid node name specified");
  EXPECT_EQ(read_fault(recorded("no_such_job"))->number, 2017);
  EXPECT_EQ(read_fault(recorded("submit_slurmctld_away"))->number, 5004);
}

// --- later versions -----------------------------------------------------------------------------

TEST(RestFormat, NodesAndPartitionsOfLaterVersions) {
  const auto nodes = read_nodes(
      R"({"nodes":[{"name":"g1","address":"g1.local","gres":"gpu:a100:4(S:0-1),gpu:t4:1",
          "cpus":128,"real_memory":1024000,"threads":2,"state":["IDLE","DRAIN","NOT_RESPONDING"],
          "reason":"x"}],"errors":[]})");
  ASSERT_TRUE(nodes.ok());
  EXPECT_EQ(nodes->at(0).gpus, (GpuCount{"a100", 4}));
  EXPECT_EQ(nodes->at(0).threads_per_core, 2);
  EXPECT_THAT(nodes->at(0).states, Contains("DRAIN"));
  const auto partitions = read_partitions(
      R"({"partitions":[{"name":"gpu","nodes":{"configured":"g[1-2]"},
          "partition":{"state":["UP"]},"flags":["DEFAULT"],
          "maximums":{"time":{"set":true,"infinite":false,"number":2880}},
          "defaults":{"time":{"set":false,"infinite":true,"number":0}}},
         {"name":"off","nodes":{"configured":"g3"},"partition":{"state":["INACTIVE"]}}]})");
  ASSERT_TRUE(partitions.ok()) << partitions.error().message;
  EXPECT_THAT(partitions->at(0).nodes, ElementsAre("g1", "g2"));
  EXPECT_EQ(partitions->at(0).minutes_max, 2880);
  EXPECT_EQ(partitions->at(0).minutes_default, std::nullopt);
  EXPECT_TRUE(partitions->at(0).up);
  EXPECT_FALSE(partitions->at(1).up);
}

TEST(RestFormat, JobsOfLaterVersions) {
  const auto jobs = read_jobs(
      R"x({"jobs":[{"job_id":7,"job_state":["RUNNING","COMPLETING"],"user_name":"ada",
          "comment":"c","restart_cnt":2,"gres_detail":["gpu:a100:2(IDX:0,3)"],
          "exit_code":{"status":["SIGNALED"],"return_code":{"set":false,"infinite":false,
            "number":0},"signal":{"id":{"set":true,"infinite":false,"number":9},"name":"SIGKILL"}},
          "job_resources":{"nodes":{"count":1,"list":"g1","allocation":[{"name":"g1",
            "cpus":{"count":16,"used":0},"memory":{"used":0,"allocated":2048}}]}}}]})x");
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  const SlurmJob& job = jobs->at(0);
  EXPECT_EQ(job.state, "RUNNING");
  EXPECT_TRUE(job.completing);
  EXPECT_EQ(job.restarts, 2U);
  EXPECT_EQ(job.exit_signal, 9);
  EXPECT_EQ(job.allocations.at(0).cpus, 16);
  EXPECT_EQ(job.allocations.at(0).memory_mib, 2048);
  EXPECT_EQ(job.allocations.at(0).gpus.at(0).count, 2U);
}

SlurmSubmission submission() {
  SlurmSubmission from;
  from.name = "x";
  from.script = "#!/bin/sh\n";
  from.environment = {{"A", "1"}};
  from.nodes = {"n4", "n1"};
  from.tasks = 2;
  from.tasks_per_node = 1;
  from.gpus_per_node = {"h100", 8};
  from.memory_mib_per_node = 100;
  from.exclusive = true;
  return from;
}

TEST(RestFormat, ASubmitIsWrittenAsTheVersionWantsIt) {
  namespace json = boost::json;
  const auto written = [](int version) {
    return json::parse(write_submission(submission(), {version})).as_object();
  };
  const json::object old = written(38);
  EXPECT_EQ(old.at("script").as_string(), "#!/bin/sh\n");
  EXPECT_EQ(old.at("job").at("nodelist").as_string(), "n4,n1");
  EXPECT_EQ(old.at("job").at("gres").as_string(), "gpu:h100:8");
  EXPECT_EQ(old.at("job").at("environment").at("A").as_string(), "1");
  EXPECT_EQ(old.at("job").at("time_limit").as_int64(), 0xffffffff);
  EXPECT_EQ(old.at("job").at("exclusive").as_string(), "exclusive");

  EXPECT_TRUE(written(39).contains("script"));
  const json::object late = written(41);
  EXPECT_FALSE(late.contains("script"));
  const json::object& job = late.at("job").as_object();
  EXPECT_EQ(job.at("script").as_string(), "#!/bin/sh\n");
  EXPECT_EQ(job.at("required_nodes").as_array().at(0).as_string(), "n4");
  EXPECT_EQ(job.at("minimum_nodes").as_int64(), 2);
  EXPECT_EQ(job.at("tres_per_node").as_string(), "gres/gpu:h100:8");
  EXPECT_EQ(job.at("environment").as_array().at(0).as_string(), "A=1");
  EXPECT_TRUE(job.at("time_limit").at("infinite").as_bool());
  EXPECT_EQ(job.at("memory_per_node").at("number").as_int64(), 100);
  EXPECT_EQ(job.at("shared").as_array().at(0).as_string(), "none");
}

TEST(RestFormat, WhatAJobThatWasHandedOverAsksForIsReadInBothForms) {
  const auto old = read_jobs(R"({"errors": [], "jobs": [{"job_id": 7, "job_state": "PENDING",
    "user_name": "ada", "partition": "gpu", "admin_comment": "millwright:held", "priority": 0,
    "submit_time": 100, "array_job_id": 5, "array_task_id": 3, "name": "train", "batch_flag": true,
    "requeue": true, "node_count": 9, "max_nodes": 2, "tasks": 4, "cpus": 8, "features": "a|b",
    "memory_per_node": 100, "memory_per_cpu": null, "tres_per_node": "gres:gpu:2",
    "tres_req_str": "cpu=8,mem=100M,node=2,billing=8", "shared": "none", "time_limit": 10}]})");
  ASSERT_TRUE(old.ok()) << old.error().message;
  const SlurmJob& job = old->front();
  EXPECT_EQ(job.name(), "5_3");
  EXPECT_TRUE(job.held);
  EXPECT_EQ(job.submitted_s, 100);
  ASSERT_TRUE(job.request);
  EXPECT_EQ(job.request->nodes_min, 2U) << "what it needs, and not what is guessed";
  EXPECT_EQ(job.request->cpus, 8U);
  EXPECT_EQ(job.request->memory_mib_per_node, 100);
  EXPECT_EQ(job.request->memory_mib_per_cpu, std::nullopt);
  EXPECT_EQ(job.request->gres_per_node, "gres:gpu:2");
  EXPECT_EQ(job.request->minutes, 10);
  EXPECT_TRUE(job.request->exclusive);
  EXPECT_TRUE(job.request->requeue);

  const auto later = read_jobs(R"({"errors": [], "jobs": [{"job_id": 8,
    "job_state": ["PENDING"], "user_name": "ada", "comment": "millwright", "shared": ["none"],
    "priority": {"set": true, "infinite": false, "number": 0},
    "array_job_id": {"set": true, "infinite": false, "number": 0},
    "array_task_id": {"set": false, "infinite": false, "number": 0},
    "memory_per_node": {"set": false, "infinite": false, "number": 0},
    "time_limit": {"set": false, "infinite": true, "number": 0}}]})");
  ASSERT_TRUE(later.ok()) << later.error().message;
  EXPECT_EQ(later->front().name(), "8");
  EXPECT_TRUE(later->front().held);
  ASSERT_TRUE(later->front().request);
  EXPECT_EQ(later->front().request->memory_mib_per_node, std::nullopt);
  EXPECT_EQ(later->front().request->minutes, std::nullopt);
  EXPECT_TRUE(later->front().request->exclusive);

  const auto ours = read_jobs(R"({"errors": [], "jobs": [{"job_id": 9, "job_state": "PENDING",
    "comment": "millwright:1a2b3c4d:17:2:41"}]})");
  EXPECT_FALSE(ours->front().request) << "that one was handed in by us";
}

TEST(RestFormat, WhatIsNotReadOfAJobIsNamed) {
  const auto others = [](const std::string& fields) {
    const auto jobs = read_jobs(
        R"({"errors": [], "jobs": [{"job_id": 7, "comment": "millwright", )" + fields + "}]}");
    return jobs.ok() ? jobs->front().request->others : jobs.error().message;
  };
  EXPECT_EQ(others(R"("contiguous": false, "core_spec": null, "sockets_per_node": null,
      "tasks_per_core": 65535, "minimum_tmp_disk_per_node": 0, "burst_buffer": "", "prefer": "",
      "shared": null, "flags": ["JOB_CPUS_SET"], "reboot": false, "sockets_per_board": 0)"),
            "");
  EXPECT_EQ(others(R"("contiguous": false, "core_spec": {"set": false, "number": 0},
      "required_switches": 0, "tasks_per_socket": {"set": true, "infinite": true, "number": 0})"),
            "");
  EXPECT_EQ(others(R"("contiguous": true, "core_spec": 2, "minimum_tmp_disk_per_node": 9)"),
            "--core-spec, --tmp, --contiguous");
  EXPECT_EQ(others(R"("required_switches": 1, "shared": ["user"], "flags": ["SPREAD_JOB"],
      "cores_per_socket": {"set": true, "infinite": false, "number": 8}, "prefer": "new")"),
            "--cores-per-socket, --switches, --prefer, --spread-job, "
            "--exclusive=user, =mcs or =topo");
}

TEST(RestFormat, WhatAJobIsToHaveForEachGpuIsRead) {
  const auto jobs = read_jobs(R"({"errors": [], "jobs": [{"job_id": 7, "comment": "millwright",
      "memory_per_tres": "gres:gpu:1024", "cpus_per_tres": "gres/gpu=6", "threads_per_core": 1,
      "deadline": 5000, "tres_per_task": "cpu=4,gres/gpu:a100=2"}]})");
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  const SlurmRequest& request = *jobs->front().request;
  EXPECT_EQ(request.memory_mib_per_gpu, 1024U);
  EXPECT_EQ(request.cpus_per_gpu, 6U);
  EXPECT_EQ(request.threads_per_core, 1U);
  EXPECT_EQ(request.deadline_s, 5000);
  EXPECT_EQ(request.gres_per_task, "cpu:4,gres/gpu:a100:2");
}

// --- as published -------------------------------------------------------------------------------

/// Paths of what is in `value`, those of a list's elements without their places. A number in its
/// three parts is one.
void paths_in(const boost::json::value& value, const std::string& path,
              std::set<std::string>& paths) {
  if (const auto* object = value.if_object(); object != nullptr && !object->contains("set")) {
    for (const auto& member : *object) {
      paths_in(member.value(), path + (path.empty() ? "" : "/") + std::string(member.key()), paths);
    }
  } else if (const auto* list = value.if_array();
             list != nullptr && !list->empty() && list->front().is_object()) {
    for (const auto& each : *list) paths_in(each, path, paths);
  } else {
    paths.insert(path);
  }
}

/// Holds that what is said has no field but those that are published for v0.0.44: so what is read
/// from it, or written, goes by its published name.
void expect_published(const std::string& list, const std::vector<boost::json::value>& said) {
  std::ifstream file(MW_SLURM_RECORDED "/../published/v0.0.44.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const boost::json::value all = boost::json::parse(text);
  std::set<std::string> known;
  for (const auto& name : all.at(list).as_array()) known.emplace(name.as_string());
  std::set<std::string> used;
  for (const auto& each : said) paths_in(each, "", used);
  EXPECT_GT(used.size(), 1U);
  for (const std::string& path : used) EXPECT_TRUE(known.contains(path)) << path;
}

/// The elements of an answer's list of that name.
void expect_published(const std::string& list, const std::string& answer) {
  const boost::json::value told = boost::json::parse(answer);
  const auto& elements = told.at(list).as_array();
  expect_published(list, std::vector<boost::json::value>(elements.begin(), elements.end()));
}

TEST(Published, AllThatIsWrittenHasANameOfTheNewestVersion) {
  SlurmSubmission from;
  from.environment = {{"A", "b"}};
  from.nodes = {"n1"};
  from.gpus_per_node = {"h100", 8};
  from.minutes = 5;
  from.exclusive = true;
  const auto submission = boost::json::parse(write_submission(from, {44}));
  expect_published("job_submissions",
                   {submission.at("job"), boost::json::parse(write_release({{"n1"}, 100}, {44})),
                    boost::json::parse(write_hold(true))});
  expect_published("node_updates", {boost::json::parse(write_node_order({"n1", true, "why"}))});
}

TEST(Published, AllOfAJobIsReadByTheNamesOfTheNewestVersion) {
  const auto number = [](int value) {
    return R"({"set": true, "infinite": false, "number": )" + std::to_string(value) + "}";
  };
  const std::string answer =
      R"({"errors": [], "jobs": [{"job_id": 8, "job_state": ["PENDING"], "name": "train",
      "user_name": "ada", "partition": "gpu", "comment": "c", "admin_comment": "millwright:held",
      "state_reason": "JobHeldUser", "restart_cnt": 2, "batch_flag": true, "requeue": true,
      "command": "/x", "current_working_directory": "/w", "standard_output": "/o", "account": "a",
      "qos": "q", "features": "f", "required_nodes": "n1", "excluded_nodes": "n2",
      "resv_name": "r", "licenses": "l", "dependency": "singleton", "array_task_string": "3",
      "shared": ["none"], "flags": ["SPREAD_JOB"], "burst_buffer": "b", "prefer": "p",
      "contiguous": true, "reboot": true, "required_switches": 1, "segment_size": 2,
      "tres_req_str": "cpu=8,node=2", "tres_per_job": "gres/gpu=2", "tres_per_node": "gres/gpu=1",
      "tres_per_task": "gres/gpu=3", "tres_per_socket": "gres/gpu=4",
      "memory_per_tres": "gres/gpu:10", "cpus_per_tres": "gres/gpu:5", "gres_detail": ["gpu:1"],
      "exit_code": {"status": ["ERROR"], "return_code": )" +
      number(3) + R"(, "signal": {"id": )" + number(9) + R"(, "name": "KILL"}},
      "job_resources": {"nodes": {"allocation": [{"name": "n1", "cpus": {"count": 4},
          "memory": {"allocated": 100}}]}},
      "priority": )" +
      number(0) + R"(, "submit_time": )" + number(100) + R"(, "array_job_id": )" + number(7) +
      R"(, "array_task_id": )" + number(3) + R"(, "array_max_tasks": )" + number(2) +
      R"(, "node_count": )" + number(2) + R"(, "max_nodes": )" + number(4) + R"(, "tasks": )" +
      number(6) + R"(, "tasks_per_node": )" + number(3) + R"(, "cpus": )" + number(8) +
      R"(, "minimum_cpus_per_node": )" + number(4) + R"(, "memory_per_node": )" + number(50) +
      R"(, "memory_per_cpu": )" + number(60) + R"(, "threads_per_core": )" + number(1) +
      R"(, "time_limit": )" + number(30) + R"(, "start_time": )" + number(200) +
      R"(, "deadline": )" + number(300) + R"(, "het_job_id": )" + number(5) +
      R"(, "sockets_per_node": )" + number(2) + R"(, "cores_per_socket": )" + number(2) +
      R"(, "tasks_per_core": )" + number(1) + R"(, "tasks_per_socket": )" + number(1) +
      R"(, "tasks_per_board": )" + number(1) + R"(, "core_spec": )" + number(1) +
      R"(, "thread_spec": )" + number(1) + R"(, "minimum_tmp_disk_per_node": )" + number(9) + "}]}";
  // The parts of an exit code are of a type of their own.
  std::string listed = answer;
  listed.replace(listed.find("\"exit_code\": {"), 14, "\"exit_code\": {\"set\": true, ");
  expect_published("jobs", listed);
  const auto jobs = read_jobs(answer);
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  const SlurmJob& job = jobs->front();
  EXPECT_EQ(std::tie(job.id, job.state, job.job_name, job.user, job.partition, job.comment),
            std::make_tuple(8U, "PENDING", "train", "ada", "gpu", "c"));
  EXPECT_EQ(std::tie(job.admin_comment, job.held, job.submitted_s, job.array, job.reason),
            std::make_tuple("millwright:held", true, 100, 7U, "JobHeldUser"));
  EXPECT_EQ(std::tie(*job.array_task, job.restarts, job.exit_code, job.exit_signal),
            std::make_tuple(3U, 2U, 3, 9));
  const SlurmAllocation& part = job.allocations.at(0);
  EXPECT_EQ(std::tie(part.node, part.cpus, part.memory_mib), std::make_tuple("n1", 4, 100));
  EXPECT_EQ(part.gpus.at(0).count, 1U);
  SlurmRequest wanted;
  wanted.command = "/x";
  wanted.workdir = "/w";
  wanted.output = "/o";
  wanted.account = "a";
  wanted.qos = "q";
  wanted.requeue = wanted.exclusive = true;
  wanted.nodes_min = 2;
  wanted.nodes_max = 4;
  wanted.tasks = 6;
  wanted.tasks_per_node = 3;
  wanted.cpus = 8;
  wanted.cpus_per_node = 4;
  wanted.memory_mib_per_node = 50;
  wanted.memory_mib_per_cpu = 60;
  wanted.memory_mib_per_gpu = 10;
  wanted.cpus_per_gpu = 5;
  wanted.threads_per_core = 1;
  wanted.gres_per_job = "gres/gpu:2";
  wanted.gres_per_node = "gres/gpu:1";
  wanted.gres_per_task = "gres/gpu:3";
  wanted.gres_per_socket = "gres/gpu:4";
  wanted.minutes = 30;
  wanted.begin_s = 200;
  wanted.features = "f";
  wanted.nodes_required = "n1";
  wanted.nodes_excluded = "n2";
  wanted.reservation = "r";
  wanted.licenses = "l";
  wanted.dependency = "singleton";
  wanted.array_tasks = "3";
  wanted.array_limit = 2;
  wanted.het_job = 5;
  wanted.deadline_s = 300;
  wanted.others =
      "--sockets-per-node, --cores-per-socket, --ntasks-per-core, --ntasks-per-socket, tasks by "
      "board, --core-spec, --thread-spec, --tmp, --switches, --segment, --contiguous, --reboot, "
      "--bb, --prefer, --spread-job";
  EXPECT_EQ(*job.request, wanted) << job.request->others;
}

TEST(Published, NodesAndPartitionsAreReadByTheNamesOfTheNewestVersion) {
  const std::string nodes = R"({"errors": [], "nodes": [{"name": "n1", "address": "10.0.0.1",
      "gres": "gpu:h100:8", "cpus": 64, "threads": 2, "real_memory": 1000, "reason": "fan",
      "reason_set_by_user": "ada", "active_features": ["ib"], "state": ["IDLE", "DRAIN"]}]})";
  expect_published("nodes", nodes);
  const auto read = read_nodes(nodes);
  ASSERT_TRUE(read.ok()) << read.error().message;
  SlurmNode node{"n1", "10.0.0.1", {"h100", 8}, 64, 2, 1000, {"IDLE", "DRAIN"}, "fan"};
  node.reason_by = "ada";
  node.features = {"ib"};
  EXPECT_TRUE(read->front() == node);

  const std::string partitions = R"({"errors": [], "partitions": [{"name": "gpu",
      "nodes": {"configured": "n[1-2]"}, "partition": {"state": ["UP"]},
      "maximums": {"time": {"set": true, "infinite": false, "number": 60}},
      "defaults": {"time": {"set": true, "infinite": false, "number": 30}}}]})";
  expect_published("partitions", partitions);
  const auto parts = read_partitions(partitions);
  ASSERT_TRUE(parts.ok()) << parts.error().message;
  EXPECT_THAT(parts->front().nodes, ElementsAre("n1", "n2"));
  EXPECT_EQ(parts->front().minutes_max, 60);
  EXPECT_EQ(parts->front().minutes_default, 30);
}

TEST(RestFormat, ChangesAreWrittenAsEachVersionTakesThem) {
  const SlurmRelease release{{"n4", "n1"}, 100};
  EXPECT_EQ(write_release(release, {38}),
            R"({"nodelist":"n4,n1","begin_time":"now","hold":false})");
  EXPECT_EQ(
      write_release(release, {40}),
      R"({"required_nodes":["n4","n1"],"begin_time":{"set":true,"infinite":false,"number":100},)"
      R"("hold":false})");
  EXPECT_EQ(write_hold(true), R"({"hold":true})");
  EXPECT_FALSE(can_change_nodes({38}));
  EXPECT_EQ(write_node_order({"n1", true, "why"}), R"({"state":["DRAIN"],"reason":"why"})");
  EXPECT_EQ(write_node_order({"n1", false, ""}), R"({"state":["RESUME"]})");
}

}  // namespace
}  // namespace mw::slurm
