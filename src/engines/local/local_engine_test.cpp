// The engine with real processes: what tasks are given, how they end, how they are stopped.
#include "engines/local/local_engine.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>

#include "engines/local/testing/engine_fixture.h"

namespace mw::local::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_F(EngineTest, ReportsTheNodeThenTheStartThenTheEnd) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "echo hello; echo oops >&2");
  engine->set(attempt);
  EXPECT_TRUE(wait_exit(reports, attempt).ok());
  auto bodies = reports.all();
  std::erase_if(bodies, [&](const InputBody& body) {
    return std::holds_alternative<AttemptGone>(body);  // the fixture's probe
  });
  ASSERT_EQ(bodies.size(), 3U);
  EXPECT_EQ(std::get<NodeSeen>(bodies[0]).spec.name, node_name_);
  EXPECT_EQ(std::get<AttemptStarted>(bodies[1]), (AttemptStarted{attempt.job, attempt.epoch}));
  EXPECT_EQ(std::get<TaskExited>(bodies[2]).job, attempt.job);
  EXPECT_EQ(output(*engine, attempt), "hello\n");
  EXPECT_EQ(output(*engine, attempt, Rank(0), true), "oops\n");
}

TEST_F(EngineTest, TellsHowEachTaskEnded) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt code = shell(1, "exit 42");
  const DesiredAttempt signal = shell(2, "kill -SEGV $$");
  engine->set(code);
  engine->set(signal);
  EXPECT_EQ(wait_exit(reports, code), (TaskExit{42, 0, false, ""}));
  EXPECT_EQ(wait_exit(reports, signal), (TaskExit{0, SIGSEGV, false, ""}));
}

TEST_F(EngineTest, ATaskMayCloseItsOutputAndStillEndAsItDoes) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "exec >&- 2>&-; exit 3");
  engine->set(attempt);
  EXPECT_EQ(wait_exit(reports, attempt), (TaskExit{3, 0, false, ""}));
}

TEST_F(EngineTest, EveryRankIsToldItsPlaceAndTheSameMeetingPoint) {
  Reports reports;
  const auto engine = start(reports);
  DesiredAttempt attempt = shell(7, "env", 3);
  attempt.attempt = AttemptNumber(2);
  attempt.record = JobId(5);
  attempt.resume_from = {.step = 40, .path = "/data/checkpoint-40"};
  JobSpec& spec = spec_of(attempt);
  spec.array = 4;
  spec.environment = {{"COLOUR", "blue=green\nred"}};
  engine->set(attempt);
  std::set<std::string> ports;
  for (std::uint32_t rank = 0; rank < 3; ++rank) {
    EXPECT_TRUE(wait_exit(reports, attempt, Rank(rank)).ok());
    const auto variables = lines_of(output(*engine, attempt, Rank(rank)));
    EXPECT_THAT(variables, Contains("RANK=" + std::to_string(rank)));
    EXPECT_THAT(variables, Contains("LOCAL_RANK=" + std::to_string(rank)));
    EXPECT_THAT(variables, Contains("MILLWRIGHT_DEVICES=" + std::to_string(rank)));
    for (const char* const each :
         {"WORLD_SIZE=3", "TORCHELASTIC_RESTART_COUNT=1", "MASTER_ADDR=127.0.0.1",
          "MILLWRIGHT_JOB_ID=7", "MILLWRIGHT_ATTEMPT=2", "MILLWRIGHT_ARRAY_INDEX=2",
          "MILLWRIGHT_ARRAY_COUNT=4", "MILLWRIGHT_TOKEN=secret-7-2", "MILLWRIGHT_NODE=node-a",
          "MILLWRIGHT_CHECKPOINT_STEP=40", "MILLWRIGHT_CHECKPOINT_PATH=/data/checkpoint-40",
          "MILLWRIGHT_BIN=/opt/millwright/mw", "COLOUR=blue=green", "red"}) {
      EXPECT_THAT(variables, Contains(std::string(each)));
    }
    for (const std::string& line : variables) {
      if (line.rfind("MASTER_PORT=", 0) == 0) ports.insert(line);
    }
  }
  EXPECT_EQ(ports.size(), 1U);
}

