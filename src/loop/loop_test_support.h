// What tests of the loop, and of what stands on it, share: an engine that runs nothing and does
// what the test says, and a way to wait for something without sleeping on it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "loop/control_loop.h"
#include "loop/engine.h"

namespace mw::testing {

/// Remembers what it was told. With `automatic`, attempts start at once and, when told to stop,
/// end; otherwise the test calls report().
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(std::vector<NodeSpec> nodes, bool automatic = false)
      : nodes_(std::move(nodes)), automatic_(automatic) {}

  Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) override {
    {
      const std::lock_guard lock(mutex_);
      sink_ = std::move(sink);
      for (const DesiredAttempt& attempt : desired) adopted_.push_back(attempt.job);
    }
    for (const NodeSpec& node : nodes_) report(NodeSeen{node});
    for (DesiredAttempt& attempt : desired) set(std::move(attempt));
    return {};
  }
  void set(DesiredAttempt desired) override {
    const JobId job = desired.job;
    const Epoch epoch = desired.epoch;
    const AttemptGoal goal = desired.goal;
    const std::uint32_t tasks = desired.spec->gang.tasks;
    bool is_new = false;
    {
      const std::lock_guard lock(mutex_);
      is_new = started_.insert({job, epoch}).second;
      desired_.insert_or_assign(job, std::move(desired));
    }
    changed_.notify_all();
    if (!automatic_) return;
    if (goal == AttemptGoal::kRun && is_new) report(AttemptStarted{job, epoch});
    if (goal == AttemptGoal::kStop) end(job, epoch, tasks, 143);
  }
  void forget(JobId job, Epoch epoch) override {
    {
      const std::lock_guard lock(mutex_);
      const auto found = desired_.find(job);
      if (found != desired_.end() && found->second.epoch == epoch) desired_.erase(found);
    }
    changed_.notify_all();
  }
  void detach() override {
    const std::lock_guard lock(mutex_);
    sink_ = nullptr;
  }
  Result<LogChunk> read_log(const LogQuery& query) override {
    const std::string all = "output of job " + std::to_string(query.job.value()) + "\n";
    if (query.offset >= all.size()) return LogChunk{"", query.offset, true};
    return LogChunk{all.substr(query.offset, query.limit), query.offset, true};
  }
  std::string containment() const override { return "nothing: a test's engine"; }

  void report(InputBody body) {
    ObservationSink sink;
    {
      const std::lock_guard lock(mutex_);
      sink = sink_;
    }
    if (sink) sink(std::move(body));
  }
  void end(JobId job, Epoch epoch, std::uint32_t tasks, std::int32_t exit_code) {
    for (std::uint32_t rank = 0; rank < tasks; ++rank) {
      TaskExit exit;
      exit.exit_code = exit_code;
      report(TaskExited{job, epoch, Rank(rank), exit});
    }
  }
  /// Waits until the engine is to run `job`.
  DesiredAttempt wait_for(JobId job) {
    std::unique_lock lock(mutex_);
    const bool came =
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return desired_.contains(job); });
    MW_CHECK(came);
    return desired_.at(job);
  }
  std::size_t starts() {
    const std::lock_guard lock(mutex_);
    return started_.size();
  }
  std::vector<JobId> adopted() {
    const std::lock_guard lock(mutex_);
    return adopted_;
  }

 private:
  const std::vector<NodeSpec> nodes_;
  const bool automatic_;
  std::mutex mutex_;
  std::condition_variable changed_;
  ObservationSink sink_;
  std::map<JobId, DesiredAttempt> desired_;
  std::set<std::pair<JobId, Epoch>> started_;
  std::vector<JobId> adopted_;
};

/// Asks and waits for the answer.
inline Result<Answer> ask(ControlLoop& loop, InputBody body) {
  auto promise = std::make_shared<std::promise<Result<Answer>>>();
  auto future = promise->get_future();
  loop.ask(std::move(body),
           [promise](Result<Answer> answer) { promise->set_value(std::move(answer)); });
  MW_CHECK(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  return future.get();
}

/// Waits until the readers' state satisfies `condition`; false after 20 s.
inline bool wait_until(const ControlLoop& loop,
                       const std::function<bool(const State&)>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    bool met = false;
    loop.read([&](const State& state) { met = condition(state); });
    if (met) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace mw::testing
