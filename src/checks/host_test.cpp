// The checks of this machine, small ones; and of machines that are folders.
#include "checks/host.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "checks/accelerators.h"
#include "checks/link.h"

namespace mw::checks {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Machine : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("mw-checks-" + std::to_string(getpid()));
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  void put_gpu(const std::string& address, const std::string& vendor) {
    put("sys/bus/pci/devices/" + address + "/vendor", vendor + "\n");
    put("sys/bus/pci/devices/" + address + "/class", "0x030200\n");
    put("sys/bus/pci/devices/" + address + "/driver/x", "");
  }
  std::filesystem::path root_;
};

std::int64_t value_of(const Report& report, const std::string& name) {
  for (const Measure& each : report.measures) {
    if (each.name == name) return each.value;
  }
  ADD_FAILURE() << "there is no " << name;
  return 0;
}

TEST_F(Machine, ProcessorsAndMemoryPassAndAreMeasured) {
  const Report cpu = check_processor(milliseconds(50));
  EXPECT_EQ(cpu.outcome, CheckOutcome::kPassed) << cpu.detail;
  EXPECT_GT(value_of(cpu, "cpu.matmul"), 1'000'000);
  const Report memory = check_memory(Bytes(std::int64_t{4} << 20));
  EXPECT_EQ(memory.outcome, CheckOutcome::kPassed) << memory.detail;
  EXPECT_GT(value_of(memory, "memory.copy"), 1'000'000);
  EXPECT_EQ(check_memory(Bytes(std::int64_t{1} << 60)).outcome, CheckOutcome::kUnable);
}

TEST_F(Machine, ADiskIsWrittenAndReadAndNothingIsLeft) {
  const Report disk = check_disk(root_, Bytes(std::int64_t{3} << 20));
  EXPECT_EQ(disk.outcome, CheckOutcome::kPassed) << disk.detail;
  EXPECT_GT(value_of(disk, "disk.write"), 0);
  EXPECT_GT(value_of(disk, "disk.read"), 0);
  EXPECT_GT(value_of(disk, "disk.sync"), 0);
  EXPECT_TRUE(std::filesystem::is_empty(root_));
  const Report none = check_disk(root_ / "none", Bytes(1));
  EXPECT_EQ(none.outcome, CheckOutcome::kUnable);
  EXPECT_THAT(none.detail, HasSubstr("No such file"));
  if (std::filesystem::exists("/dev/full")) {
    EXPECT_EQ(check_disk("/dev/full", Bytes(1)).outcome, CheckOutcome::kUnable) << "no folder";
  }
}

TEST_F(Machine, AcceleratorsAreCountedOnPciAndAtTheirDriver) {
  put_gpu("0000:3b:00.0", "0x10de");
  put_gpu("0000:af:00.0", "0x10de");
  put("proc/driver/nvidia/gpus/0000:3b:00.0/information", "");
  const agent::Folder root(root_);
  const Report one = check_accelerators(root, {2, "nvidia"});
  EXPECT_EQ(one.outcome, CheckOutcome::kFailed);
  EXPECT_EQ(one.detail, "1 of 2 accelerators are taken up by their driver");
  put("proc/driver/nvidia/gpus/0000:af:00.0/information", "");
  EXPECT_EQ(check_accelerators(root, {2, "nvidia"}).outcome, CheckOutcome::kPassed);
  EXPECT_EQ(check_accelerators(root, {std::nullopt, ""}).outcome, CheckOutcome::kPassed);
  const Report missing = check_accelerators(root, {8, "nvidia"});
  EXPECT_EQ(missing.detail, "2 accelerators of nvidia answer on PCI, 8 were expected");
  EXPECT_EQ(check_accelerators(root, {2, "amd"}).outcome, CheckOutcome::kFailed);
}

TEST_F(Machine, AnotherModelThanTheFleetSaysIsNotTakenForIt) {
  WantedAccelerators wanted{1, "nvidia", "h100-sxm", {}};
  const auto add = [&](const std::string& name, const std::string& model) {
    AcceleratorType type;
    type.name = name;
    type.aliases = {model};
    wanted.catalogue.types.push_back(type);
  };
  add("h100-sxm", "NVIDIA H100 80GB HBM3");
  add("a100-sxm", "NVIDIA A100-SXM4-80GB");
  put_gpu("0000:3b:00.0", "0x10de");
  const agent::Folder root(root_);
  const auto with_model = [&](const std::string& model) {
    put("proc/driver/nvidia/gpus/0000:3b:00.0/information",
        "Model: \t\t " + model + "\nIRQ:   \t\t 42\n");
    return check_accelerators(root, wanted);
  };
  const Report right = with_model("NVIDIA H100 80GB HBM3");
  EXPECT_EQ(right.outcome, CheckOutcome::kPassed);
  EXPECT_EQ(right.detail, "");
  const Report wrong = with_model("NVIDIA A100-SXM4-80GB");
  EXPECT_EQ(wrong.outcome, CheckOutcome::kFailed);
  EXPECT_EQ(wrong.detail,
            "0000:3b:00.0 is \"NVIDIA A100-SXM4-80GB\", which is a100-sxm and not h100-sxm");
  const Report unknown = with_model("NVIDIA X1");
  EXPECT_EQ(unknown.outcome, CheckOutcome::kPassed) << "nobody can tell";
  EXPECT_THAT(unknown.detail, HasSubstr("is it h100-sxm?"));
}

