#include "engines/local/discovery.h"

#include <hwloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "engines/local/accelerators.h"
#include "engines/local/cgroup_mounts.h"

namespace mw::local {
namespace {

struct DestroyTopology {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

struct FreeBitmap {
  void operator()(hwloc_bitmap_t bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, FreeBitmap>;

Result<Topology> load_topology(const std::string& synthetic) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) {
    return Error{ErrorCode::kInternal, "hwloc cannot be initialised"};
  }
  Topology topology(raw);
  if (!synthetic.empty() && hwloc_topology_set_synthetic(raw, synthetic.c_str()) != 0) {
    return Error{ErrorCode::kInvalid, "hwloc does not understand the topology `" + synthetic + "`"};
  }
  if (hwloc_topology_load(raw) != 0) {
    return Error{ErrorCode::kInternal, "hwloc cannot read this machine's topology from /sys"};
  }
  return topology;
}

/// The hardware threads that we may use: hwloc leaves out what our cpuset forbids, and we what our
/// affinity does.
Bitmap usable_cpus(hwloc_topology_t topology) {
  Bitmap usable(hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology)));
  const Bitmap bound(hwloc_bitmap_alloc());
  if (hwloc_topology_is_thissystem(topology) != 0 &&
      hwloc_get_cpubind(topology, bound.get(), HWLOC_CPUBIND_THREAD) == 0) {
    hwloc_bitmap_and(usable.get(), usable.get(), bound.get());
  }
  return usable;
}

std::uint32_t count_cores(hwloc_topology_t topology, hwloc_const_bitmap_t usable) {
  std::uint32_t cores = 0;
  for (hwloc_obj_t core = nullptr;
       (core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != nullptr;) {
    if (hwloc_bitmap_intersects(core->cpuset, usable) != 0) ++cores;
  }
  // Some virtual machines do not say which threads share a core.
  return cores > 0 ? cores : static_cast<std::uint32_t>(std::max(1, hwloc_bitmap_weight(usable)));
}

std::vector<NumaNode> numa_nodes(hwloc_topology_t topology, hwloc_const_bitmap_t usable) {
  std::vector<NumaNode> nodes;
  for (hwloc_obj_t node = nullptr;
       (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
    const Bitmap cpus(hwloc_bitmap_alloc());
    hwloc_bitmap_and(cpus.get(), node->cpuset, usable);
    nodes.push_back(
        {.number = node->os_index,
         .cpus = static_cast<std::uint32_t>(std::max(0, hwloc_bitmap_weight(cpus.get()))),
         .memory = Bytes(static_cast<std::int64_t>(node->attr->numanode.local_memory))});
  }
  return nodes;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

AcceleratorVendor vendor_of(const Machine& machine, const NodeSpec& node) {
  if (node.accelerator_type == "cpu") return AcceleratorVendor::kNone;
  if (!machine.accelerators.empty()) return machine.accelerators.front().vendor;
  // Declared, and not here: a demonstration. AMD's types say so; most others are NVIDIA's.
  const std::string& type = node.accelerator_type;
  const bool amd = type.rfind("AMD", 0) == 0 || type.rfind("MI", 0) == 0;
  return amd ? AcceleratorVendor::kAmd : AcceleratorVendor::kNvidia;
}

}  // namespace

Result<Machine> discover(const DiscoverySources& sources) {
  auto loaded = load_topology(sources.topology);
  if (!loaded.ok()) return loaded.error();
  hwloc_topology_t topology = loaded.value().get();
  const Bitmap usable = usable_cpus(topology);

  Machine machine;
  machine.name = host_name();
  machine.cores = count_cores(topology, usable.get());
  machine.cpus = CpuShare(1000 * std::max<std::int64_t>(1, hwloc_bitmap_weight(usable.get())));
  machine.numa = numa_nodes(topology, usable.get());
  for (const NumaNode& node : machine.numa) machine.memory += node.memory;

  const CgroupLimits limits = cgroup_limits(cgroup_hierarchies(sources.root));
  if (limits.memory) machine.memory = std::min(machine.memory, *limits.memory);
  if (limits.cpus && *limits.cpus < machine.cpus) {
    machine.cpus = *limits.cpus;
    const auto whole = static_cast<std::uint32_t>(machine.cpus.count() / 1000);
    machine.cores = std::clamp(whole, 1U, machine.cores);
  }
  machine.accelerators = nvidia_accelerators(sources.nvml_library);
  if (machine.accelerators.empty()) machine.accelerators = amd_accelerators(sources.root);
  return machine;
}

std::vector<LocalNode> local_nodes(const Machine& machine, const std::string& site,
                                   const std::vector<NodeSpec>& declared) {
  std::vector<LocalNode> nodes;
  std::uint32_t next_device = 0;
  for (const NodeSpec& spec : declared) {
    LocalNode node{.spec = spec, .vendor = vendor_of(machine, spec), .first_device = 0};
    if (node.vendor != AcceleratorVendor::kNone) {
      node.first_device = next_device;
      next_device += spec.accelerators;
    }
    if (node.spec.site.empty()) node.spec.site = site;
    nodes.push_back(std::move(node));
  }
  if (!declared.empty()) return nodes;

  LocalNode node;
  node.spec = {.name = machine.name,
               .site = site,
               .accelerator_type = "cpu",
               .accelerators = machine.cores,
               .cpus = machine.cpus,
               .memory = machine.memory};
  if (!machine.accelerators.empty()) {
    // A node has accelerators of one type. Devices are numbered from the first on, so of a mixture
    // it offers the leading ones that are alike.
    const auto& all = machine.accelerators;
    const auto other = std::find_if(all.begin(), all.end(), [&](const Accelerator& accelerator) {
      return accelerator.type != all.front().type;
    });
    node.vendor = all.front().vendor;
    node.spec.accelerator_type = all.front().type;
    node.spec.accelerators = static_cast<std::uint32_t>(other - all.begin());
  }
  nodes.push_back(std::move(node));
  return nodes;
}

}  // namespace mw::local