TEST_F(EngineTest, AGangRunsOverSeveralVirtualNodes) {
  LocalEngineOptions two = options();
  two.declared.push_back(two.declared.front());
  two.declared.back().name = "node-b";
  Reports reports;
  const auto engine = start(reports, {}, two);
  DesiredAttempt attempt =
      shell(1, "echo $RANK $LOCAL_RANK $GROUP_RANK $NNODES $LOCAL_WORLD_SIZE $MILLWRIGHT_NODE", 3);
  attempt.placement = {{NodeId(0), 0, 1, {{5, kWholeAccelerator}}},
                       {NodeId(1), 1, 2, {{0, kWholeAccelerator}, {1, kWholeAccelerator}}}};
  attempt.node_names = {"node-a", "node-b"};
  engine->set(attempt);
  for (std::uint32_t rank = 0; rank < 3; ++rank) wait_exit(reports, attempt, Rank(rank));
  EXPECT_EQ(output(*engine, attempt, Rank(0)), "0 0 0 2 1 node-a\n");
  EXPECT_EQ(output(*engine, attempt, Rank(1)), "1 0 1 2 2 node-b\n");
  EXPECT_EQ(output(*engine, attempt, Rank(2)), "2 1 1 2 2 node-b\n");
  EXPECT_EQ(std::get<NodeSeen>(reports.all()[1]).spec.name, "node-b");
}

TEST_F(EngineTest, ATaskStartsInItsFolderWithoutInputAndWithOrdinarySignals) {
  Reports reports;
  const auto engine = start(reports);
  std::filesystem::create_directory(path("work"));
  DesiredAttempt attempt = shell(1, "pwd; cat; umask; grep -E 'SigBlk|SigIgn' /proc/self/status");
  spec_of(attempt).workdir = path("work");
  engine->set(attempt);
  EXPECT_TRUE(wait_exit(reports, attempt).ok());
  const std::string none = "\t0000000000000000\n";
  EXPECT_EQ(output(*engine, attempt), path("work") + "\n0022\nSigBlk:" + none + "SigIgn:" + none);
}

TEST_F(EngineTest, ATaskInheritsNoDescriptorOfOurs) {
  Reports reports;
  const UniqueFd careless(::dup(0));  // not marked to be closed
  const auto engine = start(reports);
  DesiredAttempt attempt = shell(1, "");
  spec_of(attempt).command = {"/bin/ls", "/proc/self/fd"};
  engine->set(attempt);
  EXPECT_TRUE(wait_exit(reports, attempt).ok());
  EXPECT_EQ(output(*engine, attempt), "0\n1\n2\n3\n");  // 3: the folder that ls reads
}

struct CannotRunCase {
  const char* what;
  std::vector<std::string> command;
  const char* workdir;
  int exit_code;
  const char* detail;
};

TEST_F(EngineTest, SaysWhyACommandCannotBeRun) {
  Reports reports;
  const auto engine = start(reports);
  ASSERT_TRUE(replace_file(path("plain"), "no program", Durability::kProcess).ok());
  ASSERT_TRUE(replace_file(path("garbage"), "no program", Durability::kProcess).ok());
  ASSERT_EQ(::chmod(path("garbage").c_str(), 0755), 0);
  const std::vector<CannotRunCase> cases = {
      {"not in PATH", {"no-such-command"}, "", 127, "command not found: `no-such-command`"},
      {"no such file", {"./nothing"}, "", 127, "cannot run `./nothing`: No such file"},
      {"not executable", {"./plain"}, "", 126, "cannot run `./plain`: Permission denied"},
      {"not a program", {"./garbage"}, "", 126, "cannot run `./garbage`: Exec format error"},
      {"a folder", {"/tmp"}, "", 126, "cannot run `/tmp`: Permission denied"},
      {"no folder",
       {"/bin/true"},
       "/no/such",
       127,
       "cannot enter the working directory `/no/such`"},
  };
  std::uint64_t job = 0;
  for (const CannotRunCase& each : cases) {
    SCOPED_TRACE(each.what);
    DesiredAttempt attempt = shell(++job, "");
    spec_of(attempt).command = each.command;
    if (*each.workdir != '\0') spec_of(attempt).workdir = each.workdir;
    engine->set(attempt);
    const TaskExit exit = wait_exit(reports, attempt);
    EXPECT_EQ(exit.exit_code, each.exit_code);
    EXPECT_THAT(exit.detail, HasSubstr(each.detail));
  }
  for (const InputBody& body : reports.all()) {
    EXPECT_FALSE(std::holds_alternative<AttemptStarted>(body)) << "it never ran";
  }
}

