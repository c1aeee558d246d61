#include "loop/control_loop.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "base/check.h"
#include "loop/commands.h"
#include "loop/control_cycle.h"
#include "loop/input_queue.h"
#include "loop/replica.h"

namespace mw {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How long the loop sleeps at most when nothing is due; only a bound, it is woken by inputs.
constexpr Duration kIdleWait = seconds(5);

/// Names of the nodes that an engine has reported.
class Inventory {
 public:
  void add(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.insert(name);
  }
  bool has(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return names_.contains(name);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> names_;
};

}  // namespace

class ControlLoop::Impl {
 public:
  Impl(Options options, Clock& clock, Journal& journal, Engine& engine)
      : options_(std::move(options)),
        clock_(clock),
        journal_(journal),
        engine_(engine),
        cycle_(journal, engine, ControlCycle::Timed::kYes),
        queue_(options_.queue_inputs_max) {}

  ~Impl() { stop(); }

  Result<void> start() {
    if (Result<void> recovered = cycle_.recover(); !recovered) return recovered.error();
    replica_ = std::make_unique<Replica>(cycle_.state());
    events_at_snapshot_ = cycle_.state().last_seq.value();
    queue_.observe(ControllerStarted{options_.version, engine_.replaces_ranks()});
    if (Result<void> started = start_engine(); !started) return started.error();
    // What the engine has said by now is known before anybody can ask.
    process(queue_.take(~std::size_t{0}, Duration()));
    replica_->flush();
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    queue_.close();
    thread_.join();
    engine_.detach();
    replica_->flush();
    if (snapshot_.valid()) snapshot_.wait();
    if (cycle_.is_up()) save_snapshot_now();
  }

  void ask(InputBody body, AnswerCallback callback) {
    if (queue_.ask(body, callback)) return;
    callback(Error{ErrorCode::kUnavailable,
                   queue_.closed() ? "the control plane is shutting down; try again when it is back"
                                   : "too many requests wait already; try again in a moment"});
  }

  void observe(InputBody body) { queue_.observe(std::move(body)); }

  void read(const std::function<void(const State&)>& reader) const { replica_->read(reader); }
  Replica& replica() { return *replica_; }

  LoopStats stats() const {
    const std::lock_guard lock(stats_mutex_);
    LoopStats stats = stats_;
    stats.queue_length = queue_.size();
    return stats;
  }

  Instant now() const { return clock_.now(); }

 private:
  /// Starts the engine on what the recovered state wants, and tells the core of nodes that the
  /// state knows and the engine no longer has.
  Result<void> start_engine() {
    auto inventory = std::make_shared<Inventory>();
    tell_phases(cycle_.state(), engine_);
    tell_adopted(cycle_.state(), engine_);
    Result<void> started = engine_.start(
        [this, inventory](InputBody body) {
          if (const auto* node = std::get_if<NodeSeen>(&body)) inventory->add(node->spec.name);
          auto* submit = std::get_if<SubmitJob>(&body);
          if (submit == nullptr || !is_adopted(submit->client_key)) return observe(std::move(body));
          adopt(std::move(*submit));
        },
        desired_attempts(cycle_.state()));
    // What was begun is taken up now, and not when all is told again.
    if (started.ok()) tell_remedies(cycle_.state(), engine_);
    if (!started || !engine_.reports_nodes()) return started;
    for (const Node& node : cycle_.state().nodes) {
      const std::string& name = cycle_.state().topology->name(node.id);
      if (!inventory->has(name)) observe(NodeLost{name});
    }
    return {};
  }

  /// What an engine asks us to take; that it was taken is told by the event, that it was not, here.
  /// Too much to do at the moment: then the engine asks again.
  void adopt(SubmitJob submit) {
    // Whoever handed it to the engine does not know our classes, and the engine does not either.
    read([&](const State& state) {
      if (find_class(state.policy, submit.spec->priority_class) == nullptr) {
        submit.spec.change().priority_class.clear();
      }
    });
    AnswerCallback answered = [this, key = submit.client_key](const Result<Answer>& answer) {
      if (!answer) return;
      for (const Event& event : answer->events) {
        const auto* refused = std::get_if<Refused>(&event.body);
        if (refused == nullptr) continue;
        AdoptedFate fate;
        fate.client_key = key;
        fate.refused = refused->refusal;
        engine_.adopted_is(fate);
      }
    };
    InputBody body = std::move(submit);
    queue_.ask(body, answered);
  }

