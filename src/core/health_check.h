// What must hold of nodes, faults and repairs: a part of invariants.h.
#pragma once

#include <string>
#include <vector>

#include "core/state.h"

namespace mw {

/// Appends a sentence for everything about them that does not hold.
void inspect_health(const State& state, std::vector<std::string>& found);

}  // namespace mw
