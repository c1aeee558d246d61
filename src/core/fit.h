// How many tasks of a gang a node has room for, and how that is bounded by what several nodes
// share: the power path above them, a spread that was asked for, segments that stay in one domain.
// Each of the latter is a family of nested limits, so taking tasks one after the other wherever all
// limits still allow it gives as many as there can be, in whatever order (a laminar matroid).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/room.h"
#include "core/topology.h"
#include "model/job.h"

namespace mw {

/// Tasks by position, from a vertex's first node on.
using TaskCounts = std::vector<std::uint32_t>;

inline constexpr std::uint32_t kManyTasks = std::numeric_limits<std::uint32_t>::max();

/// How many tasks of `gang` fit on a slot, by all that the node itself has; 0 when it is of no use.
/// `parts`: its devices, when some are free in part.
std::uint32_t tasks_on(const Slot& slot, const DeviceRoom* parts, const GangShape& gang);

/// How many tasks of `gang` a node with `whole` free accelerators takes, if CPUs and memory
/// suffice: never less than tasks_on() for shares of whole accelerators.
std::uint32_t tasks_by_accelerators(std::uint32_t whole, const GangShape& gang);

/// The power that `share` of accelerators of this shape draws.
Watts draw_of(const NodeShape& shape, AcceleratorShare share);

/// Takes away what the gang's spread does not allow, and what does not make whole segments.
void trim_by_fabric(const Topology& topology, FabricId vertex, const GangShape& gang,
                    TaskCounts& tasks);
/// Keeps its scratch memory between calls.
class PowerTrimmer {
 public:
  /// Takes away what some power path has no room for, in order of position.
  /// `tasks`: from position `base` on.
  /// Result: the vertex that was the first to limit; nothing when all of it may be drawn.
  std::optional<PowerId> trim(const Topology& topology, const Room& room, Position base,
                              const GangShape& gang, TaskCounts& tasks);

 private:
  std::vector<Watts> taken_;  ///< by power vertex, by what was kept so far; 0 between calls
  std::vector<PowerId> touched_;
};

}  // namespace mw