TEST_F(EngineTest, NobodyRunsAsSomebodyElse) {
  Reports reports;
  LocalEngineOptions as_ada = options();
  as_ada.user = "ada";
  const auto engine = start(reports, {}, as_ada);
  EXPECT_FALSE(engine->runs_as_users());
  DesiredAttempt attempt = shell(1, "exit 0");
  spec_of(attempt).user = "bob";
  engine->set(attempt);
  const AttemptGone gone = wait_gone(reports, attempt);
  EXPECT_TRUE(gone.start_failed);
  EXPECT_THAT(gone.detail, HasSubstr("of user bob, and here all run as ada"));
  DesiredAttempt own = shell(2, "exit 0");
  spec_of(own).user = "ada";
  engine->set(own);
  EXPECT_EQ(wait_exit(reports, own).exit_code, 0);
}

TEST_F(EngineTest, AValueThatNoProcessCanBeGivenIsAFailedStart) {
  Reports reports;
  const auto engine = start(reports);
  DesiredAttempt attempt = shell(1, "");
  spec_of(attempt).command = {"/bin/echo", std::string("a\0b", 3)};
  engine->set(attempt);
  const AttemptGone gone = wait_gone(reports, attempt);
  EXPECT_TRUE(gone.start_failed);
  EXPECT_THAT(gone.detail, HasSubstr("command holds a NUL byte"));
}

TEST_F(EngineTest, AGangThatCannotBeStartedWholeIsNotLeftInParts) {
  Reports reports;
  const auto engine = start(reports);
  // Rank 1's folder cannot be made where a file stands.
  const DesiredAttempt attempt = shell(1, "sleep 1000", 3);
  std::filesystem::create_directories(path("run/1/1"));
  ASSERT_TRUE(replace_file(path("run/1/1/1"), "in the way", Durability::kProcess).ok());
  engine->set(attempt);
  const AttemptGone gone = wait_gone(reports, attempt);
  EXPECT_TRUE(gone.start_failed);
  EXPECT_THAT(gone.detail, HasSubstr("run/1/1/1"));
  EXPECT_THAT(survivors(), ::testing::IsEmpty());
}

TEST_F(EngineTest, AMissingSupervisorIsSaidAtTheStart) {
  LocalEngineOptions wrong = options();
  wrong.supervisor = path("nowhere/mw-supervisor");
  const auto engine = make_local_engine(wrong);
  const auto started = engine->start([](const InputBody&) {}, {});
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message, HasSubstr("nowhere/mw-supervisor"));
}

TEST_F(EngineTest, AStoppedTaskIsAskedFirst) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt =
      shell(1, "trap 'echo asked; exit 5' TERM; : > ready; while :; do sleep 0.01; done");
  engine->set(attempt);
  wait_file(path("ready"));
  engine->set(stopping(attempt, seconds(60)));
  EXPECT_EQ(wait_exit(reports, attempt), (TaskExit{5, 0, false, ""}));
  EXPECT_EQ(output(*engine, attempt), "asked\n");
}

TEST_F(EngineTest, ATaskThatDoesNotListenIsKilledAfterTheGrace) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "trap '' TERM; : > ready; while :; do sleep 0.01; done");
  engine->set(attempt);
  wait_file(path("ready"));
  const std::int64_t before = monotonic_ns();
  engine->set(stopping(attempt, milliseconds(300)));
  EXPECT_EQ(wait_exit(reports, attempt), (TaskExit{0, SIGKILL, false, ""}));
  EXPECT_GE(monotonic_ns() - before, milliseconds(300).count());
}

TEST_F(EngineTest, AStopMayBecomeMoreUrgent) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "trap '' TERM; : > ready; while :; do sleep 0.01; done");
  engine->set(attempt);
  wait_file(path("ready"));
  engine->set(stopping(attempt, hours(1)));
  engine->set(stopping(attempt, milliseconds(0)));
  EXPECT_EQ(wait_exit(reports, attempt).signal, SIGKILL);
}

TEST_F(EngineTest, AStopRightAfterTheStartIsNotLost) {
  Reports reports;
  const auto engine = start(reports);
  for (std::uint64_t job = 1; job <= 10; ++job) {
    const DesiredAttempt attempt = shell(job, "sleep 1000");
    engine->set(attempt);
    engine->set(stopping(attempt, seconds(30)));
    EXPECT_EQ(wait_exit(reports, attempt).signal, SIGTERM);
  }
}

