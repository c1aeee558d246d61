#include "engines/hooks/hook_engine.h"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "codec/check_output.h"
#include "engines/hooks/hook_process.h"

namespace mw {
namespace {

using hooks::HookCommand;
using hooks::HookFlags;
using hooks::HookPlace;
using hooks::run_hook;

/// Between two tries of a hook; what failed at once seldom works at once.
constexpr Duration kRetryPause = seconds(1);

/// The path of the program that runs, for commands that name it without one.
std::string own_path() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string(kOwnProgram) : path.string();
}

HookCommand command_of(const std::vector<std::string>& arguments, Duration timeout,
                       const std::vector<EnvironmentVariable>& environment) {
  HookCommand command;
  command.arguments = arguments;
  if (!command.arguments.empty() && command.arguments[0] == kOwnProgram) {
    command.arguments[0] = own_path();
  }
  command.timeout = timeout;
  for (const char* name : {"PATH", "HOME", "LANG", "TZ"}) {
    if (const char* value = std::getenv(name)) command.environment.emplace_back(name, value);
  }
  for (const EnvironmentVariable& each : environment) {
    command.environment.emplace_back(each.name, each.value);
  }
  return command;
}

void add_facts(HookCommand& command, const DesiredRemedy& desired, std::uint32_t attempt) {
  command.environment.emplace_back("MILLWRIGHT_NODE", desired.node);
  command.environment.emplace_back("MILLWRIGHT_ACTION", std::string(name_of(desired.action)));
  command.environment.emplace_back("MILLWRIGHT_REMEDY", std::to_string(desired.remedy.value()));
  command.environment.emplace_back("MILLWRIGHT_FAULT", desired.code);
  command.environment.emplace_back("MILLWRIGHT_DEVICE",
                                   desired.device ? std::to_string(*desired.device) : "");
  command.environment.emplace_back("MILLWRIGHT_ACCELERATORS", std::to_string(desired.accelerators));
  command.environment.emplace_back("MILLWRIGHT_ACCELERATOR_TYPE", desired.accelerator_type);
  std::string rack;
  for (const std::string& name : desired.rack_nodes) rack += (rack.empty() ? "" : " ") + name;
  command.environment.emplace_back("MILLWRIGHT_RACK_NODES", rack);
  command.environment.emplace_back("MILLWRIGHT_TRY", std::to_string(attempt));
  if (desired.yields) command.grace = Duration();
}

HookCommand command_for(const DesiredRemedy& desired, std::uint32_t attempt) {
  const FaultHook& hook = *desired.hook;
  HookCommand command = command_of(hook.command, hook.timeout, hook.environment);
  add_facts(command, desired, attempt);
  return command;
}

HookCommand command_for(const DesiredRemedy& desired, const CheckProgram& check) {
  HookCommand command = command_of(check.command, check.timeout, check.environment);
  add_facts(command, desired, 1);
  command.environment.emplace_back("MILLWRIGHT_CHECK", check.name);
  return command;
}

CheckSaid read_result(HookResult result) {
  return read_check(
      {result.ran, result.exit_code, std::move(result.output), std::move(result.detail)});
}

/// One remedy, on a thread of its own.
class RunningHook {
 public:
  RunningHook(DesiredRemedy desired, ObservationSink sink, const HookOptions& options)
      : desired_(std::move(desired)),
        sink_(std::move(sink)),
        options_(options),
        thread_([this] { run(); }) {}
  /// Nothing of it is left, unless it was left running.
  ~RunningHook() {
    if (!flags_.leave.is_set()) flags_.stop.set();
    thread_.join();
    std::error_code error;
    if (!flags_.leave.is_set()) std::filesystem::remove_all(directory(), error);
  }
  RunningHook(const RunningHook&) = delete;
  RunningHook& operator=(const RunningHook&) = delete;

  [[nodiscard]] Epoch remedy() const { return desired_.remedy; }
  [[nodiscard]] bool yields() const { return desired_.yields; }
  /// Says again how it ended, if it has.
  void tell_again() {
    std::optional<RemedyReported> report;
    {
      const std::lock_guard lock(mutex_);
      report = report_;
    }
    if (report) sink_(*report);
  }

