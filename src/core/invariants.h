// What always holds of a State, checked from scratch in the slowest and plainest way. Tests and
// simulations call it after every step; it is the oracle for every derived field.
#pragma once

#include <string>
#include <vector>

#include "core/state.h"

namespace mw {

/// One sentence for each thing that is wrong; empty when all is well.
/// Cost: proportional to the whole state, more than once.
std::vector<std::string> broken_invariants(const State& state);

}  // namespace mw