TEST_F(EngineTest, StoppingWhatNeverStartedIsReportedAsGone) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "true");
  engine->set(stopping(attempt, seconds(1)));
  EXPECT_FALSE(wait_gone(reports, attempt).start_failed);
  EXPECT_FALSE(std::filesystem::exists(files(attempt).directory));
}

class EngineContainmentTest : public EngineTest,
                              public ::testing::WithParamInterface<ContainmentChoice> {
 protected:
  LocalEngineOptions chosen() const {
    LocalEngineOptions result = options();
    result.containment = GetParam();
    return result;
  }
};

TEST_P(EngineContainmentTest, WhatATaskLeavesBehindIsKilledWithIt) {
  Reports reports;
  const auto engine = start(reports, {}, chosen());
  // One in the task's group, one in a session of its own, whose parent has gone, which ignores
  // whatever can be ignored.
  const DesiredAttempt attempt = shell(1,
                                       "sleep 1000 & setsid sh -c "
                                       "'(trap \"\" HUP TERM INT; : > ready; sleep 1000) &' & "
                                       "while [ ! -e ready ]; do sleep 0.01; done; exit 7");
  engine->set(attempt);
  EXPECT_EQ(wait_exit(reports, attempt).exit_code, 7);
  EXPECT_THAT(survivors(), Not(Contains(HasSubstr("sleep"))));
}

TEST_P(EngineContainmentTest, AStoppedTasksGrandchildrenDie) {
  Reports reports;
  const auto engine = start(reports, {}, chosen());
  const DesiredAttempt attempt =
      shell(1, "trap '' TERM; setsid sh -c 'sleep 1000 & : > ready; wait' & wait; sleep 1000");
  engine->set(attempt);
  wait_file(path("ready"));
  engine->set(stopping(attempt, milliseconds(10)));
  EXPECT_EQ(wait_exit(reports, attempt).signal, SIGKILL);
  EXPECT_THAT(survivors(), Not(Contains(HasSubstr("sleep"))));
}

TEST_P(EngineContainmentTest, AKilledSupervisorTakesItsTaskAlong) {
  Reports reports;
  const auto engine = start(reports, {}, chosen());
  const DesiredAttempt attempt = shell(1, "setsid sh -c 'sleep 1000 & : > ready; wait' & wait");
  engine->set(attempt);
  wait_started(reports, attempt);
  wait_file(path("ready"));
  const auto status = read_status(files(attempt));
  ASSERT_TRUE(status.has_value());
  ASSERT_EQ(::kill(status->supervisor.pid, SIGKILL), 0);
  const TaskExit exit = wait_exit(reports, attempt);
  EXPECT_EQ(exit, (TaskExit{0, SIGKILL, false, "its supervisor was killed"}));
  EXPECT_THAT(survivors(), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Each, EngineContainmentTest,
                         ::testing::Values(ContainmentChoice::kBest,
                                           ContainmentChoice::kProcessGroup),
                         [](const auto& choice) {
                           return choice.param == ContainmentChoice::kBest ? "Best"
                                                                           : "ProcessGroup";
                         });

TEST_F(EngineTest, AKilledRankIsReportedWhileTheOthersRun) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "sleep 1000", 2);
  engine->set(attempt);
  wait_started(reports, attempt);
  const auto status = read_status(files(attempt, Rank(1)));
  ASSERT_TRUE(status.has_value());
  ASSERT_EQ(::kill(status->task.pid, SIGKILL), 0);
  EXPECT_EQ(wait_exit(reports, attempt, Rank(1)), (TaskExit{0, SIGKILL, false, ""}));
  engine->set(stopping(attempt, seconds(30)));
  EXPECT_EQ(wait_exit(reports, attempt, Rank(0)), (TaskExit{0, SIGTERM, false, ""}));
}

