// One turn of the loop, without a thread and without a clock: step the brain, store what came out,
// command the engine. The control loop turns it live (control_loop.h), the twin in simulated time;
// so what is simulated is what runs.
// Always: nothing is commanded, and nobody may be answered, before the journal has stored it. When
// it could not, the step never happened: the brain is gone until recover() brings back what is
// stored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "core/core.h"
#include "loop/commands.h"
#include "loop/engine.h"
#include "loop/journal.h"
#include "model/event.h"
#include "model/input.h"

namespace mw {

class ControlCycle {
 public:
  enum class Timed : bool { kNo, kYes };
  /// `timed`: whether times() are taken. To ask the clock is a part of what a small turn costs.
  ControlCycle(Journal& journal, Engine& engine, Timed timed)
      : journal_(journal), engine_(engine), timed_(timed) {}

  /// The state as it is stored, as recover() of loop/recovery.h.
  Result<void> recover();
  /// A state that is not from the journal: the beginning of a forecast.
  void begin_with(State state);

  /// What came of one batch. No events: nothing was stored, and there is nobody to answer.
  struct Turn {
    EventSeq first;  ///< of `events`
    std::shared_ptr<const std::vector<Event>> events;
  };
  /// One batch. An instant before the last one's counts as that.
  /// Errors: the journal's; is_up() is false from then on.
  /// REQUIRES: is_up().
  Result<Turn> turn(Instant now, std::span<const Input> inputs);

  /// Tells the engine again all that is desired.
  void repeat_commands();

  [[nodiscard]] bool is_up() const { return core_.has_value(); }
  [[nodiscard]] const State& state() const { return core_->state(); }
  [[nodiscard]] const Core& core() const { return *core_; }
  [[nodiscard]] Instant next_wakeup() const { return core_->next_wakeup(); }

  /// Where the time went, over all turns; for /metrics and benchmarks.
  struct Times {
    std::uint64_t step_ns = 0;
    std::uint64_t append_ns = 0;
  };
  [[nodiscard]] const Times& times() const { return times_; }

 private:
  Result<void> append(const Batch& batch);

  Journal& journal_;
  Engine& engine_;
  Timed timed_;
  std::optional<Core> core_;
  std::optional<Commander> commander_;
  Times times_;
};

}  // namespace mw
