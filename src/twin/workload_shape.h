// How "so many accelerators" becomes a gang of tasks, on a fleet whose nodes are of some size. Who
// trains on many nodes starts one task a node (torchrun does the rest there), so a gang of whole
// nodes is a task a node; nothing else would let it be placed as it is placed in practice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/quantity.h"
#include "model/fleet_spec.h"
#include "model/job.h"

namespace mw {

/// What every job of a workload is built by.
struct ShapeRules {
  std::uint32_t accelerators_per_node = 8;
  std::string accelerator_type;  ///< empty: any
  /// Of a job that does not say what it needs; by accelerator, and no more than a fleet's nodes
  /// have for each of theirs.
  CpuShare cpus = CpuShare(4'000);
  Bytes memory = Bytes(std::int64_t{16} << 30U);
  bool operator==(const ShapeRules&) const = default;
};

/// The rules for a fleet: nodes of the size that divides those of all shapes (of 8 where that would
/// be 1), with no more CPUs and memory an accelerator than each shape has. `type`: only shapes of
/// that type count, where it is not empty.
ShapeRules shape_rules(const FleetSpec& fleet, const std::string& type = {});

/// What one job asks for. Zeroes: it does not say.
struct JobDemand {
  AcceleratorShare accelerators;   ///< whole ones, or less than one
  CpuShare cpus;                   ///< of all tasks
  Bytes memory;                    ///< of all tasks
  std::vector<std::string> types;  ///< that will do, where the rules name none; empty: any
};

/// Up to a node's accelerators: one task. More: tasks of whole nodes when it is a multiple of them,
/// and of the greatest common divisor otherwise. CPUs and memory are shared equally, rounded up.
GangShape gang_shape(const JobDemand& demand, const ShapeRules& rules);

/// What jobs that only the simulation runs have in common. Whatever its end, such a job is not run
/// again for it: a trace's row is one run, and a program that fails does so each time.
JobSpec simulated_job(std::string name, GangShape gang);

/// The most accelerators that one gang can have: of one type (of `type`, when that is not empty) at
/// one site.
std::int64_t gang_accelerators_max(const FleetSpec& fleet, const std::string& type = {});
/// All of the fleet, or all of `type`.
std::int64_t fleet_accelerators(const FleetSpec& fleet, const std::string& type = {});

}  // namespace mw
