// Control planes come and go, tasks stay: what a new engine makes of what an earlier one left.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/random.h"
#include "engines/local/testing/engine_fixture.h"

namespace mw::local::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AdoptionTest : public EngineTest {
 protected:
  /// Runs `attempt` until it is reported to run, under an engine that then lets go of it.
  void leave_running(const DesiredAttempt& attempt) {
    Reports reports;
    const auto engine = start(reports);
    engine->set(attempt);
    wait_started(reports, attempt);
    engine->detach();
  }
  TaskStatus status(const DesiredAttempt& attempt, Rank rank = Rank(0)) {
    const auto found = read_status(files(attempt, rank));
    EXPECT_TRUE(found.has_value());
    return found.value_or(TaskStatus{});
  }
};

TEST_F(AdoptionTest, ARunningTaskIsNotDisturbed) {
  const DesiredAttempt attempt =
      shell(1, "echo begin; while [ ! -e go ]; do sleep 0.01; done; echo end; exit 4");
  leave_running(attempt);
  const TaskStatus before = status(attempt);
  Reports reports;
  const auto engine = start(reports, {attempt});
  wait_started(reports, attempt);
  EXPECT_EQ(status(attempt), before);
  ASSERT_TRUE(replace_file(path("go"), "", Durability::kProcess).ok());
  EXPECT_EQ(wait_exit(reports, attempt), (TaskExit{4, 0, false, ""}));
  EXPECT_EQ(output(*engine, attempt), "begin\nend\n");
}

TEST_F(AdoptionTest, AnEndThatNobodySawIsReported) {
  const DesiredAttempt attempt = shell(1, "while [ ! -e go ]; do sleep 0.01; done; exit 4");
  leave_running(attempt);
  ASSERT_TRUE(replace_file(path("go"), "", Durability::kProcess).ok());
  wait_until([&] { return status(attempt).phase == TaskPhase::kExited; }, "its end is on disk");
  Reports reports;
  const auto engine = start(reports, {attempt});
  wait_started(reports, attempt);
  EXPECT_EQ(wait_exit(reports, attempt), (TaskExit{4, 0, false, ""}));
}

TEST_F(AdoptionTest, AStopThatWasDecidedMeanwhileIsCarriedOut) {
  const DesiredAttempt attempt = shell(1, "sleep 1000");
  leave_running(attempt);
  Reports reports;
  const auto engine = start(reports, {stopping(attempt, seconds(30))});
  EXPECT_EQ(wait_exit(reports, attempt).signal, SIGTERM);
}

TEST_F(AdoptionTest, WhatNobodyWantsIsStoppedAndNotReported) {
  const DesiredAttempt attempt = shell(1, "sleep 1000", 2);
  leave_running(attempt);
  Reports reports;
  const auto engine = start(reports);
  wait_file(path("run/1/1/ended"));
  EXPECT_THAT(survivors(), IsEmpty());
  for (const InputBody& body : reports.all()) {
    EXPECT_FALSE(std::holds_alternative<TaskExited>(body));
    EXPECT_FALSE(std::holds_alternative<AttemptStarted>(body));
  }
}

TEST_F(AdoptionTest, AGangOfWhichAPartWasStartedIsCompleted) {
  const DesiredAttempt attempt = shell(1, "echo $MASTER_PORT; exec sleep 1000", 2);
  leave_running(attempt);
  // As if the control plane had been killed before it came to rank 1.
  ASSERT_EQ(::kill(status(attempt, Rank(1)).supervisor.pid, SIGKILL), 0);
  const pid_t task = status(attempt, Rank(1)).task.pid;
  wait_until([&] { return !read_process(task) || read_process(task)->state == 'Z'; },
             "rank 1 is dead");
  std::filesystem::remove_all(files(attempt, Rank(1)).directory);
  const TaskStatus before = status(attempt, Rank(0));
  Reports reports;
  const auto engine = start(reports, {attempt});
  wait_started(reports, attempt);
  EXPECT_EQ(status(attempt, Rank(0)), before);
  // It runs, which is not to say that its shell has come to the first command.
  wait_until([&] { return !read_line(files(attempt, Rank(1)).directory + "/stdout.log").empty(); },
             "rank 1 has said its port");
  engine->set(stopping(attempt, seconds(30)));
  wait_exit(reports, attempt, Rank(0));
  wait_exit(reports, attempt, Rank(1));
  EXPECT_EQ(output(*engine, attempt, Rank(0)), output(*engine, attempt, Rank(1)));
  EXPECT_NE(output(*engine, attempt, Rank(0)), "");
}