TEST_F(EngineTest, ATaskOverItsMemoryIsKilledForIt) {
  Reports reports;
  const auto engine = start(reports);
  if (engine->containment().find("memory limited") == std::string::npos) {
    engine->detach();
    GTEST_SKIP() << engine->containment();
  }
  DesiredAttempt attempt = shell(1, "");
  spec_of(attempt).command = {"tail", "/dev/zero"};  // keeps all of an endless line
  spec_of(attempt).gang.task.memory = Bytes(32 << 20);
  engine->set(attempt);
  const TaskExit exit = wait_exit(reports, attempt);
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST_F(EngineTest, ATaskPastItsTimeLimitIsEndedThoughNobodyAsks) {
  LocalEngineOptions impatient = options();
  impatient.time_limit_slack = milliseconds(100);
  Reports reports;
  const auto engine = start(reports, {}, impatient);
  DesiredAttempt attempt = shell(1, "sleep 1000");
  spec_of(attempt).time_limit = milliseconds(100);
  spec_of(attempt).grace = milliseconds(100);
  engine->set(attempt);
  const TaskExit exit = wait_exit(reports, attempt);
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_THAT(exit.detail, HasSubstr("past its time limit"));
}

TEST_F(EngineTest, OutputIsReadAtStableOffsetsThoughTheOldestGoes) {
  LocalEngineOptions small = options();
  small.log_segment_bytes = 4096;
  small.log_segments = 3;
  Reports reports;
  const auto engine = start(reports, {}, small);
  // 5000 lines of 8 bytes: "0000001\n"...
  const DesiredAttempt attempt =
      shell(1, "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); printf '%07d\\n' $i; done");
  engine->set(attempt);
  EXPECT_TRUE(wait_exit(reports, attempt).ok());
  LogQuery query{.job = attempt.job, .attempt = attempt.attempt, .rank = Rank(0)};
  const auto oldest = engine->read_log(query);
  ASSERT_TRUE(oldest.ok());
  EXPECT_GE(oldest->offset, 40'000U - 3 * 4096);
  EXPECT_EQ(oldest->offset % 4096, 0U);
  query.offset = 4000 * 8;
  query.limit = 16;
  const auto inside = engine->read_log(query);
  ASSERT_TRUE(inside.ok());
  EXPECT_EQ(inside->offset, 32'000U);
  EXPECT_EQ(inside->data, "0004001\n0004002\n");
  EXPECT_FALSE(inside->complete);
  query.offset = 39'992;
  query.limit = 100;
  const auto last = engine->read_log(query);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(last->data, "0005000\n");
  EXPECT_TRUE(last->complete);
}

TEST_F(EngineTest, OutputIsThereWhileTheTaskRuns) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "echo first; while [ ! -e go ]; do sleep 0.01; done");
  engine->set(attempt);
  wait_started(reports, attempt);
  const LogQuery query{.job = attempt.job, .attempt = attempt.attempt, .rank = Rank(0)};
  wait_until([&] { return engine->read_log(query)->data == "first\n"; }, "the line is in the log");
  EXPECT_FALSE(engine->read_log(query)->complete);
  ASSERT_TRUE(replace_file(path("go"), "", Durability::kProcess).ok());
  wait_exit(reports, attempt);
  EXPECT_TRUE(engine->read_log(query)->complete);
}

TEST_F(EngineTest, OutputOfWhatNeverWasIsNotFound) {
  Reports reports;
  const auto engine = start(reports);
  const auto chunk =
      engine->read_log({.job = JobId(9), .attempt = AttemptNumber(1), .rank = Rank(0)});
  ASSERT_FALSE(chunk.ok());
  EXPECT_EQ(chunk.error().code, ErrorCode::kNotFound);
}

TEST_F(EngineTest, TheTokenIsInTheEnvironmentAndNowhereElse) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "exec sleep 1000");
  engine->set(attempt);
  wait_started(reports, attempt);
  struct stat info {};
  ASSERT_EQ(::stat(files(attempt).spec().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat(files(attempt).directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  const auto status = read_status(files(attempt));
  ASSERT_TRUE(status.has_value());
  const auto proc = [&](const ProcessId& id, const char* file) {
    return read_file("/proc/" + std::to_string(id.pid) + "/" + file).value_or("");
  };
  // While a process executes another program there is nothing in it.
  wait_until([&] { return proc(status->task, "cmdline").starts_with("sleep"); }, "it sleeps");
  EXPECT_THAT(proc(status->task, "environ"), HasSubstr("MILLWRIGHT_TOKEN=secret-1-1"));
  EXPECT_THAT(proc(status->task, "cmdline"), Not(HasSubstr("secret")));
  EXPECT_THAT(proc(status->supervisor, "cmdline"), Not(HasSubstr("secret")));
  EXPECT_THAT(proc(status->supervisor, "environ"), Not(HasSubstr("secret")));

  engine->set(stopping(attempt, seconds(30)));
  wait_exit(reports, attempt);
  engine->forget(attempt.job, attempt.epoch);
  wait_file(path("run/1/1/ended"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home_)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(read_file(entry.path().string()).value_or(""), Not(HasSubstr("secret")))
        << entry.path();
  }
}

TEST_F(EngineTest, SettingTwiceStartsOnce) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "echo once >> count; sleep 1000");
  for (int i = 0; i < 5; ++i) engine->set(attempt);
  wait_started(reports, attempt);
  for (int i = 0; i < 5; ++i) engine->set(attempt);
  wait_until([&] { return !text("count").empty(); }, "it ran");
  engine->set(stopping(attempt, seconds(30)));
  wait_exit(reports, attempt);
  EXPECT_EQ(text("count"), "once\n");
}

