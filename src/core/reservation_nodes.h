// Which nodes a reservation gets when it says how many, and whether those that it lists can be had.
#pragma once

#include <variant>
#include <vector>

#include "core/state.h"

namespace mw {

/// How a node stands for a reservation.
enum class NodeStanding : std::uint8_t {
  kAvailable,  ///< nothing is in the way: what runs on it ends before the start at the latest
  kInUse,      ///< something runs there, or is about to again, that need not have ended by then
  kKept,       ///< a job is to start there
  kOutOfUse,
  kReserved,  ///< by another reservation at that time
};

/// By node.  `from`: when the nodes are needed, not before now; to `spec.end()`.
/// Cost: O(nodes + attempts).
std::vector<NodeStanding> standings(const State& state, const ReservationSpec& spec, Instant from);

/// `count` nodes by id; inside the lowest vertex of the fabric that has as many, of several the one
/// with the fewest, so that roomier ones stay whole. With spec.force also nodes that are in use or
/// kept, after all others.
std::variant<std::vector<NodeId>, NodesShort> choose_nodes(const State& state,
                                                           const ReservationSpec& spec,
                                                           Instant from, std::uint32_t count);

/// Those that it lists, by id. Ones that are out of use will do: it is said which.
/// REQUIRES: they exist.
std::variant<std::vector<NodeId>, NodesShort> listed_nodes(const State& state,
                                                           const ReservationSpec& spec,
                                                           Instant from);

}  // namespace mw