  /// Tells it to end, and does not wait until it has.
  void stop() { flags_.stop.set(); }
  /// Lets go of it: it goes on, and its end is there for whoever asks for the same remedy.
  void leave() { flags_.leave.set(); }
  [[nodiscard]] bool is_over() const { return over_.load(); }

 private:
  [[nodiscard]] std::filesystem::path directory() const {
    return options_.directory / std::to_string(desired_.remedy.value());
  }
  [[nodiscard]] bool is_let_go() const { return flags_.stop.is_set() || flags_.leave.is_set(); }

  /// One part of it: a try of the hook, or a check. Nothing: it was left running.
  std::optional<HookResult> run_part(const HookCommand& command) {
    const std::uint32_t part = ++parts_;
    return run_hook(
        command, {directory() / std::to_string(part), options_.supervisor, desired_.remedy, part},
        flags_);
  }

  void run() {
    RemedyReported report{desired_.node, desired_.remedy, false, "no program is set", {}};
    if (desired_.hook) run_command(report);
    const bool checks = desired_.action == FaultAction::kValidate && !desired_.checks.empty();
    if (checks && (report.ok || !desired_.hook)) run_checks(report);
    if (!is_let_go()) {  // else nobody waits for it, or another control plane does
      {
        const std::lock_guard lock(mutex_);
        report_ = report;
      }
      sink_(report);
    }
    over_ = true;
  }
  void run_command(RemedyReported& report) {
    const std::uint32_t tries = desired_.hook->retries + 1;
    HookResult result;
    for (std::uint32_t attempt = 1; attempt <= tries && !is_let_go(); ++attempt) {
      auto ended = run_part(command_for(desired_, attempt));
      if (!ended) return;
      result = std::move(*ended);
      if (result.ok) break;
      if (attempt < tries && flags_.stop.wait(kRetryPause)) break;
    }
    report.ok = result.ok;
    report.detail = result.detail;
    if (desired_.action != FaultAction::kValidate) return;
    CheckSaid said = read_result(std::move(result));
    report.ok = said.result.outcome == CheckOutcome::kPassed;
    report.detail = std::move(said.detail);
    report.check = std::move(said.result);
  }
  /// One after the other, until one does not pass.
  void run_checks(RemedyReported& report) {
    CheckResult all{CheckOutcome::kPassed, {}};
    if (report.check) all.measures = std::move(report.check->measures);
    std::string passed;
    for (const CheckProgram& check : desired_.checks) {
      if (is_let_go()) return;
      auto ended = run_part(command_for(desired_, check));
      if (!ended) return;
      CheckSaid said = read_result(std::move(*ended));
      for (Measure& each : said.result.measures) {
        if (all.measures.size() < kMeasuresMax) all.measures.push_back(std::move(each));
      }
      all.outcome = said.result.outcome;
      report.detail = check.name + (said.detail.empty() ? "" : ": " + said.detail);
      if (all.outcome != CheckOutcome::kPassed) break;
      passed += (passed.empty() ? "" : ", ") + check.name;
    }
    report.ok = all.outcome == CheckOutcome::kPassed;
    if (report.ok) report.detail = passed;
    report.check = std::move(all);
  }

  const DesiredRemedy desired_;
  const ObservationSink sink_;
  const HookOptions& options_;
  HookFlags flags_;
  std::uint32_t parts_ = 0;
  std::mutex mutex_;
  std::optional<RemedyReported> report_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

class HookEngine final : public Engine {
 public:
  HookEngine(std::unique_ptr<Engine> inner, HookOptions options)
      : inner_(std::move(inner)), options_(std::move(options)) {}

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
    if (desired.hook && is_for_engine(*desired.hook)) {
      newest = desired.remedy;
      if (inner_->carries_out(desired.action)) return inner_->remedy(std::move(desired));
      return sink_(RemedyReported{
          desired.node, desired.remedy, false, "the engine here cannot do it; name a program", {}});
    }
    auto& running = running_[desired.node];
    if (desired.remedy == newest) {
      if (running) running->tell_again();
      return;
    }
    newest = desired.remedy;
    replaced = let_go(std::move(running));
    running = std::make_unique<RunningHook>(std::move(desired), sink_, options_);
  }
  void forget_remedy(const std::string& node, Epoch remedy) override {
    inner_->forget_remedy(node, remedy);
    std::unique_ptr<RunningHook> ended;
    bool unknown = false;
    {
      const std::lock_guard lock(mutex_);
      newest_[node] = std::max(newest_[node], remedy);
      const auto found = running_.find(node);
      unknown = found == running_.end();
      if (!unknown && found->second && found->second->remedy() <= remedy) {
        ended = let_go(std::move(found->second));
        running_.erase(found);
      }
    }
    if (unknown) end_left(remedy);  // an earlier control plane may have left it running
  }

