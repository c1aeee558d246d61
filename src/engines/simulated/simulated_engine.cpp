#include "engines/simulated/simulated_engine.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "codec/units.h"

namespace mw {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Ended by SIGTERM, as most programs are that are asked to stop.
constexpr std::int32_t kSignalOfStop = 15;
/// Forgotten epochs that are remembered, so that a late command cannot start one again.
constexpr std::size_t kForgottenKept = 4096;

/// What a job says about its simulated life.
struct Script {
  Duration run;
  TaskExit exit;
  std::string fault;  ///< what cannot be read; empty: nothing
};

Script script_of(const JobSpec& spec, Duration run) {
  Script script{run, {}, {}};
  const auto refuse = [&](std::string_view name, const std::string& message,
                          const std::string& value) {
    script.fault = std::string(name) + ": " + message + ", found " + in_quotes(value);
  };
  for (const EnvironmentVariable& variable : spec.environment) {
    if (variable.name == kSimulatedRun) {
      const auto given = parse_duration(variable.value, Duration(0), kSimulatedRunMax);
      if (!given) {
        refuse(kSimulatedRun, given.error().message, variable.value);
      } else {
        script.run = *given;
      }
    } else if (variable.name == kSimulatedExit) {
      const auto given = parse_whole(variable.value, 0, 255);
      if (!given) {
        refuse(kSimulatedExit, given.error().message, variable.value);
      } else {
        script.exit.exit_code = static_cast<std::int32_t>(*given);
      }
    }
  }
  return script;
}

class SimulatedEngine final : public Engine {
 public:
  explicit SimulatedEngine(SimulatedEngineOptions options) : options_(std::move(options)) {}
  ~SimulatedEngine() override { detach(); }

  Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) override {
    sink_ = std::move(sink);
    for (const NodeSpec& node : options_.nodes) sink_(NodeSeen{node});
    for (DesiredAttempt& attempt : desired) set(std::move(attempt));
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void set(DesiredAttempt desired) override {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || forgotten_.contains(desired.epoch)) return;
      const auto known = attempts_.find(desired.job);
      if (known != attempts_.end() && known->second.epoch > desired.epoch) return;
      if (known != attempts_.end() && !known->second.ended && goes_on(desired, known->second)) {
        go_on(desired, known->second);
      } else if (known == attempts_.end() || known->second.epoch != desired.epoch) {
        begin(desired);
      } else if (known->second.ended) {
        known->second.ended = false;
        due_.emplace(SteadyClock::now(), Due{desired.job, desired.epoch});  // said again
      } else if (desired.goal == AttemptGoal::kStop) {
        end_at(desired.job, known->second, SteadyClock::now(), stopped());
      } else if (!desired.leaving.empty()) {
        for (const LostSlice& each : desired.leaving) {
          for (std::uint32_t i = 0; i < each.tasks; ++i) {
            known->second.left.insert(each.first_rank + i);
          }
        }
        due_.emplace(SteadyClock::now(), Due{desired.job, desired.epoch});
      }
    }
    changed_.notify_one();
  }

  void forget(JobId job, Epoch epoch) override {
    const std::lock_guard lock(mutex_);
    if (forgotten_.insert(epoch).second) forgotten_in_order_.push_back(epoch);
    if (forgotten_in_order_.size() > kForgottenKept) {
      forgotten_.erase(forgotten_in_order_.front());
      forgotten_in_order_.pop_front();
    }
    const auto known = attempts_.find(job);
    if (known != attempts_.end() && known->second.epoch == epoch) attempts_.erase(known);
  }

  void detach() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  Result<LogChunk> read_log(const LogQuery& query) override {
    return LogChunk{"", query.offset, true};  // what does not run writes nothing
  }
  std::string containment() const override { return "nothing: they are simulated"; }
  bool replaces_ranks() const override { return true; }
  bool reports_nodes() const override { return !options_.nodes.empty(); }

 private:
  struct Simulated {
    Epoch epoch;
    std::uint32_t tasks = 0;
    bool started = false;  ///< told so
    bool ended = false;    ///< told so
    TaskExit exit;         ///< of each task, when `end` has come
    std::string fault;     ///< why it could not start
    SteadyClock::time_point end;
    std::set<std::uint32_t> left;  ///< ranks that were stopped while the others go on
  };
  struct Due {
    JobId job;
    Epoch epoch;
  };

  static TaskExit stopped() {
    TaskExit exit;
    exit.signal = kSignalOfStop;
    return exit;
  }

  /// It is one whose ranks run since an earlier one, which is this.
  static bool goes_on(const DesiredAttempt& desired, const Simulated& earlier) {
    return desired.goal == AttemptGoal::kRun &&
           std::any_of(desired.kept.begin(), desired.kept.end(),
                       [&](const KeptRanks& each) { return each.epoch == earlier.epoch; });
  }
  /// Under the lock: its time goes on, and ranks that it had lost are there again.
  void go_on(const DesiredAttempt& desired, Simulated& attempt) {
    attempt.epoch = desired.epoch;
    attempt.started = false;
    attempt.left.clear();
    due_.emplace(SteadyClock::now(), Due{desired.job, desired.epoch});
    due_.emplace(attempt.end, Due{desired.job, desired.epoch});
  }

  /// Under the lock: an attempt that is new to us.
  void begin(const DesiredAttempt& desired) {
    const auto now = SteadyClock::now();
    Script script = script_of(*desired.spec, options_.run);
    Simulated& attempt = attempts_.insert_or_assign(desired.job, Simulated()).first->second;
    attempt.epoch = desired.epoch;
    for (const NodeSlice& slice : desired.placement) attempt.tasks += slice.tasks;
    attempt.fault = std::move(script.fault);
    due_.emplace(now, Due{desired.job, desired.epoch});
    if (desired.goal == AttemptGoal::kStop) {
      end_at(desired.job, attempt, now, stopped());
    } else if (attempt.fault.empty()) {
      end_at(desired.job, attempt, now + std::chrono::nanoseconds(script.run.count()),
             std::move(script.exit));
    }
  }

  void end_at(JobId job, Simulated& attempt, SteadyClock::time_point when, TaskExit exit) {
    attempt.end = when;
    attempt.exit = std::move(exit);
    due_.emplace(when, Due{job, attempt.epoch});
  }

  void run() {
    std::unique_lock lock(mutex_);
    std::vector<InputBody> reports;
    while (!stopping_) {
      const auto now = SteadyClock::now();
      while (!due_.empty() && due_.begin()->first <= now) {
        const Due due = due_.begin()->second;
        due_.erase(due_.begin());
        observe(due, now, reports);
      }
      if (!reports.empty()) {
        lock.unlock();
        for (InputBody& report : reports) sink_(std::move(report));
        reports.clear();
        lock.lock();
      } else if (due_.empty()) {
        changed_.wait(lock);
      } else {
        changed_.wait_until(lock, due_.begin()->first);
      }
    }
  }

  /// Under the lock: what is to be reported of an attempt whose time has come.
  void observe(const Due& due, SteadyClock::time_point now, std::vector<InputBody>& reports) {
    const auto found = attempts_.find(due.job);
    if (found == attempts_.end() || found->second.epoch != due.epoch) return;
    Simulated& attempt = found->second;
    if (attempt.ended) return;  // its start and its end were due in one go
    if (!attempt.fault.empty()) {
      attempt.ended = true;
      reports.emplace_back(AttemptGone{due.job, due.epoch, true, attempt.fault});
      return;
    }
    if (!std::exchange(attempt.started, true)) {
      reports.emplace_back(AttemptStarted{due.job, due.epoch});
    }
    for (const std::uint32_t rank : attempt.left) {
      reports.emplace_back(TaskExited{due.job, due.epoch, Rank(rank), stopped()});
    }
    if (attempt.end > now) return;
    attempt.ended = true;
    for (std::uint32_t rank = 0; rank < attempt.tasks; ++rank) {
      reports.emplace_back(TaskExited{due.job, due.epoch, Rank(rank), attempt.exit});
    }
  }

  const SimulatedEngineOptions options_;
  ObservationSink sink_;
  std::thread thread_;

  std::mutex mutex_;  ///< of all that follows
  std::condition_variable changed_;
  bool stopping_ = false;
  std::map<JobId, Simulated> attempts_;
  std::multimap<SteadyClock::time_point, Due> due_;
  std::set<Epoch> forgotten_;
  std::deque<Epoch> forgotten_in_order_;
};

}  // namespace

std::unique_ptr<Engine> make_simulated_engine(SimulatedEngineOptions options) {
  return std::make_unique<SimulatedEngine>(std::move(options));
}

}  // namespace mw