TEST_F(AdoptionTest, ASupervisorThatWasKilledMeanwhileIsNoticedAndItsLeftoversKilled) {
  const DesiredAttempt attempt = shell(1, "setsid sh -c 'sleep 1000 & : > ready; wait' & wait");
  leave_running(attempt);
  wait_file(path("ready"));
  ASSERT_EQ(::kill(status(attempt).supervisor.pid, SIGKILL), 0);
  {
    Reports reports;
    const auto engine = start(reports, {attempt});
    EXPECT_EQ(wait_exit(reports, attempt),
              (TaskExit{0, SIGKILL, false, "its supervisor was killed"}));
    EXPECT_THAT(survivors(), IsEmpty());
  }
  Reports again;
  const auto engine = start(again, {attempt});
  EXPECT_EQ(wait_exit(again, attempt).detail, "its supervisor was killed");
}

TEST_F(AdoptionTest, WhatRanBeforeTheMachineWasRestartedHasEnded) {
  const DesiredAttempt attempt = shell(1, ": > ran");
  TaskSpec spec;
  spec.job = attempt.job;
  spec.attempt = attempt.attempt;
  spec.epoch = attempt.epoch;
  spec.boot_id = "another-boot";
  spec.command = attempt.spec->command;
  // With its status, and with the status lost in the same loss of power.
  for (const bool with_status : {true, false}) {
    const RankFiles rank = files(attempt);
    std::filesystem::create_directories(rank.directory);
    ASSERT_TRUE(replace_file(rank.spec(), *encode_spec(spec), Durability::kProcess).ok());
    ASSERT_TRUE(replace_file(rank.lock(), "", Durability::kProcess).ok());
    TaskStatus last;
    last.phase = TaskPhase::kRunning;
    // The number is used again, by a stranger: this very process.
    last.supervisor = {.pid = ::getpid(), .start_ticks = 1};
    if (with_status) {
      ASSERT_TRUE(replace_file(rank.status(), encode_status(last), Durability::kProcess).ok());
    }
    Reports reports;
    const auto engine = start(reports, {attempt});
    EXPECT_THAT(wait_exit(reports, attempt).detail, HasSubstr("machine was restarted"));
    EXPECT_FALSE(std::filesystem::exists(path("ran")));
    engine->detach();
    std::filesystem::remove_all(path("run"));
  }
}

TEST_F(AdoptionTest, AStatusThatCannotBeReadIsNotTakenForNeverStarted) {
  const DesiredAttempt attempt = shell(1, ": > ran");
  const RankFiles rank = files(attempt);
  std::filesystem::create_directories(rank.directory);
  ASSERT_TRUE(replace_file(rank.lock(), "", Durability::kProcess).ok());
  ASSERT_TRUE(replace_file(rank.status(), "{\"state\":", Durability::kProcess).ok());
  Reports reports;
  const auto engine = start(reports, {attempt});
  EXPECT_EQ(wait_exit(reports, attempt).detail, "its supervisor was killed");
  EXPECT_FALSE(std::filesystem::exists(path("ran")));
}

TEST_F(AdoptionTest, ANewJournalsAttemptTakesThePlaceOfAnOldOnesOfTheSameNumber) {
  DesiredAttempt old = shell(1, "trap '' TERM; : > ready; while :; do sleep 0.01; done");
  spec_of(old).grace = milliseconds(50);
  leave_running(old);
  wait_file(path("ready"));
  DesiredAttempt fresh = shell(1, "echo fresh");
  fresh.epoch = Epoch(77);
  Reports reports;
  const auto engine = start(reports, {fresh});
  EXPECT_TRUE(wait_exit(reports, fresh).ok());
  EXPECT_EQ(output(*engine, fresh), "fresh\n");
  engine->forget(fresh.job, fresh.epoch);
  wait_file(path("run/1/1/ended"));
  engine->detach();

  DesiredAttempt third = shell(1, "echo third");
  third.epoch = Epoch(5);
  Reports more;
  const auto next = start(more);
  next->set(third);
  EXPECT_TRUE(wait_exit(more, third).ok());
  EXPECT_EQ(output(*next, third), "third\n");
}

