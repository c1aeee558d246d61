// How fast a simulated job runs and what it draws. Each model is one small function with its
// source; the figures are in one struct, which a scenario file replaces. Integers, so that a run is
// the same on every machine.
#pragma once

#include <array>
#include <cstdint>

#include "base/fields.h"
#include "base/quantity.h"
#include "base/time.h"
#include "core/topology.h"
#include "model/job.h"
#include "model/placement.h"

namespace mw {

struct Physics {
  /// From the placement until the engine has every task running. Slurm and Kubernetes take seconds.
  Duration launch = seconds(5);
  /// From then until the job does what it has not done before: loading code, data and checkpoint.
  /// An assumption; Meta reports minutes for large jobs (arXiv 2410.21680, its u0).
  Duration start_up = seconds(60);
  /// From being asked to stop until its tasks have ended; never longer than the job's grace.
  Duration stop = seconds(5);
  /// From the failure of a node until its engine says so.
  Duration detection = seconds(30);
  /// Speed in thousandths by the level of the fabric that holds the whole gang, FabricLevel's
  /// order. An assumption: full-bisection fabrics lose little, sites are joined by less.
  std::array<std::int64_t, EnumNames<FabricLevel>::value.size()> topology_milli = {
      1000, 1000, 1000, 1000, 980, 950, 700};
  /// Of what an accelerator may draw in addition, thousandths that work really draws.
  /// Source: a DGX H100 under heavy load draws 76 % of its rating (arXiv 2412.08602).
  std::int64_t load_milli = 760;
  bool operator==(const Physics&) const = default;
  MW_FIELDS(launch, start_up, stop, detection, topology_milli, load_milli)
};

/// Work is counted in nanoseconds at this speed.
inline constexpr std::int64_t kFullSpeed = 1'000'000;
/// Nothing is slower, so that no job's end is beyond what an Instant can say.
inline constexpr std::int64_t kSlowest = 1'000;

/// The lowest level of the fabric at which one vertex holds all of the placement.
/// REQUIRES: it is not empty.
FabricLevel span_of(const Topology& topology, const Placement& placement);

/// The rate of the accelerators that it got, in thousandths: 1000 where the job names no rates.
/// Source: the job's own measure (TypeChoice::rate).
std::int64_t accelerator_factor(const Topology& topology, const GangShape& gang,
                                const Placement& placement);
/// Slower the farther its tasks are apart.
std::int64_t topology_factor(const Physics& physics, const Topology& topology,
                             const Placement& placement);
/// Tasks that it has, of those that it asked for: perfect scaling, an assumption.
std::int64_t size_factor(const GangShape& gang, const Placement& placement);

/// Work done in a unit of time, kFullSpeed when nothing slows it down.
/// run time = work / (accelerator x topology x size).
std::int64_t speed_of(const Physics& physics, const Topology& topology, const JobSpec& spec,
                      const Placement& placement);

/// What the slice's accelerators draw at work beyond the idle draw of their node.
Watts slice_draw(const Physics& physics, const Topology& topology, const NodeSlice& slice);

}  // namespace mw
