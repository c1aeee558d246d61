// Giving capacity of nodes to a gang and taking it back. Used wherever a placement begins or ends
// to count, so that what a node has free is always its size less what runs or is held on it.
#pragma once

#include "core/state.h"

namespace mw {

/// Which category a node's free accelerators are in.
LedgerCategory free_category(const State& state, const Node& node);

/// Takes `placement` out of what is free, moving its accelerators to `category`.
void take_capacity(State& state, const Placement& placement, const GangShape& gang,
                   LedgerCategory category);
/// Gives it back, from `category` to whatever each node's free accelerators are in.
void give_capacity(State& state, const Placement& placement, const GangShape& gang,
                   LedgerCategory category);

/// Takes `placement` out of what the nodes have free and tells nobody: neither the ledger, which
/// already knows, nor the index of what is free, which is made after this.
void occupy(State& state, const Placement& placement, const GangShape& gang);

/// Sets a node's derived fields to those of an empty one.
void reset_capacity(Node& node, const NodeShape& shape);

AcceleratorShare accelerators_of(const Placement& placement);

}  // namespace mw