  void all_remedies_told() override {
    std::set<Epoch> known;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [node, hook] : running_) {
        if (hook) known.insert(hook->remedy());
      }
      for (const auto& hook : leaving_) known.insert(hook->remedy());
    }
    for (const Epoch remedy : left()) {
      if (!known.contains(remedy)) end_left(remedy);
    }
  }

  void node_is(const NodeDecision& decision) override { inner_->node_is(decision); }
  void adopted_is(const AdoptedFate& fate) override { inner_->adopted_is(fate); }
  bool adopts() const override { return inner_->adopts(); }

  void detach() override {
    std::map<std::string, std::unique_ptr<RunningHook>> ended;
    std::vector<std::unique_ptr<RunningHook>> leaving;
    {
      const std::lock_guard lock(mutex_);
      ended = std::move(running_);
      running_.clear();
      leaving.swap(leaving_);
      sink_ = nullptr;
    }
    // What is done to a node goes on. The check of an idle one is begun anew by whoever comes next.
    for (const auto& [node, each] : ended) {
      if (each && !each->yields()) each->leave();
    }
    ended.clear();
    leaving.clear();
    inner_->detach();
  }
  Result<LogChunk> read_log(const LogQuery& query) override { return inner_->read_log(query); }
  std::string containment() const override { return inner_->containment(); }
  bool runs_as_users() const override { return inner_->runs_as_users(); }
  bool has_several_machines() const override { return inner_->has_several_machines(); }
  bool replaces_ranks() const override { return inner_->replaces_ranks(); }
  bool reports_nodes() const override { return inner_->reports_nodes(); }

 private:
  /// Under the lock: what the caller is to end, once it has let go of the lock. The check of an
  /// idle node is killed and left alone: a job is about to start, and nobody waits for the kernel
  /// to clean up.
  std::unique_ptr<RunningHook> let_go(std::unique_ptr<RunningHook> hook) {
    std::erase_if(leaving_, [](const auto& each) { return each->is_over(); });
    if (!hook || !hook->yields()) return hook;
    hook->stop();
    leaving_.push_back(std::move(hook));
    return nullptr;
  }

  /// All remedies that have a folder, running or not.
  [[nodiscard]] std::vector<Epoch> left() const {
    std::vector<Epoch> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory, error)) {
      const std::string name = entry.path().filename().string();
      std::uint64_t number = 0;
      const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
      const bool is_number = problem == std::errc() && end == name.data() + name.size();
      if (is_number) found.emplace_back(number);
    }
    return found;
  }

  /// What an earlier control plane began, and nobody wants any more.
  void end_left(Epoch remedy) {
    const auto directory = options_.directory / std::to_string(remedy.value());
    std::error_code error;
    if (!std::filesystem::exists(directory, error)) return;
    for (const auto& part : std::filesystem::directory_iterator(directory, error)) {
      hooks::end_hook(part.path());
    }
    std::filesystem::remove_all(directory, error);
  }

  std::unique_ptr<Engine> inner_;
  const HookOptions options_;
  std::mutex mutex_;
  ObservationSink sink_;
  std::map<std::string, Epoch> newest_;  ///< by node: told or forgotten
  std::map<std::string, std::unique_ptr<RunningHook>> running_;
  std::vector<std::unique_ptr<RunningHook>> leaving_;  ///< told to end, and not gone yet
};

}  // namespace

std::unique_ptr<Engine> make_hook_engine(std::unique_ptr<Engine> inner, HookOptions options) {
  return std::make_unique<HookEngine>(std::move(inner), std::move(options));
}

}  // namespace mw
