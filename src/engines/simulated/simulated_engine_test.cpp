// The promises of the port Engine, as far as they make sense for an engine that runs nothing, and
// what a job may say about its simulated life.
#include "engines/simulated/simulated_engine.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>

#include "loop/control_loop.h"
#include "loop/memory_journal.h"
#include "loop/system_clock.h"
#include "model/one_block_fleet.h"

namespace mw {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

/// Keeps what an engine reports.
class Reports {
 public:
  ObservationSink sink() {
    return [this](InputBody body) {
      {
        const std::lock_guard lock(mutex_);
        all_.push_back(std::move(body));
      }
      changed_.notify_all();
    };
  }
  /// Waits until there are `count` reports of the kind; all of those.
  template <class Kind>
  std::vector<Kind> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    std::vector<Kind> found;
    changed_.wait_for(lock, kPatience, [&] {
      found.clear();
      for (const InputBody& body : all_) {
        if (const auto* one = std::get_if<Kind>(&body)) found.push_back(*one);
      }
      return found.size() >= count;
    });
    return found;
  }
  template <class Kind>
  std::size_t count() {
    return wait<Kind>(0).size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<InputBody> all_;
};

DesiredAttempt attempt(std::uint64_t job, std::uint64_t epoch, std::uint32_t tasks = 1,
                       std::vector<EnvironmentVariable> environment = {}) {
  JobSpec spec;
  spec.name = "a";
  spec.environment = std::move(environment);
  DesiredAttempt desired;
  desired.job = JobId(job);
  desired.record = JobId(job);
  desired.epoch = Epoch(epoch);
  desired.spec = std::make_shared<const JobSpec>(std::move(spec));
  NodeSlice slice;
  slice.tasks = tasks;
  desired.placement = Placement(std::vector<NodeSlice>{slice});
  desired.node_names = {"n"};
  return desired;
}

std::unique_ptr<Engine> engine_with(Duration run) {
  SimulatedEngineOptions options;
  options.run = run;
  return make_simulated_engine(std::move(options));
}

TEST(SimulatedEngineTest, StartsAtOnceAndEndsEveryTask) {
  Reports reports;
  const auto engine = engine_with(milliseconds(1));
  ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
  engine->set(attempt(1, 7, 3));
  const auto started = reports.wait<AttemptStarted>(1);
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0].job, JobId(1));
  EXPECT_EQ(started[0].epoch, Epoch(7));
  const auto exits = reports.wait<TaskExited>(3);
  ASSERT_EQ(exits.size(), 3U);
  for (std::uint32_t rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(exits[rank].rank, Rank(rank));
    EXPECT_TRUE(exits[rank].exit.ok());
  }
}

TEST(SimulatedEngineTest, TheJobSaysHowItGoes) {
  Reports reports;
  const auto engine = engine_with(hours(1));
  ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
  engine->set(attempt(1, 1, 1, {{"SIMULATED_EXIT", "3"}, {"SIMULATED_RUN", "2ms"}}));
  const auto exits = reports.wait<TaskExited>(1);
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits[0].exit.exit_code, 3);
}

TEST(SimulatedEngineTest, WhatCannotBeReadNeverRuns) {
  for (const auto& [name, value] :
       {std::pair("SIMULATED_RUN", "long"), std::pair("SIMULATED_EXIT", "256")}) {
    Reports reports;
    const auto engine = engine_with(milliseconds(1));
    ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
    engine->set(attempt(1, 1, 1, {{name, value}}));
    const auto gone = reports.wait<AttemptGone>(1);
    ASSERT_EQ(gone.size(), 1U) << name;
    EXPECT_TRUE(gone[0].start_failed);
    EXPECT_NE(gone[0].detail.find(std::string(name) + ": expected"), std::string::npos)
        << gone[0].detail;
    EXPECT_EQ(reports.count<AttemptStarted>(), 0U);
  }
}

TEST(SimulatedEngineTest, StoppingEndsItAsASignalWould) {
  Reports reports;
  const auto engine = engine_with(hours(1));
  ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
  engine->set(attempt(1, 1));
  ASSERT_EQ(reports.wait<AttemptStarted>(1).size(), 1U);
  DesiredAttempt stop = attempt(1, 1);
  stop.goal = AttemptGoal::kStop;
  engine->set(stop);
  const auto exits = reports.wait<TaskExited>(1);
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits[0].exit.signal, 15);
}

