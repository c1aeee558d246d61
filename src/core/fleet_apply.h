// The part of apply() that makes the fleet: nodes that are declared or join, and what there is of
// all of it together.
#pragma once

#include "core/state.h"

namespace mw {

void declare_fleet(State& state, const FleetDeclared& event, Instant at);

/// All of it that concerns the node alone. To be followed by have_joined(), once for all that join
/// one after the other.
void join_fleet(State& state, const NodeJoined& event, Instant at);
void have_joined(State& state);

/// Computes anew what follows from the whole fleet, after a node was described differently.
void fleet_changed(State& state);

}  // namespace mw
