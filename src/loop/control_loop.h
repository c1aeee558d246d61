// The loop: one thread that batches inputs, steps the core, stores what came out, and only then
// acknowledges callers and commands the engine. Readers never touch the brain: they see a replica
// of its state that applies the same durable events.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/state.h"
#include "loop/clock.h"
#include "loop/engine.h"
#include "loop/journal.h"
#include "model/event.h"
#include "model/input.h"

namespace mw {

/// The events that answered an input, durable, with the sequence number of the first.
struct Answer {
  EventSeq first_event;
  std::vector<Event> events;
};
/// Called once, on a thread of the loop: the answer (without events when the input said nothing
/// new), or kUnavailable when nothing could be stored.
/// A Refused event is an answer, too. Must not block.
using AnswerCallback = std::function<void(Result<Answer>)>;

/// Counters for /metrics; all since the process started.
struct LoopStats {
  std::uint64_t batches = 0;
  std::uint64_t inputs = 0;
  std::uint64_t events = 0;
  std::uint64_t refused = 0;
  std::uint64_t store_failures = 0;
  std::uint64_t step_ns = 0;
  std::uint64_t append_ns = 0;
  std::size_t queue_length = 0;
  bool store_available = true;
  std::string store_error;  ///< while it is not available
};

class ControlLoop {
 public:
  struct Options {
    std::size_t batch_inputs_max = 4096;
    std::size_t queue_inputs_max = 65536;  ///< asked inputs past this are refused: kUnavailable
    std::uint64_t snapshot_every_events = 100'000;
    Duration resync_every = seconds(30);  ///< the engine is told everything again
    Duration store_retry_every = milliseconds(500);
    std::string version;
  };

  ControlLoop(Options options, Clock& clock, Journal& journal, Engine& engine);
  ~ControlLoop();
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  /// Recovers the state, starts the engine and the thread.
  Result<void> start();
  /// Finishes what was taken in, saves a snapshot, lets go of the engine.
  void stop();

  /// Hands in what somebody asks; `callback` gets the answer when it is durable and visible to
  /// read(). Safe from any thread.
  void ask(InputBody body, AnswerCallback callback);
  /// Hands in what an engine or a job observed; nobody waits.
  void observe(InputBody body);

  /// Calls `reader` with the durable state. Keep it short: acknowledgements wait meanwhile.
  void read(const std::function<void(const State&)>& reader) const;

  /// Calls `listener(first_seq, events)` for every durable batch from now on, on the loop's
  /// publishing thread; it must not block. Returns a handle for unsubscribe.
  using EventListener =
      std::function<void(EventSeq first, const std::shared_ptr<const std::vector<Event>>& events)>;
  std::uint64_t subscribe(EventListener listener);
  void unsubscribe(std::uint64_t handle);

  [[nodiscard]] LoopStats stats() const;
  Instant now() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mw