TEST_F(EngineTest, AnOlderEpochIsDropped) {
  Reports reports;
  const auto engine = start(reports);
  DesiredAttempt newer = shell(1, "sleep 1000");
  newer.attempt = AttemptNumber(2);
  newer.epoch = Epoch(20);
  DesiredAttempt older = shell(1, ": > older-ran; sleep 1000");
  older.epoch = Epoch(10);
  engine->set(newer);
  engine->set(older);
  wait_started(reports, newer);
  engine->set(stopping(newer, seconds(30)));
  wait_exit(reports, newer);
  EXPECT_FALSE(std::filesystem::exists(path("older-ran")));
  EXPECT_FALSE(std::filesystem::exists(path("run/1/1")));
}

TEST_F(EngineTest, ReportsAreRepeatedUntilForgotten) {
  LocalEngineOptions eager = options();
  eager.repeat_after = milliseconds(20);
  Reports reports;
  const auto engine = start(reports, {}, eager);
  const DesiredAttempt attempt = shell(1, "exit 1");
  engine->set(attempt);
  const auto exits = [](const std::vector<InputBody>& bodies) {
    return std::count_if(bodies.begin(), bodies.end(), [](const InputBody& body) {
      return std::holds_alternative<TaskExited>(body);
    });
  };
  EXPECT_TRUE(reports.wait([&](const auto& bodies) { return exits(bodies) >= 3; }, seconds(60)));
  engine->forget(attempt.job, attempt.epoch);
  wait_file(path("run/1/1/ended"));
  engine->set(attempt);  // late: it must not start again
  const DesiredAttempt next = shell(2, "true");
  engine->set(next);
  wait_exit(reports, next);
  EXPECT_TRUE(std::filesystem::exists(path("run/1/1/ended")));
  EXPECT_FALSE(std::filesystem::exists(files(attempt).spec()));
}

TEST_F(EngineTest, BeingToldAgainItSaysAgainHowItIs) {
  Reports reports;
  const auto engine = start(reports);
  const DesiredAttempt attempt = shell(1, "exit 1");
  engine->set(attempt);
  wait_exit(reports, attempt);
  engine->set(attempt);
  EXPECT_TRUE(reports.wait(
      [](const std::vector<InputBody>& bodies) {
        return std::count_if(bodies.begin(), bodies.end(), [](const InputBody& body) {
                 return std::holds_alternative<TaskExited>(body);
               }) >= 2;
      },
      seconds(60)));
}

TEST_F(EngineTest, OnlyTheLatestOutputsAreKept) {
  LocalEngineOptions tidy = options();
  tidy.logs_kept = 2;
  Reports reports;
  const auto engine = start(reports, {}, tidy);
  for (std::uint64_t job = 1; job <= 4; ++job) {
    const DesiredAttempt attempt = shell(job, "echo kept");
    engine->set(attempt);
    wait_exit(reports, attempt);
    engine->forget(attempt.job, attempt.epoch);
    wait_file(path("run/" + std::to_string(job) + "/1/ended"));
  }
  wait_until([&] { return !std::filesystem::exists(path("run/2")); }, "the second's output went");
  EXPECT_FALSE(std::filesystem::exists(path("run/1")));
  EXPECT_EQ(output(*engine, shell(3, "")), "kept\n");
  EXPECT_EQ(output(*engine, shell(4, "")), "kept\n");
}

}  // namespace
}  // namespace mw::local::testing
