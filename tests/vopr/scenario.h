// What a run is made of, all of it from one seed: a small fleet in which something always binds, a
// policy, jobs of every shape that a job file can ask for, and what breaks.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "core/topology.h"
#include "model/fleet_spec.h"
#include "model/policy.h"
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

/// A job as somebody might ask for it now; it may be that nothing there could run it.
/// `jobs`: ids given so far, for dependencies.
WorkloadJob some_workload_job(Random& random, Instant now, std::uint64_t jobs);

/// In the order of their beginning, all of it within `trouble`.
std::vector<NodeFault> some_faults(Random& random, const Topology& topology, Duration trouble);

}  // namespace mw::vopr
