// Who waits, and in which order. A pending job that is not held stands in exactly one line: the
// restarts, which go first, or the queue of its shape.
#pragma once

#include "core/state.h"

namespace mw {

/// Puts a pending, unheld job in its line.
void enqueue(State& state, const Job& job);
/// Takes it out again; forgets why its shape was blocked when it was the last of it.
void dequeue(State& state, const Job& job);

/// Notes when the attempt's time limit ends, if it has one.
void watch_deadline(State& state, const Attempt& attempt);
void unwatch_deadline(State& state, const Attempt& attempt);

}  // namespace mw
