// The loop's promises: acknowledged means durable and visible, the engine is told only after,
// a store that fails loses nothing, and a second loop takes over where the first one stopped.
#include "loop/control_loop.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/core_test_support.h"
#include "loop/loop_test_support.h"
#include "loop/memory_journal.h"
#include "loop/recovery.h"
#include "loop/system_clock.h"

namespace mw {
namespace {

using testing::ask;
using testing::FakeEngine;
using testing::find;
using testing::job_spec;
using testing::node_spec;
using testing::wait_until;

ControlLoop::Options quick_options() {
  ControlLoop::Options options;
  options.version = "test";
  options.store_retry_every = milliseconds(1);
  return options;
}

struct World {
  explicit World(MemoryJournal& journal, bool automatic = false)
      : engine({node_spec("a", 2)}, automatic), loop(quick_options(), clock, journal, engine) {}
  SystemClock clock;
  FakeEngine engine;
  ControlLoop loop;
};

JobId submitted(const Result<Answer>& answer) {
  MW_CHECK(answer.ok());
  const auto* event = find<JobSubmitted>(answer->events);
  MW_CHECK(event != nullptr);
  return event->job;
}

TEST(ControlLoop, AnAnswerIsDurableAndVisible) {
  MemoryJournal journal;
  World world(journal);
  ASSERT_TRUE(world.loop.start().ok());
  const Result<Answer> answer = ask(world.loop, SubmitJob{job_spec(1), ""});
  const JobId job = submitted(answer);
  const auto stored = journal.events({EventSeq(answer->first_event.value() - 1), job, {}, 1});
  ASSERT_EQ(stored->size(), 1U);
  EXPECT_EQ(stored->front().event, answer->events.front());
  bool visible = false;
  world.loop.read([&](const State& state) { visible = state.jobs.find(job) != nullptr; });
  EXPECT_TRUE(visible);
  EXPECT_EQ(world.engine.wait_for(job).node_names, std::vector<std::string>{"a"});
}

TEST(ControlLoop, JobsRunToTheirEnd) {
  MemoryJournal journal;
  World world(journal, true);
  ASSERT_TRUE(world.loop.start().ok());
  const JobId job = submitted(ask(world.loop, SubmitJob{job_spec(2), ""}));
  const DesiredAttempt desired = world.engine.wait_for(job);
  world.engine.end(job, desired.epoch, 2, 0);
  EXPECT_TRUE(wait_until(world.loop, [&](const State& state) {
    return state.jobs.at(job).state == JobState::kSucceeded;
  }));
  world.loop.stop();
  EXPECT_TRUE(journal.ended_job(job)->has_value());
  EXPECT_TRUE(verify(journal, nullptr).ok());
}

TEST(ControlLoop, ASecondLoopTakesOverWhatRuns) {
  MemoryJournal journal;
  JobId job;
  {
    World first(journal, true);
    ASSERT_TRUE(first.loop.start().ok());
    job = submitted(ask(first.loop, SubmitJob{job_spec(1), ""}));
    first.engine.wait_for(job);
  }
  World second(journal, true);
  ASSERT_TRUE(second.loop.start().ok());
  EXPECT_EQ(second.engine.adopted(), std::vector<JobId>{job});
  EXPECT_TRUE(ask(second.loop, CancelJob{job, false, "x"}).ok());
  EXPECT_TRUE(wait_until(second.loop, [&](const State& state) {
    return state.jobs.at(job).state == JobState::kCancelled;
  }));
}

TEST(ControlLoop, AStoreThatFailsLosesNothingAndAcceptsAgainWhenItIsBack) {
  MemoryJournal journal;
  World world(journal, true);
  ASSERT_TRUE(world.loop.start().ok());
  const JobId job = submitted(ask(world.loop, SubmitJob{job_spec(2), ""}));
  const DesiredAttempt desired = world.engine.wait_for(job);

  journal.fail_with(Error{ErrorCode::kUnavailable, "the disk is full"});
  const Result<Answer> refused = ask(world.loop, SubmitJob{job_spec(1), ""});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().message.find("the disk is full"), std::string::npos);
  EXPECT_FALSE(world.loop.stats().store_available);
  world.engine.end(job, desired.epoch, 2, 0);  // observed while nothing can be stored
  EXPECT_FALSE(ask(world.loop, SubmitJob{job_spec(1), ""}).ok());
  bool seen = true;
  world.loop.read([&](const State& state) { seen = is_final(state.jobs.at(job).state); });
  EXPECT_FALSE(seen) << "readers saw what is not durable";

  journal.fail_with(std::nullopt);
  EXPECT_TRUE(wait_until(world.loop, [&](const State& state) {
    return state.jobs.at(job).state == JobState::kSucceeded;
  }));
  EXPECT_EQ(submitted(ask(world.loop, SubmitJob{job_spec(1), ""})), job.next());
  world.loop.stop();
  EXPECT_TRUE(verify(journal, nullptr).ok());
}

TEST(ControlLoop, ManyAskersEachGetTheirOwnAnswer) {
  MemoryJournal journal;
  World world(journal, true);
  ASSERT_TRUE(world.loop.start().ok());
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<JobId> jobs;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        JobSpec spec = job_spec(1);
        spec.name = "job-" + std::to_string(t) + "-" + std::to_string(i);
        const Result<Answer> answer = ask(world.loop, SubmitJob{spec, spec.name});
        const auto* event = find<JobSubmitted>(answer.value().events);
        ASSERT_NE(event, nullptr);
        EXPECT_EQ(event->spec->name, spec.name);
        const std::lock_guard lock(mutex);
        jobs.insert(event->job);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(jobs.size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST(ControlLoop, NodesThatTheEngineNoLongerHasAreLost) {
  MemoryJournal journal;
  {
    World first(journal);
    ASSERT_TRUE(first.loop.start().ok());
    EXPECT_TRUE(ask(first.loop, HoldJob{JobId(9), false, ""}).ok());
  }
  SystemClock clock;
  FakeEngine engine({node_spec("b", 1)});
  ControlLoop loop(quick_options(), clock, journal, engine);
  ASSERT_TRUE(loop.start().ok());
  EXPECT_TRUE(wait_until(loop, [](const State& state) {
    return state.nodes.size() == 2 && state.nodes[0].lost && !state.nodes[1].lost;
  }));
}

TEST(ControlLoop, SubscribersSeeEveryEventOnceInOrder) {
  MemoryJournal journal;
  World world(journal, true);
  ASSERT_TRUE(world.loop.start().ok());
  std::mutex mutex;
  std::vector<std::uint64_t> seen;
  const auto handle = world.loop.subscribe([&](EventSeq first, const auto& events) {
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < events->size(); ++i) seen.push_back(first.value() + i);
  });
  Result<Answer> last = ask(world.loop, SubmitJob{job_spec(1), ""});
  for (int i = 0; i < 20; ++i) last = ask(world.loop, SubmitJob{job_spec(1), ""});
  world.loop.unsubscribe(handle);
  const std::lock_guard lock(mutex);
  ASSERT_FALSE(seen.empty());
  for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_EQ(seen[i], seen[i - 1] + 1);
}

}  // namespace
}  // namespace mw
