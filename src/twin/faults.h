// The faults of a scenario over a fleet, as one source: drawn from rates, planned, and replayed.
// Each kind of fault has a random stream of its own, made of the seed and its name. So what one
// kind does is not changed by another that is added, nor by anything that the control plane does:
// two runs that differ only in policy see the very same faults.
#pragma once

#include <cstdint>
#include <memory>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/fault_trace.h"
#include "core/topology.h"
#include "model/scenario.h"
#include "twin/fault_groups.h"
#include "twin/fault_source.h"

namespace mw {

/// `length`: faults that nobody could know of by then are not handed out; 0: it never ends.
/// The topology is only used here. Memory: some bytes a node for each scope that is named.
/// Errors: of a trace that is to be replayed, as read_fault_trace(); kInvalid when more of its
///         nodes had faults than were watched.
Result<std::unique_ptr<FaultSource>> open_faults(const FaultSpec& spec, const Topology& topology,
                                                 std::uint64_t seed, Duration length);

/// What a fault of a trace is: the node is down, or what its code says (trace_codes.h).
enum class ReplayAs : std::uint8_t { kDown, kTold };

/// The same for a trace that is read already: its nodes are laid over the fleet's by this rule.
/// The `nodes` that were watched are dealt out at random (by the seed) over as many places. The
/// fleet's nodes, in fabric order, take the places in turn; a fleet that is larger begins again
/// with a copy whose times are shifted, so that not all copies fail at once. The trace begins again
/// when it is over. The first copy's first round is exactly the trace.
/// REQUIRES: trace.nodes <= nodes, trace.length > 0.
std::unique_ptr<FaultSource> replayed_faults(const FaultTrace& trace, std::uint32_t nodes,
                                             const Topology& topology, std::uint64_t seed,
                                             Duration length, ReplayAs as = ReplayAs::kDown);

/// One draw of how long a repair takes.
Duration draw_repair(const RepairTime& repair, Random& random);

}  // namespace mw
