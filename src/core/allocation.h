// Giving capacity of nodes to a gang and taking it back. Used wherever a placement begins or ends
// to count, so that what a node has free is always its size less what runs or is held on it.
#pragma once

#include "core/state.h"

namespace mw {

/// Which category a node's free accelerators are in.
LedgerCategory free_category(const State& state, const Node& node);

/// Takes `placement` out of what is free, moving its accelerators to `category`.
void take_capacity(State& state, const Placement& placement, const TaskShape& task,
                   LedgerCategory category);
/// Gives it back, from `category` to whatever each node's free accelerators are in.
void give_capacity(State& state, const Placement& placement, const TaskShape& task,
                   LedgerCategory category);

/// Takes `placement` out of what is free without telling the ledger, which already knows: for
/// indexes that are rebuilt.
void occupy(State& state, const Placement& placement, const TaskShape& task);

/// Sets a node's derived fields to those of an empty one.
void reset_capacity(Node& node);

AcceleratorShare accelerators_of(const Placement& placement);

}  // namespace mw
