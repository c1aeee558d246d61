// Lines of the kernel's log as they are published, with what they mean; and lines that mean nothing
// though they look like it. Each group names where its lines come from.
#include "agent/kernel_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "codec/fault_policy_file.h"

namespace mw::agent {
namespace {

struct Row {
  std::string message;
  std::string code;  ///< empty: no fault
  std::string pci = "";
  SightingKind kind = SightingKind::kHappened;
  std::uint64_t count = 1;
  std::string part = "";
};

void expect_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.message);
    const auto found = read_kernel_message(row.message);
    ASSERT_EQ(found.has_value(), !row.code.empty());
    if (!found) continue;
    EXPECT_EQ(found->code, row.code);
    EXPECT_EQ(found->pci, row.pci);
    EXPECT_EQ(found->kind, row.kind);
    EXPECT_EQ(found->count, row.count);
    EXPECT_EQ(found->part, row.part);
  }
}

// docs.nvidia.com/deploy/xid-errors; the Fabric Manager guide for switches.
TEST(KernelMessage, OfNvidia) {
  expect_rows({
      {"NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.", "nvidia.xid.79",
       "0000:3b:00.0"},
      {"NVRM: Xid (PCI:0000:10:00.0): 79, GPU has fallen off the bus.", "nvidia.xid.79",
       "0000:10:00.0"},
      {"NVRM: Xid (0000:03:00): 56, CMDre 00000000 00000080", "nvidia.xid.56", "0000:03:00.0"},
      {"NVRM: Xid (PCI:0000:41:00 GPU-I:05): 69, pid=1, Class Error", "nvidia.xid.69",
       "0000:41:00.0"},
      {"NVRM: Xid (PCI:0000:b9:00): 74, pid=<unknown>, name=<unknown>, NVLink: fatal error "
       "detected "
       "on link 6(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)",
       "nvidia.xid.74", "0000:b9:00.0"},
      {"NVRM: Xid (PCI:0008:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU "
       "Reset Required)",
       "nvidia.xid.154.gpu_reset_required", "0008:01:00.0"},
      {"NVRM: Xid (PCI:0000:02:00): 154, GPU recovery action changed from 0x0 (None) to 0x2 (Node "
       "Reboot Required)",
       "nvidia.xid.154.node_reboot_required", "0000:02:00.0"},
      {"NVRM: Xid (PCI:0000:02:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) "
       "to 0x0 (None)",
       "nvidia.xid.154", "0000:02:00.0"},
      {"nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 12028, Non-fatal, Link 32 egress non-posted "
       "PRIV error (First)",
       "nvidia.sxid.12028"},
      {"nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up",
       "nvidia.nvswitch.fatal"},
      // An address that is none is no reason not to tell: the node is known all the same.
      {"NVRM: Xid (PCI:zzzz): 79, GPU has fallen off the bus.", "nvidia.xid.79"},
      {"NVRM: Xid (PCI:0000:3b:00): seventy-nine", ""},
      {"NVRM: Xid (PCI:0000:3b:00): 99999999999999999999, x", ""},
      {"NVRM: Xid (PCI:0000:3b:00): 79x", ""},
      {"NVRM: Xid (PCI:0000:3b:00", ""},
      {"NVRM: Xid (", ""},
      {"NVRM: loading NVIDIA UNIX x86_64 Kernel Module  535.104.05", ""},
      {"somebody said NVRM: Xid (PCI:0000:3b:00): 79, pid=1", ""},
  });
}

// Linux, drivers/gpu/drm/amd/amdgpu.
TEST(KernelMessage, OfAmd) {
  const std::string card = "0000:c1:00.0";
  expect_rows({
      {"amdgpu 0000:c1:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block",
       "amd.ras.uncorrectable", card},
      {"amdgpu 0000:c1:00.0: amdgpu: socket: 0, die: 1, 3 new uncorrectable hardware errors "
       "detected in gfx block",
       "amd.ras.uncorrectable", card, SightingKind::kHappened, 3},
      {"amdgpu 0000:c1:00.0: amdgpu: 7 new correctable hardware errors detected in umc block",
       "amd.ras.correctable", card, SightingKind::kHappened, 7},
      {"amdgpu 0000:c1:00.0: 1048560 correctable hardware errors detected in umc block",
       "amd.ras.correctable", card},
      {"amdgpu 0000:c1:00.0: amdgpu: 9 uncorrectable hardware errors detected in total in gfx "
       "block",
       ""},
      {"amdgpu 0000:c1:00.0: amdgpu: no uncorrectable hardware errors detected in umc block", ""},
      {"amdgpu 0000:c1:00.0: amdgpu: 0 correctable hardware errors detected in umc block", ""},
      {"amdgpu 0000:c1:00.0: amdgpu: RAS poison is consumed, no need to do further",
       "amd.ras.poison", card},
      {"amdgpu 0000:c1:00.0: amdgpu: RAS records:129 exceeds threshold:128",
       "amd.ras.bad_page_threshold", card},
      {"amdgpu 0000:c1:00.0: amdgpu: RAS records:116 exceeds 90% of threshold:128",
       "amd.ras.bad_page", card},
      {"amdgpu 0000:c1:00.0: amdgpu: GPU reset begin!", "amd.gpu_reset", card},
      {"amdgpu 0000:c1:00.0: amdgpu: GPU reset(2) failed", "amd.gpu_reset_failed", card},
      {"amdgpu 0000:c1:00.0: amdgpu: GPU reset end with ret = -22", "amd.gpu_reset_failed", card},
      {"amdgpu 0000:c1:00.0: amdgpu: GPU reset(2) succeeded!", ""},
      {"amdgpu: Topology: Add CPU node", ""},
  });
}

