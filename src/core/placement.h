// Where a gang goes. One interface for whoever decides it: given the nodes as they are now, give
// a whole placement or the reason why there is none. Nothing is changed here.
#pragma once

#include <span>
#include <variant>

#include "core/state.h"
#include "model/job.h"
#include "model/reason.h"

namespace mw {

/// Places `gang` on as few ready nodes as hold it, the roomiest first and among equals the first
/// by id; whole devices lowest number first, parts of a device on the fullest that has room.
/// Result: slices in node order, ranks numbered along them; or why there is none.
/// REQUIRES: gang.tasks > 0, and gang.nodes is 0 or divides it.
/// Cost: O(nodes x devices + nodes log nodes).
std::variant<Placement, PendingReason> place_first_fit(std::span<const Node> nodes,
                                                       const GangShape& gang);

}  // namespace mw