TEST_F(AdoptionTest, AHomeThatWasDeletedDoesNotTouchTheNextOneAtItsPath) {
  // The old task ends when it is told to, by a file outside of the home.
  const std::string gate = home_ + ".gate";
  const std::string waiting = "while [ ! -e '" + gate + "' ]; do sleep 0.01; done; exit 5";
  const DesiredAttempt old = shell(1, waiting);
  leave_running(old);
  const pid_t old_supervisor = status(old).supervisor.pid;
  std::filesystem::remove_all(home_);
  std::filesystem::create_directory(home_);
  {
    // The same numbers, another history.
    Reports reports;
    const auto engine = start(reports);
    DesiredAttempt next = shell(1, "echo begin; while [ ! -e go ]; do sleep 0.01; done; exit 4");
    next.epoch = Epoch(77);
    engine->set(next);
    wait_started(reports, next);
    const TaskStatus before = status(next);
    ASSERT_TRUE(replace_file(gate, "", Durability::kProcess).ok());
    // It is our child and nobody reaps it, as its engine is gone.
    wait_until([&] { return read_process(old_supervisor).value_or(ProcessRow{}).state == 'Z'; },
               "the old one ended");
    EXPECT_EQ(status(next), before);
    ASSERT_TRUE(replace_file(path("go"), "", Durability::kProcess).ok());
    EXPECT_EQ(wait_exit(reports, next), (TaskExit{4, 0, false, ""}));
    EXPECT_EQ(output(*engine, next), "begin\n");
  }
  std::filesystem::remove(gate);
}

TEST_F(AdoptionTest, OfTwoEnginesOneStartsEachTaskAndBothReportIt) {
  Reports first_reports;
  Reports second_reports;
  const auto first = start(first_reports);
  const auto second = start(second_reports);
  std::vector<DesiredAttempt> attempts;
  for (std::uint64_t job = 1; job <= 20; ++job) {
    attempts.push_back(shell(job, "echo $MILLWRIGHT_JOB_ID.$RANK >> started; sleep 0.05", 2));
    first->set(attempts.back());
    second->set(attempts.back());
  }
  for (const DesiredAttempt& attempt : attempts) {
    for (const Rank rank : {Rank(0), Rank(1)}) {
      EXPECT_TRUE(wait_exit(first_reports, attempt, rank).ok());
      EXPECT_TRUE(wait_exit(second_reports, attempt, rank).ok());
    }
  }
  std::map<std::string, int> starts;
  std::istringstream lines(text("started"));
  for (std::string line; std::getline(lines, line);) ++starts[line];
  EXPECT_EQ(starts.size(), 40U);
  for (const auto& [task, count] : starts) EXPECT_EQ(count, 1) << task;
}

// A process of its own plays the control plane and is killed at a random moment, again and again,
// each time with one more job to run.
TEST_F(AdoptionTest, KilledAtAnyMomentEachTaskStillRunsOnce) {
  const auto seed = static_cast<std::uint64_t>(monotonic_ns());
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<DesiredAttempt> attempts;
  for (std::uint64_t job = 1; job <= 25; ++job) {
    attempts.push_back(shell(job, "echo $MILLWRIGHT_JOB_ID.$RANK >> started; sleep 0.02", 2));
    const pid_t control_plane = ::fork();
    ASSERT_GE(control_plane, 0);
    if (control_plane == 0) {
      const auto engine = make_local_engine(options());
      std::vector<DesiredAttempt> known(attempts.begin(), attempts.end() - 1);
      const auto started = engine->start([](const InputBody&) {}, std::move(known));
      if (!started.ok()) ::_exit(1);
      engine->set(attempts.back());
      while (true) ::pause();
    }
    // Starting takes some milliseconds: anywhere in it, or shortly after.
    const timespec moment{.tv_sec = 0, .tv_nsec = random.between(0, 30'000'000)};
    ::nanosleep(&moment, nullptr);
    ASSERT_EQ(::kill(control_plane, SIGKILL), 0);
    int result = 0;
    ASSERT_EQ(::waitpid(control_plane, &result, 0), control_plane);
    ASSERT_TRUE(WIFSIGNALED(result));
  }
  Reports reports;
  const auto engine = start(reports, attempts);
  for (const DesiredAttempt& attempt : attempts) {
    for (const Rank rank : {Rank(0), Rank(1)}) EXPECT_TRUE(wait_exit(reports, attempt, rank).ok());
  }
  std::map<std::string, int> starts;
  std::istringstream lines(text("started"));
  for (std::string line; std::getline(lines, line);) ++starts[line];
  EXPECT_EQ(starts.size(), 2 * attempts.size());
  for (const auto& [task, count] : starts) EXPECT_EQ(count, 1) << task;
}

}  // namespace
}  // namespace mw::local::testing