  void run() {
    auto resync_at = SteadyClock::now() + std::chrono::nanoseconds(options_.resync_every.count());
    for (;;) {
      if (!store_available() && !store_is_back()) {
        if (queue_.closed()) return refuse_waiting();
        refuse_waiting();
        std::this_thread::sleep_for(std::chrono::nanoseconds(options_.store_retry_every.count()));
        continue;
      }
      std::vector<QueuedInput> taken = queue_.take(options_.batch_inputs_max, wait_time());
      if (taken.empty() && queue_.closed()) return;
      process(std::move(taken));
      if (SteadyClock::now() >= resync_at && store_available()) {
        cycle_.repeat_commands();
        resync_at = SteadyClock::now() + std::chrono::nanoseconds(options_.resync_every.count());
      }
    }
  }

  Duration wait_time() const {
    const Instant wakeup = cycle_.next_wakeup();
    if (wakeup == Instant::never()) return kIdleWait;
    return std::clamp(wakeup - clock_.now(), Duration(), kIdleWait);
  }

  void process(std::vector<QueuedInput> taken) {
    std::vector<Input> inputs;
    inputs.reserve(taken.size());
    const std::uint64_t first_request = next_request_;
    for (QueuedInput& input : taken) {
      const RequestId request(input.callback ? next_request_++ : 0);
      inputs.push_back({request, input.body});
    }
    const Result<ControlCycle::Turn> turn = cycle_.turn(clock_.now(), inputs);
    if (!turn) return store_failed(std::move(taken), turn.error());
    // Nothing is new; whoever asked is told so, and needs nothing stored for it.
    const bool somebody_waits = next_request_ != first_request;
    if (turn->events->empty() && !somebody_waits) return;
    count(inputs.size(), *turn->events);
    publish(turn->first, turn->events, std::move(taken), first_request);
    snapshot_if_due();
  }

  void publish(EventSeq first, const std::shared_ptr<const std::vector<Event>>& events,
               std::vector<QueuedInput> taken, std::uint64_t first_request) {
    std::vector<AnswerCallback> callbacks;
    for (QueuedInput& input : taken) {
      if (input.callback) callbacks.push_back(std::move(input.callback));
    }
    std::vector<Answer> answers(callbacks.size());
    for (std::size_t i = 0; i < events->size(); ++i) {
      const Event& event = (*events)[i];
      if (event.request == RequestId()) continue;
      Answer& answer = answers.at(event.request.value() - first_request);
      if (answer.events.empty()) answer.first_event = EventSeq(first.value() + i);
      answer.events.push_back(event);
    }
    Replica::Publication publication{first, events, {}};
    for (std::size_t i = 0; i < callbacks.size(); ++i) {
      publication.then.emplace_back([callback = std::move(callbacks[i]),
                                     answer = std::move(answers[i])] { callback(answer); });
    }
    replica_->publish(std::move(publication));
  }

  // --- when the store fails -------------------------------------------------------------------
  // The core has stepped, but nothing of it is durable, so none of it happened: callers are told
  // so, observations are kept, and the core starts again from what the journal has.

  void store_failed(std::vector<QueuedInput> taken, const Error& error) {
    {
      const std::lock_guard lock(stats_mutex_);
      ++stats_.store_failures;
      stats_.store_available = false;
      stats_.store_error = error.message;
    }
    queue_.put_back(refuse_asked(std::move(taken)));
  }

  void refuse_waiting() { queue_.put_back(refuse_asked(queue_.take(~std::size_t{0}, Duration()))); }

  /// Answers whoever waits that nothing was done; returns the observations.
  std::vector<QueuedInput> refuse_asked(std::vector<QueuedInput> inputs) {
    const std::string why = stats().store_error;
    std::vector<QueuedInput> observations;
    for (QueuedInput& input : inputs) {
      if (input.callback) {
        input.callback(Error{ErrorCode::kUnavailable,
                             "nothing was done, because the journal cannot be written: " + why});
      } else {
        observations.push_back(std::move(input));
      }
    }
    return observations;
  }

