// From what the core decided to what the engine is told. Commands say what is wanted, not what
// to do, so telling them twice is harmless.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/state.h"
#include "loop/engine.h"
#include "model/event.h"
#include "model/input.h"

namespace mw {

/// What the core wants of a job's current attempt.  REQUIRES: it has one.
DesiredAttempt desired_attempt(const State& state, JobId job);

/// Everything that it wants, in job order.
std::vector<DesiredAttempt> desired_attempts(const State& state);

/// What is being done to a node.  REQUIRES: it has a remedy that has begun.
DesiredRemedy desired_remedy(const State& state, NodeId node);
/// What checks an idle node.  REQUIRES: it is being checked.
DesiredRemedy desired_check(const State& state, NodeId node);

NodeDecision decision_on(const State& state, NodeId node);
/// Tells the engine of all nodes that are not ready.
void tell_phases(const State& state, Engine& engine);
/// Tells it of all that is being done to nodes.
void tell_remedies(const State& state, Engine& engine);

/// REQUIRES: the state has the job, and it is_adopted().
AdoptedFate fate_of(const State& state, JobId job);
/// Tells an engine that adopts of all such jobs.
void tell_adopted(const State& state, Engine& engine);

/// Tells the engine what `events` changed. `epochs` remembers the epoch of each live attempt, so
/// that an ended one can be named after the state has forgotten it.
class Commander {
 public:
  Commander(Engine& engine, const State& state);
  /// REQUIRES: `state` is the state after all of `events`.
  void tell(const State& state, const std::vector<Event>& events);
  /// Tells everything again.
  void repeat(const State& state);
  /// Of `inputs`, the reports on attempts that `state` does not have: the engine has not heard that
  /// they ended, and is to be told again.
  [[nodiscard]] static std::vector<std::pair<JobId, Epoch>> unknown(const State& state,
                                                                    std::span<const Input> inputs);
  /// Likewise the reports on remedies that are not a node's any more.
  [[nodiscard]] static std::vector<std::pair<std::string, Epoch>> unknown_remedies(
      const State& state, std::span<const Input> inputs);

 private:
  Engine& engine_;
  boost::unordered_flat_map<std::uint64_t, Epoch> epochs_;  ///< by JobId
};

}  // namespace mw