TEST_F(Machine, AmdsAreTheComputeNodesThatHaveSimds) {
  put_gpu("0000:05:00.0", "0x1002");
  put("sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 96\nsimd_count 0\n");
  put("sys/class/kfd/kfd/topology/nodes/1/properties", "cpu_cores_count 0\nsimd_count 1216\n");
  const Report report = check_accelerators(agent::Folder(root_), {1, "amd"});
  EXPECT_EQ(report.outcome, CheckOutcome::kPassed) << report.detail;
  EXPECT_EQ(value_of(report, "accelerators.driver"), 1);
}

TEST_F(Machine, AcceleratorsCannotBurnWithoutAProgramThatSpeaksToThem) {
  EXPECT_EQ(burn_accelerators("/no/such/python", "cuda", milliseconds(10)).outcome,
            CheckOutcome::kUnable);
  const Report silent = burn_accelerators("/bin/true", "cuda", milliseconds(10));
  EXPECT_EQ(silent.outcome, CheckOutcome::kUnable);
  EXPECT_EQ(burn_accelerators("/bin/false", "cuda", milliseconds(10)).outcome,
            CheckOutcome::kFailed);
}

TEST_F(Machine, ProcessorsBurnWherePyTorchIs) {
  const Report report = burn_accelerators("/usr/bin/python3", "cpu", milliseconds(200));
  EXPECT_EQ(report.outcome, CheckOutcome::kPassed) << report.detail;
  EXPECT_GT(value_of(report, "accelerator.matmul"), 1'000'000);
  EXPECT_GT(value_of(report, "accelerator.copy"), 1'000'000);
}

TEST(Link, IsMeasuredWithThoseWhoKnowTheSecretAndNobodyElse) {
  int stop[2];
  ASSERT_EQ(::pipe(stop), 0);
  std::atomic<std::uint16_t> port = 0;
  std::thread server([&] {
    const auto ended = serve_links({"127.0.0.1", 0, "the secret of the rack"}, stop[0],
                                   [&](std::uint16_t chosen) { port = chosen; });
    EXPECT_TRUE(ended.ok());
  });
  while (port == 0) std::this_thread::yield();
  const std::vector<LinkPeer> peers(2, {"127.0.0.1", port});
  const Report report = check_links(peers, "the secret of the rack", Bytes(1 << 20));
  EXPECT_EQ(report.outcome, CheckOutcome::kPassed) << report.detail;
  EXPECT_GT(value_of(report, "link.send"), 1'000'000);
  EXPECT_GT(value_of(report, "link.round_trip"), 0);
  EXPECT_THAT(check_links(peers, "another one", Bytes(1)).detail, HasSubstr("another secret"));
  EXPECT_THAT(check_links(peers, "", Bytes(1)).detail, HasSubstr("another secret"));
  // In a rack one that does not answer is not this node's fault; most of them are.
  std::vector<LinkPeer> rack = {peers[0], peers[1], {"127.0.0.1", 1}};
  const Report most = check_rack(rack, "the secret of the rack", Bytes(1 << 16));
  EXPECT_EQ(most.outcome, CheckOutcome::kPassed) << most.detail;
  EXPECT_THAT(most.detail, HasSubstr("not measured with 1 of 3 peers: 127.0.0.1:1: "));
  EXPECT_GT(value_of(most, "link.send"), 0);
  rack.assign(3, {"127.0.0.1", 1});
  rack[0] = peers[0];
  EXPECT_EQ(check_rack(rack, "the secret of the rack", Bytes(1)).outcome, CheckOutcome::kFailed);
  EXPECT_EQ(check_rack({}, "", Bytes(1)).outcome, CheckOutcome::kPassed) << "it stands alone";
  EXPECT_EQ(::write(stop[1], "x", 1), 1);
  server.join();
  EXPECT_EQ(check_links(peers, "", Bytes(1)).outcome, CheckOutcome::kFailed) << "nobody listens";
  EXPECT_EQ(check_rack(peers, "", Bytes(1)).outcome, CheckOutcome::kFailed) << "nor in its rack";
  ::close(stop[0]);
  ::close(stop[1]);
}

TEST(Link, NobodyListensBeyondLoopbackWithoutASecret) {
  for (const char* address : {"0.0.0.0", "::", "10.0.0.1"}) {
    const auto refused = serve_links({address, 0, ""}, -1, [](std::uint16_t) {});
    ASSERT_FALSE(refused.ok()) << address;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid) << address;
  }
  EXPECT_FALSE(serve_links({"nowhere", 0, "secret"}, -1, [](std::uint16_t) {}).ok());
}

}  // namespace
}  // namespace mw::checks
