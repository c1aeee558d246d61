#include "engines/local/discovery.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engines/local/accelerators.h"

namespace mw::local {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class DiscoveryTest : public ::testing::Test {
 protected:
  DiscoveryTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "mw-discovery-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    sources_.root = pattern;
    sources_.nvml_library = sources_.root + "/no-such-library.so";
    sources_.topology = "NUMANode:2(memory=4GiB) Core:4 PU:2";
  }
  ~DiscoveryTest() override {
    std::error_code error;
    std::filesystem::remove_all(sources_.root, error);
  }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(sources_.root + path).parent_path());
    std::ofstream(sources_.root + path) << text;
  }
  void make_amd_gpu(int number, int minor, const std::string& product) const {
    const std::string node = "/sys/class/kfd/kfd/topology/nodes/" + std::to_string(number);
    write(node + "/properties",
          "cpu_cores_count 0\nsimd_count 1216\ngfx_target_version 90402\n"
          "drm_render_minor " +
              std::to_string(minor) + "\n");
    const std::string device = "/sys/class/drm/renderD" + std::to_string(minor) + "/device";
    write(device + "/mem_info_vram_total", "206141652992\n");
    if (!product.empty()) write(device + "/product_name", product + "\n");
  }
  Machine machine() const {
    auto found = discover(sources_);
    EXPECT_TRUE(found.ok());
    return found.ok() ? *found : Machine{};
  }
  DiscoverySources sources_;
};

TEST_F(DiscoveryTest, WithoutAcceleratorsCoresAreTheAccelerators) {
  const Machine found = machine();
  EXPECT_EQ(found.cores, 8U);
  EXPECT_EQ(found.cpus, CpuShare(16'000));
  ASSERT_THAT(found.numa, SizeIs(2));
  EXPECT_EQ(found.numa[1], (NumaNode{1, 8, Bytes(std::int64_t{4} << 30)}));
  EXPECT_EQ(found.memory, Bytes(std::int64_t{8} << 30));
  const auto nodes = local_nodes(found, "here", {});
  ASSERT_THAT(nodes, SizeIs(1));
  EXPECT_EQ(nodes[0].spec, (NodeSpec{found.name, "here", "cpu", 8, CpuShare(16'000),
                                     Bytes(std::int64_t{8} << 30)}));
  EXPECT_EQ(nodes[0].vendor, AcceleratorVendor::kNone);
}

TEST_F(DiscoveryTest, AQuotaTakesCpusMemoryAndCoresAway) {
  write("/proc/self/cgroup", "0::/box\n");
  write("/proc/self/mountinfo", "25 30 0:23 / /cg rw - cgroup2 cgroup2 rw\n");
  write("/cg/box/cpu.max", "350000 100000\n");
  write("/cg/box/memory.max", "1073741824\n");
  const Machine found = machine();
  EXPECT_EQ(found.cpus, CpuShare(3500));
  EXPECT_EQ(found.cores, 3U);
  EXPECT_EQ(found.memory, Bytes(std::int64_t{1} << 30));
}

TEST_F(DiscoveryTest, ThisMachinesAffinityIsRespected) {
  sources_.topology.clear();
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const Machine bound = machine();
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(bound.cores, 1U);
  EXPECT_LE(bound.cpus, CpuShare(1000));
  EXPECT_GT(bound.memory, Bytes(0));
}

TEST_F(DiscoveryTest, NvidiaIsAskedThroughItsOwnLibrary) {
  sources_.nvml_library = MW_FAKE_NVML_PATH;
  make_amd_gpu(1, 128, "ignored");
  const Machine found = machine();
  ASSERT_THAT(found.accelerators, SizeIs(2));
  EXPECT_EQ(found.accelerators[1], (Accelerator{AcceleratorVendor::kNvidia, "NVIDIA-H100-80GB-HBM3",
                                                Bytes(std::int64_t{80} << 30)}));
  const auto nodes = local_nodes(found, "here", {});
  EXPECT_EQ(nodes[0].spec.accelerator_type, "NVIDIA-H100-80GB-HBM3");
  EXPECT_EQ(nodes[0].spec.accelerators, 2U);
  EXPECT_EQ(nodes[0].vendor, AcceleratorVendor::kNvidia);
}

TEST_F(DiscoveryTest, AmdIsReadFromSysfsInTheOrderOfItsComputeNodes) {
  write("/sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 96\nsimd_count 0\n");
  make_amd_gpu(2, 136, "");
  make_amd_gpu(10, 128, "AMD Instinct MI300X (OAM)");
  const Machine found = machine();
  ASSERT_THAT(found.accelerators, SizeIs(2));
  EXPECT_EQ(found.accelerators[0],
            (Accelerator{AcceleratorVendor::kAmd, "AMD-gfx942", Bytes(206'141'652'992)}));
  EXPECT_EQ(found.accelerators[1].type, "AMD-Instinct-MI300X-OAM");
  // A node has accelerators of one type.
  EXPECT_EQ(local_nodes(found, "here", {})[0].spec.accelerators, 1U);
}

TEST_F(DiscoveryTest, AnEmptyRootHasNoAccelerators) {
  EXPECT_THAT(amd_accelerators(sources_.root), IsEmpty());
  EXPECT_THAT(nvidia_accelerators(sources_.nvml_library), IsEmpty());
}

TEST_F(DiscoveryTest, ATopologyThatMakesNoSenseIsAnError) {
  sources_.topology = "Banana:2";
  EXPECT_FALSE(discover(sources_).ok());
}

TEST_F(DiscoveryTest, DeclaredNodesShareTheMachinesDevices) {
  sources_.nvml_library = MW_FAKE_NVML_PATH;
  const NodeSpec gpu{.name = "a",
                     .site = {},
                     .accelerator_type = "H100",
                     .accelerators = 1,
                     .cpus = {},
                     .memory = {}};
  NodeSpec second = gpu;
  second.name = "b";
  second.site = "elsewhere";
  NodeSpec cpu = gpu;
  cpu.name = "c";
  cpu.accelerator_type = "cpu";
  const auto nodes = local_nodes(machine(), "here", {gpu, cpu, second});
  ASSERT_THAT(nodes, SizeIs(3));
  EXPECT_EQ(nodes[0].first_device, 0U);
  EXPECT_EQ(nodes[0].spec.site, "here");
  EXPECT_EQ(nodes[1].vendor, AcceleratorVendor::kNone);
  EXPECT_EQ(nodes[2].first_device, 1U);
  EXPECT_EQ(nodes[2].spec.site, "elsewhere");
}

TEST_F(DiscoveryTest, ADeclaredTypeSaysItsVendorWhereThereIsNone) {
  NodeSpec node{.name = "a",
                .site = {},
                .accelerator_type = "MI300X",
                .accelerators = 1,
                .cpus = {},
                .memory = {}};
  EXPECT_EQ(local_nodes(machine(), "here", {node})[0].vendor, AcceleratorVendor::kAmd);
  node.accelerator_type = "H100-SXM5-80GB";
  EXPECT_EQ(local_nodes(machine(), "here", {node})[0].vendor, AcceleratorVendor::kNvidia);
}

}  // namespace
}  // namespace mw::local
