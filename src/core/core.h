// The brain: a deterministic state machine with no I/O, no clock and no threads.
//   inputs --step--> events --apply--> state
// The same state and the same inputs at the same instants give the same events on every machine;
// so a journal can be verified by stepping it again, and a forecast is this code on a copy.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/state.h"
#include "model/event.h"
#include "model/input.h"

namespace mw {

class Core {
 public:
  explicit Core(State state = {});
  ~Core();
  Core(Core&&) noexcept;
  Core& operator=(Core&&) noexcept;

  /// The only way in. Handles the inputs in order, then whatever is due at `now`, then decides
  /// what to start. The events are already applied to state() when this returns.
  /// Errors: none; a refused input becomes a Refused event that says why.
  /// REQUIRES: now >= state().now.
  std::vector<Event> step(Instant now, std::span<const Input> inputs);

  /// When the core wants to be stepped though nothing happens; Instant::never() if not at all.
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] const State& state() const;
  /// Whether the last step looked for places. It remembers what did not fit and does not try that
  /// again for nothing, so later decisions follow from such a step even when it made no event.
  [[nodiscard]] bool has_tried() const;
  /// In what the two differ that decides: the first field of the state, or what is remembered of
  /// earlier tries. Empty when the same inputs give the same events from now on; ids of classes may
  /// differ. For tests: a core that came back has to be like one that was never gone.
  /// Cost: O(state).
  [[nodiscard]] std::string difference_from(const Core& other) const;

 private:
  class Stepper;
  std::unique_ptr<Stepper> stepper_;
};

/// The name of the first field in which two states differ, "its indexes" when only derived ones do;
/// empty when they are equal.
std::string first_difference(const State& a, const State& b);

/// Why `job` has not started, by the same code that decides it. NotYetConsidered when it would
/// be placed by a pass now.  REQUIRES: the job is pending.
PendingReason explain(const State& state, JobId job, Instant now);

}  // namespace mw