// Linux, drivers/pci/pcie/aer.c, arch/x86/kernel/cpu/mce, mm, block, fs, kernel/watchdog.c.
TEST(KernelMessage, OfTheHost) {
  expect_rows({
      {"pcieport 0000:00:1c.4: AER: PCIe Bus Error: severity=Corrected, type=Physical Layer, "
       "(Receiver ID)",
       "host.pcie.corrected"},
      {"pcieport 0000:00:1c.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, "
       "id=00e0(Receiver ID)",
       "host.pcie.corrected"},
      {"nvme 0000:5e:00.0: AER: PCIe Bus Error: severity=Uncorrectable (Non-Fatal), "
       "type=Transaction Layer, (Requester ID)",
       "host.pcie.nonfatal"},
      {"pcieport 0000:17:01.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Data Link Layer, "
       "(Receiver ID)",
       "host.pcie.fatal"},
      // The line before and the lines after it tell of the same error.
      {"pcieport 0000:00:1c.4: AER: Corrected error received: 0000:00:1c.4", ""},
      {"pcieport 0000:00:1c.4: AER:   device [8086:9d14] error status/mask=00002001/00002000", ""},
      {"mce: [Hardware Error]: CPU 2: Machine Check: 0 Bank 5: be00000000800400",
       "host.mce.uncorrected"},
      {"mce: [Hardware Error]: CPU 2: Machine Check Exception: 5 Bank 7: 8c00004000010090",
       "host.mce.corrected"},
      {"[Hardware Error]: Corrected error, no action required.", "host.mce.corrected"},
      {"[Hardware Error]: Uncorrected, software restartable error.", "host.mce.uncorrected"},
      {"mce: [Hardware Error]: Machine check events logged", ""},
      {"Out of memory: Killed process 4242 (python3) total-vm:99kB", "host.oom"},
      {"Memory cgroup out of memory: Killed process 4242 (python3)", ""},
      {"Memory failure: 0x12345: recovery action for dirty LRU page: Recovered",
       "host.memory.uncorrectable"},
      {"blk_update_request: I/O error, dev sda, sector 12345 op 0x0:(READ)", "host.disk.failing"},
      {"I/O error, dev nvme0n1, sector 0 op 0x1:(WRITE) flags 0x800", "host.disk.failing"},
      {"critical medium error, dev sdb, sector 9 op 0x0:(READ)", "host.disk.failing"},
      {"I/O error, dev sr0, sector 0 op 0x0:(READ)", ""},
      {"I/O error, dev loop3, sector 0 op 0x0:(READ)", ""},
      {"nvme nvme0: controller is down; will reset: CSTS=0xffffffff", "host.disk.failing"},
      {"nvme nvme0: I/O 12 QID 3 timeout, aborting", "host.disk.failing"},
      {"EXT4-fs (sda3): Remounting filesystem read-only", "host.disk.readonly"},
      {"XFS (dm-0): Log I/O Error (0x2) detected at xlog_ioend_work. Shutting down filesystem.",
       "host.disk.readonly"},
      {"BTRFS info (device sda): forced readonly", "host.disk.readonly"},
      {"watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:77]", "host.kernel.hang"},
      {"NMI watchdog: Watchdog detected hard LOCKUP on cpu 5", "host.kernel.hang"},
      {"Kernel panic - not syncing: Fatal exception", "host.kernel.panic"},
      {"mce: CPU3: Core temperature above threshold, cpu clock throttled (total events = 1)",
       "thermal.cpu"},
      {"CPU3: Package temperature/speed normal", ""},
  });
}

// Linux, mlx5/core, drivers/infiniband/core/cache.c, ice.
TEST(KernelMessage, OfTheNetwork) {
  using enum SightingKind;
  expect_rows({
      {"mlx5_core 0000:05:00.0 ens1f0np0: Link down", "net.roce.down", "", kBegins, 1, "ens1f0np0"},
      {"mlx5_core 0000:05:00.0 ens1f0np0: Link up", "net.roce.down", "", kEnds, 1, "ens1f0np0"},
      {"mlx5_core 0000:05:00.0 mlx5_0: Port: 1 Link DOWN", "net.ib.down", "", kBegins, 1,
       "mlx5_0/1"},
      {"infiniband mlx5_0: Port: 1 Link ACTIVE", "net.ib.down", "", kEnds, 1, "mlx5_0/1"},
      {"infiniband mlx5_0: Port: 1 Link INIT", ""},
      {"ice 0000:18:00.0 eth0: NIC Link is Down", "net.ethernet.down", "", kBegins, 1, "eth0"},
      {"ice 0000:18:00.0 eth0: NIC Link is Up Fast 100G", "net.ethernet.down", "", kEnds, 1,
       "eth0"},
      {"mlx5_core 0000:0d:00.0: poll_health:801:(pid 0): device's health compromised - reached "
       "miss "
       "count",
       "net.nic.health"},
      {"mlx5_core 0000:05:00.0 ens1f0np0: Link downhill", ""},
      {"mlx5_core 0000:05:00.0: Link down", ""},
      {"eth0: Link down", ""},
  });
}

