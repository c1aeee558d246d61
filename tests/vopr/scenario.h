// What a run is made of, all of it from one seed: a small fleet in which something always binds, a
// policy, jobs of every shape that a job file can ask for, and what breaks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/state.h"
#include "core/topology.h"
#include "model/fleet_spec.h"
#include "model/policy.h"
#include "model/reservation.h"
#include "twin/fault_source.h"
#include "twin/physics.h"
#include "twin/workload.h"
#include "twin/world.h"

namespace mw::vopr {

struct Scenario {
  FleetSpec fleet;
  Policy policy;
  Physics physics;
  MessageFaults messages;
  Duration trouble;  ///< for how long things go wrong
};

Scenario some_scenario(Random& random);
Policy some_policy(Random& random);

/// A job as somebody might ask for it now, who knows the fleet; now and then nothing there could
/// run it.
WorkloadJob some_workload_job(Random& random, Instant now, const State& state);
/// Nodes that somebody might have set aside now; it may be that they cannot be had.
ReservationSpec some_reservation(Random& random, Instant now, const State& state);
std::string some_reservation_name(Random& random);

/// In the order of their beginning, all of it within `trouble`.
std::vector<NodeFault> some_faults(Random& random, const Topology& topology, Duration trouble);

}  // namespace mw::vopr
