// What must hold of what is remembered of failures, and of what is kept for those that they hit: a
// part of invariants.h.
#pragma once

#include <string>
#include <vector>

#include "core/state.h"

namespace mw {

/// Appends a sentence for everything about them that does not hold.
void inspect_resilience(const State& state, std::vector<std::string>& found);

}  // namespace mw
