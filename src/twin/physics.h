// How fast a simulated job runs and what it draws. Each model is one small function with its
// source; the figures are in one struct (model/scenario.h), which a scenario file replaces.
// Integers, so that a run is the same on every machine.
#pragma once

#include <cstdint>

#include "base/quantity.h"
#include "core/topology.h"
#include "model/job.h"
#include "model/placement.h"
#include "model/scenario.h"

namespace mw {

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

/// How long `work` takes at `speed`, rounded up so that the end is never before the work is done.
Duration time_for(std::int64_t work, std::int64_t speed);

/// What so many of the shape's accelerators draw at work beyond the idle draw of their node.
Watts draw_at_load(const Physics& physics, const NodeShape& shape, AcceleratorShare share);
/// What the slice's accelerators draw at work beyond the idle draw of their node.
Watts slice_draw(const Physics& physics, const Topology& topology, const NodeSlice& slice);

}  // namespace mw