  bool store_is_back() {
    if (const Result<void> probe = journal_.probe(); !probe) return note_store_error(probe.error());
    replica_->flush();
    if (Result<void> recovered = cycle_.recover(); !recovered) {
      return note_store_error(recovered.error());
    }
    queue_.put_back(
        {QueuedInput{ControllerStarted{options_.version, engine_.replaces_ranks()}, nullptr}});
    const std::lock_guard lock(stats_mutex_);
    stats_.store_available = true;
    stats_.store_error.clear();
    return true;
  }

  bool note_store_error(const Error& error) {
    const std::lock_guard lock(stats_mutex_);
    stats_.store_error = error.message;
    return false;
  }

  bool store_available() const {
    const std::lock_guard lock(stats_mutex_);
    return stats_.store_available;
  }

  // --- bookkeeping ----------------------------------------------------------------------------

  void count(std::size_t inputs, const std::vector<Event>& events) {
    const auto refused = std::count_if(events.begin(), events.end(), [](const Event& event) {
      return std::holds_alternative<Refused>(event.body);
    });
    const std::lock_guard lock(stats_mutex_);
    ++stats_.batches;
    stats_.inputs += inputs;
    stats_.events += events.size();
    stats_.refused += static_cast<std::uint64_t>(refused);
    stats_.step_ns = cycle_.times().step_ns;
    stats_.append_ns = cycle_.times().append_ns;
  }

  void snapshot_if_due() {
    const std::uint64_t seq = cycle_.state().last_seq.value();
    if (seq - events_at_snapshot_ < options_.snapshot_every_events) return;
    if (snapshot_.valid() &&
        snapshot_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      return;  // the last one is still being written
    }
    events_at_snapshot_ = seq;
    auto copy = std::make_shared<const State>(cycle_.state());
    // A snapshot that could not be saved costs time at the next start, and nothing else.
    snapshot_ = std::async(std::launch::async, [this, copy] {
      if (const Result<void> saved = journal_.save_snapshot(*copy); !saved) {
        const std::lock_guard lock(stats_mutex_);
        ++stats_.store_failures;
      }
    });
  }

  void save_snapshot_now() {
    if (cycle_.state().last_seq.value() == events_at_snapshot_) return;
    if (const Result<void> saved = journal_.save_snapshot(cycle_.state()); !saved) {
      const std::lock_guard lock(stats_mutex_);
      ++stats_.store_failures;
    }
  }

  const Options options_;
  Clock& clock_;
  Journal& journal_;
  Engine& engine_;
  ControlCycle cycle_;  ///< down while the store is away
  InputQueue queue_;
  std::unique_ptr<Replica> replica_;
  std::uint64_t next_request_ = 1;
  std::uint64_t events_at_snapshot_ = 0;
  std::future<void> snapshot_;
  std::thread thread_;
  mutable std::mutex stats_mutex_;
  LoopStats stats_;
};

ControlLoop::ControlLoop(Options options, Clock& clock, Journal& journal, Engine& engine)
    : impl_(std::make_unique<Impl>(std::move(options), clock, journal, engine)) {}
ControlLoop::~ControlLoop() = default;

Result<void> ControlLoop::start() { return impl_->start(); }
void ControlLoop::stop() { impl_->stop(); }
void ControlLoop::ask(InputBody body, AnswerCallback callback) {
  impl_->ask(std::move(body), std::move(callback));
}
void ControlLoop::observe(InputBody body) { impl_->observe(std::move(body)); }
void ControlLoop::read(const std::function<void(const State&)>& reader) const {
  impl_->read(reader);
}
std::uint64_t ControlLoop::subscribe(EventListener listener) {
  return impl_->replica().subscribe(std::move(listener));
}
void ControlLoop::unsubscribe(std::uint64_t handle) { impl_->replica().unsubscribe(handle); }
LoopStats ControlLoop::stats() const { return impl_->stats(); }
Instant ControlLoop::now() const { return impl_->now(); }

}  // namespace mw