TEST(KernelLine, HeadersComeOff) {
  const std::string message = "NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.";
  for (const char* header :
       {"", "4,2211,4053155111,-;", "<4>", "[12345.678901] ", "<4>[    0.123456] ",
        "[Mon May 25 12:34:56 2026] ",
        "Oct 02 10:41:07 srv-r07 kernel: ", "Oct  2 10:41:07 srv-r07 kernel: [12345.678901] ",
        "kernel: ", "2026-05-25T12:34:56.123456+02:00 srv kernel: "}) {
    const std::string text = header + message + "\r\n";
    const KernelLine line = split_kernel_line(text);
    EXPECT_TRUE(line.from_kernel) << header;
    EXPECT_EQ(line.message, message) << header;
  }
  const std::string text = "4,2211,4053155111,-;" + message;
  const KernelLine record = split_kernel_line(text);
  EXPECT_EQ(record.sequence, 2211U);
  EXPECT_EQ(record.monotonic_us, 4053155111);
  EXPECT_EQ(split_kernel_line("2026-05-25T12:34:56Z srv kernel: x").at,
            Instant(1'779'712'496'000'000'000));
  EXPECT_EQ(split_kernel_line("[Hardware Error]: Corrected error").message,
            "[Hardware Error]: Corrected error");
}

// Whoever may log may write these words, and must not have a node rebooted by them.
TEST(KernelLine, ProgramsAreNotBelieved) {
  const std::string message = "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.";
  for (const std::string& line :
       {"12,2211,4053155111,-;" + message,  // facility 1: written into /dev/kmsg
        "Oct 02 10:41:07 srv sshd[12]: " + message,
        "Oct 02 10:41:07 srv sshd[12]: kernel: " + message,
        "Oct 02 10:41:07 srv evil: kernel: " + message,
        "2026-05-25T12:34:56Z srv logger: " + message}) {
    const KernelLine split = split_kernel_line(line);
    EXPECT_FALSE(split.from_kernel && read_kernel_message(split.message)) << line;
  }
}

TEST(KernelLine, PciAddresses) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"PCI:0000:3b:00", "0000:3b:00.0"},
      {"3b:00.0", "0000:3b:00.0"},
      {"00000008:3B:1f.7", "0008:3b:1f.7"},
      {"10000:01:00.0", "10000:01:00.0"},
      {"", ""},
      {":", ""},
      {"3b", ""},
      {"3b:20.0", ""},
      {"3b:00.8", ""},
      {"100:00.0", ""},
      {"3b:00.0x", ""},
      {"0:0:0:0", ""},
      {"-1:00:00", ""}};
  for (const auto& [text, address] : rows) {
    EXPECT_EQ(pci_address(text).value_or(""), address) << text;
  }
}

// Damaged lines: cut anywhere, with any byte changed, repeated until they are very long.
TEST(KernelLine, DamagedLinesGiveCleanSightingsOrNone) {
  const std::vector<std::string> whole = {
      "4,2211,4053155111,-;NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.",
      "amdgpu 0000:c1:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block",
      "Oct 02 10:41:07 srv kernel: mlx5_core 0000:05:00.0 mlx5_0: Port: 1 Link DOWN",
      "mce: [Hardware Error]: CPU 2: Machine Check: 0 Bank 5: be00000000800400"};
  const std::uint64_t seed = 20261125;
  SCOPED_TRACE(seed);
  Random random(seed);
  int found = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string line = whole[random.below(whole.size())];
    const std::size_t at = random.below(line.size());
    switch (random.below(4)) {
      case 0:
        line.resize(at);
        break;
      case 1:
        line[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        line.insert(at, 1 + random.below(9000), static_cast<char>(random.below(256)));
        break;
      default:
        line.erase(at, 1 + random.below(3));
        break;
    }
    const KernelLine split = split_kernel_line(line);
    const auto sighting = read_kernel_message(split.message);
    if (!sighting) continue;
    ++found;
    ASSERT_TRUE(parse_fault_code(sighting->code).ok()) << sighting->code;
    ASSERT_LE(sighting->detail.size(), kDetailBytesMax);
    for (const char c : sighting->detail + sighting->part) ASSERT_TRUE(c >= ' ' && c <= '~');
  }
  EXPECT_GT(found, 1000);  // it was tried, not just refused
}

}  // namespace
}  // namespace mw::agent
