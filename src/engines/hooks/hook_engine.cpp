#include "engines/hooks/hook_engine.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "engines/hooks/hook_process.h"

namespace mw {
namespace {

using hooks::HookCommand;
using hooks::run_hook;
using hooks::StopFlag;

/// Between two tries of a hook; what failed at once seldom works at once.
constexpr Duration kRetryPause = seconds(1);

HookCommand command_for(const DesiredRemedy& desired, std::uint32_t attempt) {
  HookCommand command;
  command.arguments = desired.hook->command;
  command.timeout = desired.hook->timeout;
  for (const char* name : {"PATH", "HOME", "LANG", "TZ"}) {
    if (const char* value = std::getenv(name)) command.environment.emplace_back(name, value);
  }
  for (const EnvironmentVariable& each : desired.hook->environment) {
    command.environment.emplace_back(each.name, each.value);
  }
  command.environment.emplace_back("MILLWRIGHT_NODE", desired.node);
  command.environment.emplace_back("MILLWRIGHT_ACTION", std::string(name_of(desired.action)));
  command.environment.emplace_back("MILLWRIGHT_REMEDY", std::to_string(desired.remedy.value()));
  command.environment.emplace_back("MILLWRIGHT_FAULT", desired.code);
  command.environment.emplace_back("MILLWRIGHT_DEVICE",
                                   desired.device ? std::to_string(*desired.device) : "");
  command.environment.emplace_back("MILLWRIGHT_TRY", std::to_string(attempt));
  return command;
}

/// One remedy, on a thread of its own.
class RunningHook {
 public:
  RunningHook(DesiredRemedy desired, ObservationSink sink)
      : desired_(std::move(desired)), sink_(std::move(sink)), thread_([this] { run(); }) {}
  ~RunningHook() {
    stop_.set();
    thread_.join();
  }
  RunningHook(const RunningHook&) = delete;
  RunningHook& operator=(const RunningHook&) = delete;

  [[nodiscard]] Epoch remedy() const { return desired_.remedy; }
  /// Says again how it ended, if it has.
  void tell_again() {
    std::optional<HookResult> result;
    {
      const std::lock_guard lock(mutex_);
      result = result_;
    }
    if (result) tell(*result);
  }

 private:
  void run() {
    HookResult result{false, "no program is set"};
    const std::uint32_t tries = desired_.hook ? desired_.hook->retries + 1 : 0;
    for (std::uint32_t attempt = 1; attempt <= tries && !stop_.is_set(); ++attempt) {
      result = run_hook(command_for(desired_, attempt), stop_);
      if (result.ok) break;
      if (attempt < tries && stop_.wait(kRetryPause)) break;
    }
    if (stop_.is_set()) return;  // nobody waits for it, or another control plane does it again
    {
      const std::lock_guard lock(mutex_);
      result_ = result;
    }
    tell(result);
  }
  void tell(const HookResult& result) {
    sink_(RemedyReported{desired_.node, desired_.remedy, result.ok, result.detail});
  }

  const DesiredRemedy desired_;
  const ObservationSink sink_;
  StopFlag stop_;
  std::mutex mutex_;
  std::optional<HookResult> result_;
  std::thread thread_;
};

class HookEngine final : public Engine {
 public:
  explicit HookEngine(std::unique_ptr<Engine> inner) : inner_(std::move(inner)) {}

  Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) override {
    {
      const std::lock_guard lock(mutex_);
      sink_ = sink;
    }
    return inner_->start(std::move(sink), std::move(desired));
  }
  void set(DesiredAttempt desired) override { inner_->set(std::move(desired)); }
  void forget(JobId job, Epoch epoch) override { inner_->forget(job, epoch); }

  void remedy(DesiredRemedy desired) override {
    std::unique_ptr<RunningHook> replaced;  // ended outside of the lock
    const std::lock_guard lock(mutex_);
    if (!sink_) return;
    Epoch& newest = newest_[desired.node];
    if (desired.remedy < newest) return;  // it comes late
    auto& running = running_[desired.node];
    if (desired.remedy == newest) {
      if (running) running->tell_again();
      return;
    }
    newest = desired.remedy;
    replaced = std::move(running);
    running = std::make_unique<RunningHook>(std::move(desired), sink_);
  }
  void forget_remedy(const std::string& node, Epoch remedy) override {
    std::unique_ptr<RunningHook> ended;
    const std::lock_guard lock(mutex_);
    newest_[node] = std::max(newest_[node], remedy);
    const auto found = running_.find(node);
    if (found == running_.end() || !found->second || found->second->remedy() > remedy) return;
    ended = std::move(found->second);
    running_.erase(found);
  }

  void node_is(const NodeDecision& decision) override { inner_->node_is(decision); }

  void detach() override {
    std::map<std::string, std::unique_ptr<RunningHook>> ended;
    {
      const std::lock_guard lock(mutex_);
      ended = std::move(running_);
      running_.clear();
      sink_ = nullptr;
    }
    ended.clear();
    inner_->detach();
  }
  Result<LogChunk> read_log(const LogQuery& query) override { return inner_->read_log(query); }
  std::string containment() const override { return inner_->containment(); }
  bool reports_nodes() const override { return inner_->reports_nodes(); }

 private:
  std::unique_ptr<Engine> inner_;
  std::mutex mutex_;
  ObservationSink sink_;
  std::map<std::string, Epoch> newest_;  ///< by node: told or forgotten
  std::map<std::string, std::unique_ptr<RunningHook>> running_;
};

}  // namespace

std::unique_ptr<Engine> make_hook_engine(std::unique_ptr<Engine> inner) {
  return std::make_unique<HookEngine>(std::move(inner));
}

}  // namespace mw
