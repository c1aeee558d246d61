// Hooks: run once, without a shell, in time, and ended with all that they start.
#include "engines/hooks/hook_engine.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "engines/hooks/hook_process.h"

namespace mw {
namespace {

using ::testing::HasSubstr;

/// An engine of which nothing is asked but to be there.
class QuietEngine final : public Engine {
 public:
  Result<void> start(ObservationSink, std::vector<DesiredAttempt>) override { return {}; }
  void set(DesiredAttempt) override { ++sets; }
  void forget(JobId, Epoch) override {}
  void detach() override {}
  Result<LogChunk> read_log(const LogQuery&) override { return LogChunk{}; }
  std::string containment() const override { return "quiet"; }
  void remedy(DesiredRemedy desired) override { remedies.push_back(std::move(desired)); }
  bool carries_out(FaultAction) const override { return reboots; }
  void forget_remedy(const std::string&, Epoch remedy) override { forgotten.push_back(remedy); }
  int sets = 0;
  bool reboots = false;
  std::vector<DesiredRemedy> remedies;
  std::vector<Epoch> forgotten;
};

class HookEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("mw-hooks-" + std::to_string(getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    begin();
  }
  /// A control plane's engine, on what is there.
  void begin() {
    auto inner = std::make_unique<QuietEngine>();
    inner_ = inner.get();
    engine_ = make_hook_engine(std::move(inner), {folder_ / "hooks", MW_SUPERVISOR_PATH});
    ASSERT_TRUE(engine_->start([this](InputBody body) { hear(std::move(body)); }, {}).ok());
  }
  void TearDown() override {
    engine_->detach();
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void hear(InputBody body) {
    const std::lock_guard lock(mutex_);
    heard_.push_back(std::get<RemedyReported>(body));
    changed_.notify_all();
  }
  /// The report number `index`, waited for.
  RemedyReported report(std::size_t index) {
    std::unique_lock lock(mutex_);
    const bool came =
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return heard_.size() > index; });
    EXPECT_TRUE(came) << "nothing was heard";
    return came ? heard_[index] : RemedyReported{};
  }
  std::size_t reports() {
    const std::lock_guard lock(mutex_);
    return heard_.size();
  }
  DesiredRemedy remedy(std::uint64_t number, std::vector<std::string> command) {
    DesiredRemedy desired;
    desired.node = "n1";
    desired.remedy = Epoch(number);
    desired.action = FaultAction::kReboot;
    desired.code = "nvidia.xid.79";
    desired.device = 3;
    desired.hook = FaultHook{FaultAction::kReboot, std::move(command), seconds(60), 0, {}};
    return desired;
  }
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  std::string text(const std::string& name) {
    std::ifstream file(folder_ / name);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

  std::filesystem::path folder_;
  QuietEngine* inner_ = nullptr;
  std::unique_ptr<Engine> engine_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<RemedyReported> heard_;
};

TEST_F(HookEngineTest, IsToldEverythingInItsEnvironmentAndNoShellReadsItsArguments) {
  DesiredRemedy desired =
      remedy(5, {"/bin/sh", "-c", "env > " + path("env") + "; echo \"$1\"", "x", "$(id); a b"});
  desired.hook->environment.push_back({"BMC", "10.0.0.1"});
  engine_->remedy(desired);
  const RemedyReported told = report(0);
  EXPECT_TRUE(told.ok) << told.detail;
  EXPECT_EQ(told.node, "n1");
  EXPECT_EQ(told.remedy, Epoch(5));
  EXPECT_EQ(told.detail, "$(id); a b");
  const std::string env = text("env");
  for (const char* line : {"MILLWRIGHT_NODE=n1\n", "MILLWRIGHT_ACTION=reboot\n",
                           "MILLWRIGHT_REMEDY=5\n", "MILLWRIGHT_FAULT=nvidia.xid.79\n",
                           "MILLWRIGHT_DEVICE=3\n", "MILLWRIGHT_TRY=1\n", "BMC=10.0.0.1\n"}) {
    EXPECT_THAT(env, HasSubstr(line));
  }
}

TEST_F(HookEngineTest, IsRunOnceHoweverOftenItIsTold) {
  const DesiredRemedy desired = remedy(7, {"/bin/sh", "-c", "echo run >> " + path("runs")});
  for (int i = 0; i < 5; ++i) engine_->remedy(desired);
  EXPECT_TRUE(report(0).ok);
  const std::size_t before = reports();
  engine_->remedy(desired);
  EXPECT_TRUE(report(before).ok) << "how it ended is told again";
  engine_->remedy(remedy(6, {"/bin/sh", "-c", "echo late >> " + path("runs")}));
  engine_->forget_remedy("n1", Epoch(7));
  engine_->remedy(desired);  // a command that comes late
  engine_->remedy(remedy(8, {"/bin/sh", "-c", "echo next >> " + path("runs")}));
  std::size_t index = before;
  while (report(index).remedy != Epoch(8)) ++index;
  EXPECT_EQ(text("runs"), "run\nnext\n");
}

TEST_F(HookEngineTest, FailsAsItFailsAndIsTriedAgain) {
  DesiredRemedy desired =
      remedy(1, {"/bin/sh", "-c", "echo try $MILLWRIGHT_TRY; test $MILLWRIGHT_TRY = 2"});
  desired.hook->retries = 1;
  engine_->remedy(desired);
  EXPECT_TRUE(report(0).ok);
  engine_->remedy(remedy(2, {"/bin/sh", "-c", "echo no power >&2; exit 3"}));
  EXPECT_FALSE(report(1).ok);
  EXPECT_EQ(report(1).detail, "it exited with code 3: no power");
  engine_->remedy(remedy(3, {path("nothing here")}));
  EXPECT_THAT(report(2).detail, HasSubstr("cannot run"));
  EXPECT_THAT(report(2).detail, HasSubstr("No such file"));
  DesiredRemedy none = remedy(4, {});
  none.hook.reset();
  engine_->remedy(none);
  EXPECT_EQ(report(3).detail, "no program is set");
}

TEST_F(HookEngineTest, TakesNoLongerThanItMayAndLeavesNothing) {
  DesiredRemedy desired =
      remedy(1, {"/bin/sh", "-c", "sleep 300 & echo $! > " + path("child") + "; echo begun; wait"});
  desired.hook->timeout = milliseconds(700);
  engine_->remedy(desired);
  EXPECT_EQ(report(0).detail, "it took longer than it may: begun");
  const int child = std::stoi(text("child"));
  // Killed, and perhaps not dead, or not reaped by whoever inherited it, at this very moment.
  const auto is_gone = [&] {
    std::ifstream state("/proc/" + std::to_string(child) + "/stat");
    std::string word;
    for (int i = 0; i < 3; ++i) state >> word;
    return !state || word == "Z" || word == "X";
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!is_gone() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(is_gone()) << "the child goes on";
}

TEST_F(HookEngineTest, WhatIsForgottenIsStoppedAndSaysNothing) {
  engine_->remedy(remedy(1, {"/bin/sleep", "300"}));
  engine_->forget_remedy("n1", Epoch(1));
  engine_->remedy(remedy(2, {"/bin/true"}));
  EXPECT_EQ(report(0).remedy, Epoch(2));
}

TEST_F(HookEngineTest, WhatRunsOutlivesItsControlPlaneAndIsNotRunTwice) {
  DesiredRemedy desired = remedy(1, {"/bin/sh", "-c",
                                     "echo run >> " + path("runs") + "; while [ ! -e " +
                                         path("go") + " ]; do sleep 0.02; done; echo done"});
  engine_->remedy(desired);
  while (text("runs").empty()) std::this_thread::yield();
  engine_->detach();
  EXPECT_EQ(reports(), 0U);
  begin();  // another control plane finds it
  engine_->remedy(desired);
  std::ofstream(path("go")) << "go";
  EXPECT_TRUE(report(0).ok);
  EXPECT_EQ(report(0).detail, "done");
  EXPECT_EQ(text("runs"), "run\n");
  engine_->detach();
  begin();  // and a third how it has ended
  engine_->remedy(desired);
  EXPECT_TRUE(report(1).ok);
  EXPECT_EQ(text("runs"), "run\n");
  engine_->forget_remedy("n1", Epoch(1));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hooks" / "1")) << "nothing is kept of it";
}

TEST_F(HookEngineTest, WhatWasLeftRunningAndIsNotWantedIsEnded) {
  engine_->remedy(remedy(1, {"/bin/sh", "-c", "echo $$ > " + path("pid") + "; sleep 300"}));
  while (text("pid").empty()) std::this_thread::yield();
  const pid_t pid = static_cast<pid_t>(std::stol(text("pid")));
  engine_->detach();
  begin();
  engine_->forget_remedy("n1", Epoch(1));
  EXPECT_NE(kill(pid, 0), 0) << "it goes on";
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hooks" / "1"));
}

TEST_F(HookEngineTest, WhatNobodySpeaksOfWhenAllIsToldIsEnded) {
  engine_->remedy(remedy(1, {"/bin/sh", "-c", "echo $$ > " + path("pid") + "; sleep 300"}));
  DesiredRemedy other = remedy(2, {"/bin/sh", "-c", "echo $$ > " + path("other") + "; sleep 300"});
  other.node = "n2";
  engine_->remedy(other);
  while (text("pid").empty() || text("other").empty()) std::this_thread::yield();
  const pid_t pid = static_cast<pid_t>(std::stol(text("pid")));
  const pid_t wanted = static_cast<pid_t>(std::stol(text("other")));
  engine_->detach();
  begin();
  engine_->remedy(other);
  engine_->all_remedies_told();
  EXPECT_NE(kill(pid, 0), 0) << "it goes on";
  EXPECT_EQ(kill(wanted, 0), 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hooks" / "1"));
  engine_->forget_remedy("n2", Epoch(2));
}

TEST_F(HookEngineTest, OfATryThatFailedTheNextIsMadeByWhoComesLater) {
  DesiredRemedy desired = remedy(
      1,
      {"/bin/sh", "-c", "echo $MILLWRIGHT_TRY >> " + path("tries") + "; test $MILLWRIGHT_TRY = 2"});
  desired.hook->retries = 1;
  engine_->remedy(desired);
  while (text("tries").empty()) std::this_thread::yield();
  engine_->detach();
  begin();
  engine_->remedy(desired);
  EXPECT_TRUE(report(0).ok);
  EXPECT_EQ(text("tries"), "1\n2\n");
}

TEST_F(HookEngineTest, AllElseIsTheOtherEnginesBusiness) {
  engine_->set(DesiredAttempt{});
  EXPECT_EQ(inner_->sets, 1);
  EXPECT_EQ(engine_->containment(), "quiet");
  EXPECT_TRUE(engine_->reports_nodes());
}

TEST_F(HookEngineTest, WhatTheEngineIsToDoIsLeftToIt) {
  const std::vector<std::string> by_engine = {std::string(kEngineItself)};
  engine_->remedy(remedy(1, by_engine));
  EXPECT_FALSE(report(0).ok);
  EXPECT_THAT(report(0).detail, HasSubstr("the engine here cannot do it"));
  inner_->reboots = true;
  engine_->remedy(remedy(2, by_engine));
  engine_->remedy(remedy(1, by_engine));  // it comes late
  engine_->forget_remedy("n1", Epoch(2));
  ASSERT_EQ(inner_->remedies.size(), 1U);
  EXPECT_EQ(inner_->remedies[0].remedy, Epoch(2));
  EXPECT_EQ(inner_->forgotten, std::vector{Epoch(2)});
  EXPECT_EQ(reports(), 1U) << "how it ended is the engine's to say";
}

DesiredRemedy check(std::uint64_t number, std::vector<std::vector<std::string>> commands) {
  DesiredRemedy desired;
  desired.node = "n1";
  desired.remedy = Epoch(number);
  desired.action = FaultAction::kValidate;
  desired.accelerators = 8;
  desired.yields = true;
  for (auto& command : commands) {
    desired.checks.push_back({"c" + std::to_string(desired.checks.size()),
                              std::move(command),
                              seconds(60),
                              {},
                              true,
                              true});
  }
  return desired;
}

TEST_F(HookEngineTest, ChecksAreRunOneAfterTheOtherAndTheirMeasuresJoined) {
  const auto says = [](const std::string& name) {
    return std::vector<std::string>{"/bin/sh", "-c",
                                    "echo '{\"measures\": [{\"name\": \"" + name +
                                        "\", \"value\": '$MILLWRIGHT_ACCELERATORS'}]}'"};
  };
  engine_->remedy(check(1, {says("a"), says("b")}));
  const RemedyReported told = report(0);
  EXPECT_TRUE(told.ok) << told.detail;
  EXPECT_EQ(told.detail, "c0, c1");
  ASSERT_TRUE(told.check.has_value());
  EXPECT_EQ(told.check->outcome, CheckOutcome::kPassed);
  ASSERT_EQ(told.check->measures.size(), 2U);
  EXPECT_EQ(told.check->measures[1].name, "b");
  EXPECT_EQ(told.check->measures[1].value, 8);
}

TEST_F(HookEngineTest, AProgramIsToldWhoStandsInTheRack) {
  DesiredRemedy desired =
      check(1, {{"/bin/sh", "-c", "echo \"[$MILLWRIGHT_RACK_NODES]\"; exit 1"}});
  desired.rack_nodes = {"n2", "n3"};
  engine_->remedy(desired);
  EXPECT_THAT(report(0).detail, HasSubstr("[n2 n3]"));
}

TEST_F(HookEngineTest, TheFirstCheckThatDoesNotPassIsTheLast) {
  engine_->remedy(check(1, {{"/bin/sh", "-c", "echo 3 GB/s; exit 1"},
                            {"/bin/sh", "-c", "echo run >> " + path("second")}}));
  EXPECT_EQ(report(0).check->outcome, CheckOutcome::kFailed);
  EXPECT_THAT(report(0).detail, HasSubstr("c0: it exited with code 1: 3 GB/s"));
  engine_->remedy(check(2, {{path("no such program")}}));
  EXPECT_EQ(report(1).check->outcome, CheckOutcome::kUnable);
  EXPECT_FALSE(report(1).ok);
  EXPECT_EQ(text("second"), "");
}

TEST_F(HookEngineTest, AForgottenCheckOfAnIdleNodeIsKilledAndNobodyWaits) {
  // It would not end for a signal that can be caught.
  engine_->remedy(check(
      1, {{"/bin/sh", "-c", "trap '' TERM; echo $$ > " + path("pid") + "; echo here; sleep 300"}}));
  while (text("pid").empty()) std::this_thread::yield();
  const pid_t pid = static_cast<pid_t>(std::stol(text("pid")));
  engine_->forget_remedy("n1", Epoch(1));
  while (kill(pid, 0) == 0) std::this_thread::yield();
  engine_->remedy(check(2, {{"/bin/true"}}));
  EXPECT_TRUE(report(0).ok);
  EXPECT_EQ(report(0).remedy, Epoch(2)) << "of the other one nothing is said";
}

}  // namespace
}  // namespace mw