TEST(SimulatedEngineTest, TellingTwiceStartsOnce) {
  Reports reports;
  const auto engine = engine_with(hours(1));
  ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
  for (int i = 0; i < 5; ++i) engine->set(attempt(1, 1));
  engine->set(attempt(2, 2, 1, {{"SIMULATED_RUN", "0"}}));
  ASSERT_EQ(reports.wait<TaskExited>(1).size(), 1U);  // of job 2, which came after all of them
  EXPECT_EQ(reports.count<AttemptStarted>(), 2U);
}

TEST(SimulatedEngineTest, AnEndIsSaidAgainUntilItIsForgotten) {
  Reports reports;
  const auto engine = engine_with(Duration());
  ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
  engine->set(attempt(1, 1));
  ASSERT_EQ(reports.wait<TaskExited>(1).size(), 1U);
  engine->set(attempt(1, 1));
  EXPECT_EQ(reports.wait<TaskExited>(2).size(), 2U);
  engine->forget(JobId(1), Epoch(1));
  engine->set(attempt(1, 1));  // late
  engine->set(attempt(1, 2));  // the next attempt
  const auto exits = reports.wait<TaskExited>(3);
  ASSERT_EQ(exits.size(), 3U);
  EXPECT_EQ(exits[2].epoch, Epoch(2));
}

TEST(SimulatedEngineTest, AnOlderEpochChangesNothing) {
  Reports reports;
  const auto engine = engine_with(hours(1));
  ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
  engine->set(attempt(1, 5));
  engine->set(attempt(1, 4));
  engine->set(attempt(2, 6));
  const auto started = reports.wait<AttemptStarted>(2);
  ASSERT_EQ(started.size(), 2U);
  for (const AttemptStarted& one : started) EXPECT_NE(one.epoch, Epoch(4));
}

TEST(SimulatedEngineTest, WhatItFindsAtItsStartRunsOn) {
  Reports reports;
  const auto engine = engine_with(milliseconds(1));
  std::vector<DesiredAttempt> found;
  found.push_back(attempt(9, 3));
  ASSERT_TRUE(engine->start(reports.sink(), std::move(found)).ok());
  const auto exits = reports.wait<TaskExited>(1);
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits[0].job, JobId(9));
}

TEST(SimulatedEngineTest, ReportsNothingAfterDetach) {
  Reports reports;
  const auto engine = engine_with(hours(1));
  ASSERT_TRUE(engine->start(reports.sink(), {}).ok());
  engine->detach();
  engine->set(attempt(1, 1));
  EXPECT_EQ(reports.count<AttemptStarted>(), 0U);
}

/// A declared fleet outlives the control plane on it: nobody reports its nodes, and none is lost.
TEST(SimulatedEngineTest, ADeclaredFleetIsThereAfterARestart) {
  MemoryJournal journal;
  SystemClock clock;
  NodeShape shape;
  shape.name = "s";
  shape.accelerator_type = "H100";
  shape.accelerators = 8;
  shape.cpus = CpuShare(64'000);
  shape.memory = Bytes(std::int64_t{1} << 40);
  BlockSpec block;
  block.name = "b";
  block.nodes = 4;
  const FleetSpec fleet = one_block_fleet("small", shape, block);

  const auto all_there = [](const ControlLoop& loop) {
    std::size_t there = 0;
    loop.read([&](const State& state) {
      for (const Node& node : state.nodes) there += node.lost ? 0 : 1;
    });
    return there;
  };
  for (int life = 0; life < 2; ++life) {
    const auto engine = engine_with(hours(1));
    ControlLoop loop({}, clock, journal, *engine);
    ASSERT_TRUE(loop.start().ok());
    if (life == 0) {
      std::promise<bool> declared;
      loop.ask(DeclareFleet{fleet, "me"},
               [&](const Result<Answer>& answer) { declared.set_value(answer.ok()); });
      ASSERT_TRUE(declared.get_future().get());
    }
    EXPECT_EQ(all_there(loop), 4U) << "life " << life;
    loop.stop();
  }
}

}  // namespace
}  // namespace mw
