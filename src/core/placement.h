// Where a gang goes. One interface for whoever decides it: given the nodes as they are now, give
// a whole placement or the reason why there is none. Nothing is changed here.
#pragma once

#include <span>
#include <variant>

#include "core/state.h"
#include "model/job.h"
#include "model/reason.h"

namespace mw {

/// Places `gang` on the first nodes, in id order, that hold it; devices lowest number first,
/// parts of a device on the fullest device that still has room.
/// `kept`: capacity held for this very job, counted as free; null: none.
/// Result: slices in node order, ranks numbered along them; or why not.
/// Cost: O(nodes).
std::variant<Placement, PendingReason> place_first_fit(std::span<const Node> nodes,
                                                       const GangShape& gang,
                                                       const HeldCapacity* kept);

}  // namespace mw
