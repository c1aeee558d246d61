// What this machine has, as a node: CPUs, memory and NUMA through hwloc; NVIDIA accelerators
// through the driver's own NVML, opened at run time, so that one binary runs with and without it;
// AMD's through sysfs; and where there is neither, CPU cores as accelerators of type "cpu". What
// our CPU affinity and control groups do not allow us is not counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "model/fleet.h"

namespace mw::local {

enum class AcceleratorVendor : std::uint8_t { kNone, kNvidia, kAmd };

/// Where to look; the defaults are this machine. The rest is for tests.
struct DiscoverySources {
  std::string root;  ///< before /proc, /sys
  std::string nvml_library = "libnvidia-ml.so.1";
  std::string topology;  ///< hwloc synthetic description; empty: real
};

struct Accelerator {
  AcceleratorVendor vendor = AcceleratorVendor::kNone;
  std::string type;  ///< the product's name, spaces as '-': "NVIDIA-H100-80GB-HBM3"
  Bytes memory;
  bool operator==(const Accelerator&) const = default;
};

struct NumaNode {
  std::uint32_t number = 0;
  std::uint32_t cpus = 0;
  Bytes memory;
  bool operator==(const NumaNode&) const = default;
};

struct Machine {
  std::string name;         ///< the host's
  std::uint32_t cores = 0;  ///< that we may use
  CpuShare cpus;            ///< hardware threads that we may use, or less by quota
  Bytes memory;
  std::vector<NumaNode> numa;
  std::vector<Accelerator> accelerators;  ///< in the vendor's order of numbers; none: CPU only
};

/// Errors: kInternal when hwloc cannot read the machine.
Result<Machine> discover(const DiscoverySources& sources);

/// A node of ours, and how its device numbers translate to this machine's.
struct LocalNode {
  NodeSpec spec;
  AcceleratorVendor vendor = AcceleratorVendor::kNone;
  std::uint32_t first_device = 0;  ///< its device 0 is this one of the machine
};

/// The nodes that this engine offers: the machine as one, or `declared`, which share it.
std::vector<LocalNode> local_nodes(const Machine& machine, const std::string& site,
                                   const std::vector<NodeSpec>& declared);

}  // namespace mw::local
