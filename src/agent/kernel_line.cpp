#include "agent/kernel_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace mw::agent {
namespace {

using Found = std::optional<Sighting>;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool take(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

/// The text up to `stop`, which is taken off as well; everything when there is none.
std::string_view take_until(std::string_view& text, char stop) {
  const std::size_t end = text.find(stop);
  const std::string_view front = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return front;
}

template <class Number>
std::optional<Number> take_number(std::string_view& text, int base = 10) {
  Number number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (failure != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

Found happened(std::string code, FaultSeverity severity, std::string pci = {}) {
  return Sighting{.code = std::move(code), .severity = severity, .pci = std::move(pci)};
}

Found link(std::string code, std::string_view part, bool down) {
  return Sighting{.code = std::move(code),
                  .kind = down ? SightingKind::kBegins : SightingKind::kEnds,
                  .part = clean_detail(part.substr(0, 64))};
}

/// Xid 154 says in words what is to be done: "... changed from 0x0 (None) to 0x1 (GPU Reset
/// Required)".
std::string_view recovery_action(std::string_view text) {
  const std::size_t to = text.rfind(" to ");
  if (to == std::string_view::npos) return "";
  text.remove_prefix(to);
  if (has(text, "GPU Reset Required")) return ".gpu_reset_required";
  if (has(text, "Node Reboot Required") || has(text, "OS Reboot")) return ".node_reboot_required";
  if (has(text, "Drain and Reset")) return ".drain_and_reset";
  return has(text, "Drain P2P") ? ".drain_p2p" : "";
}

/// "NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus."; of a MIG slice
/// "(PCI:0000:3b:00 GPU-I:05)". Source: docs.nvidia.com/deploy/xid-errors, "Viewing Xid Error
/// Messages"; switches likewise with SXid: docs.nvidia.com, "Fabric Manager User Guide", appendix
/// D.
Found nvidia(std::string_view text) {
  const bool is_switch = text.starts_with("nvidia-nvswitch");
  if (is_switch) {
    take_until(text, ' ');
    if (!take(text, "SXid (")) return {};
  } else if (!take(text, "NVRM: Xid (")) {
    return {};
  }
  std::string_view inside = take_until(text, ')');
  const auto pci = pci_address(take_until(inside, ' '));
  if (!take(text, ": ")) return {};
  const auto number = take_number<std::uint32_t>(text);
  if (!number || !(text.empty() || text[0] == ',' || text[0] == ' ')) return {};
  if (is_switch) {
    if (has(text, "Non-fatal") || !has(text, "Fatal")) {
      return happened(fmt::format("nvidia.sxid.{}", *number), FaultSeverity::kWarning);
    }
    return happened("nvidia.nvswitch.fatal", FaultSeverity::kCritical);
  }
  const std::string_view action = *number == 154 ? recovery_action(text) : "";
  return happened(fmt::format("nvidia.xid.{}{}", *number, action), FaultSeverity::kError,
                  pci.value_or(""));
}

/// "amdgpu 0000:c1:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block", newer
/// "... socket: 0, die: 0, 2 new uncorrectable ..." followed by the total.
/// Source: Linux, drivers/gpu/drm/amd/amdgpu/amdgpu_ras.c (amdgpu_ras_error_print_error_data).
Found amd_counts(std::string_view text, const std::string& pci) {
  constexpr std::string_view kWords = "correctable hardware errors detected in ";
  std::size_t at = text.find(kWords);
  if (at == std::string_view::npos || text.substr(at + kWords.size()).starts_with("total"))
    return {};
  const bool uncorrectable = text.substr(0, at).ends_with("un");
  if (uncorrectable) at -= 2;
  std::string_view before = text.substr(0, at);
  const bool is_new = before.ends_with(" new ");
  if (is_new) before.remove_suffix(4);
  while (before.ends_with(' ')) before.remove_suffix(1);
  std::string_view number = before.substr(before.find_last_of(' ') + 1);  // npos + 1 is 0
  const auto count = take_number<std::uint64_t>(number);
  if (!count || *count == 0) return {};
  Found found = happened(uncorrectable ? "amd.ras.uncorrectable" : "amd.ras.correctable",
                         uncorrectable ? FaultSeverity::kCritical : FaultSeverity::kInfo, pci);
  // Without "new" it is the sum since the driver was loaded, of which this line is the latest.
  if (is_new) found->count = std::min<std::uint64_t>(*count, 1'000'000);
  return found;
}

/// Source: the same, amdgpu_device.c (resets), amdgpu_ras_eeprom.c (bad pages), and
/// amdgpu_ras_poison_consumption_handler.
Found amd(std::string_view text) {
  if (!take(text, "amdgpu ")) return {};
  const std::size_t end = text.find(": ");
  if (end == std::string_view::npos) return {};
  const auto address = pci_address(text.substr(0, end));
  if (!address) return {};
  text.remove_prefix(end + 2);
  take(text, "amdgpu: ");
  if (auto counted = amd_counts(text, *address)) return counted;
  if (has(text, "oison") && has(text, "onsum")) {
    return happened("amd.ras.poison", FaultSeverity::kError, *address);
  }
  if ((has(text, "RAS records") || has(text, "bad page")) && has(text, "threshold")) {
    const bool near = has(text, "90%");
    return happened(near ? "amd.ras.bad_page" : "amd.ras.bad_page_threshold",
                    near ? FaultSeverity::kWarning : FaultSeverity::kCritical, *address);
  }
  if (text.starts_with("GPU reset begin")) {
    return happened("amd.gpu_reset", FaultSeverity::kError, *address);
  }
  const bool failed = (text.starts_with("GPU reset") && has(text, "failed")) ||
                      text.starts_with("GPU reset end with ret = -") ||
                      text.starts_with("GPU Recovery Failed");
  return failed ? happened("amd.gpu_reset_failed", FaultSeverity::kCritical, *address) : Found();
}

/// "pcieport 0000:00:1c.4: AER: PCIe Bus Error: severity=Uncorrected (Fatal), type=...": the line
/// that each error has once. Source: Linux, drivers/pci/pcie/aer.c (aer_print_error); newer kernels
/// say "Uncorrectable" and "Correctable".
Found pcie(std::string_view text) {
  const std::string_view driver = take_until(text, ' ');
  const std::size_t end = text.find(": ");
  if (driver.empty() || end == std::string_view::npos || !pci_address(text.substr(0, end))) {
    return {};
  }
  text.remove_prefix(end + 2);
  take(text, "AER: ");
  if (!take(text, "PCIe Bus Error: severity=")) return {};
  if (text.starts_with("Correct")) return happened("host.pcie.corrected", FaultSeverity::kInfo);
  if (has(text, "(Non-Fatal)")) return happened("host.pcie.nonfatal", FaultSeverity::kWarning);
  return has(text, "(Fatal)") ? happened("host.pcie.fatal", FaultSeverity::kCritical) : Found();
}

/// "mlx5_core 0000:05:00.0 ens1f0np0: Link down" of Ethernet (mlx5/core/en_main.c), "... mlx5_0:
/// Port: 1 Link DOWN" of InfiniBand (drivers/infiniband/core/cache.c), "... NIC Link is Down" of
/// others (ice, ixgbe, bnxt_en), and the adapter's own health (mlx5/core/health.c).
Found network(std::string_view text) {
  const std::string_view driver = take_until(text, ' ');
  const std::size_t end = text.find(": ");
  if (end == std::string_view::npos) return {};
  std::string_view names = text.substr(0, end);
  std::string_view rest = text.substr(end + 2);
  if (driver != "infiniband") {
    std::string_view words = names;
    if (!pci_address(take_until(words, ' '))) return {};
    names = words;
  }
  std::string_view port = rest;
  if (!names.empty() && take(port, "Port: ")) {
    const std::string_view number = take_until(port, ' ');
    const bool down = port == "Link DOWN";
    if (!down && port != "Link ACTIVE") return {};
    return link("net.ib.down", fmt::format("{}/{}", names, number), down);
  }
  if (driver == "mlx5_core" && !names.empty() && (rest == "Link down" || rest == "Link up")) {
    return link("net.roce.down", names, rest == "Link down");
  }
  if (!names.empty() && take(rest, "NIC Link is ")) {
    if (!rest.starts_with("Down") && !rest.starts_with("Up")) return {};
    return link("net.ethernet.down", names, rest.starts_with("Down"));
  }
  if (driver == "mlx5_core" && has(rest, "health compromised")) {
    return happened("net.nic.health", FaultSeverity::kError);
  }
  return {};
}

/// "mce: [Hardware Error]: CPU 2: Machine Check: 0 Bank 5: be00000000800400". Bit 61 of the status
/// is UC, uncorrected. Source: Linux, arch/x86/kernel/cpu/mce/core.c (__print_mce) and Intel's
/// Software Developer's Manual, volume 3, 15.3.2.2; "Corrected error" is AMD's (edac/mce_amd.c).
Found machine_check(std::string_view text) {
  take(text, "mce: ");
  if (!take(text, "[Hardware Error]: ")) return {};
  const std::size_t bank = text.find(" Bank ");
  if (text.starts_with("CPU ") && has(text, "Machine Check") && bank != std::string_view::npos) {
    std::string_view status = text.substr(bank + 6);
    take_until(status, ' ');
    const auto bits = take_number<std::uint64_t>(status, 16);
    if (!bits) return {};
    constexpr int kUncorrectedBit = 61;
    return (*bits >> kUncorrectedBit & 1) != 0
               ? happened("host.mce.uncorrected", FaultSeverity::kCritical)
               : happened("host.mce.corrected", FaultSeverity::kInfo);
  }
  if (text.starts_with("Uncorrected")) {
    return happened("host.mce.uncorrected", FaultSeverity::kCritical);
  }
  return text.starts_with("Corrected error") ? happened("host.mce.corrected", FaultSeverity::kInfo)
                                             : Found();
}

/// A job that reaches the limit of its own cgroup ("Memory cgroup out of memory") is no fault of
/// the node. Source: Linux, mm/oom_kill.c and mm/memory-failure.c.
Found memory(std::string_view text) {
  if (text.starts_with("Out of memory: Kill")) {
    return happened("host.oom", FaultSeverity::kWarning);
  }
  if (text.starts_with("Memory failure: 0x") && has(text, "recovery action")) {
    return happened("host.memory.uncorrectable", FaultSeverity::kCritical);
  }
  return {};
}

/// "I/O error, dev sda, sector 1 ..." and "critical medium error, dev nvme0n1, ..."; older kernels
/// put their function's name before. Source: Linux, block/blk-mq.c (blk_print_req_error) and
/// drivers/nvme/host/pci.c.
Found disk(std::string_view text) {
  if (text.starts_with("nvme nvme")) {
    const bool lost = has(text, ": controller is down") ||
                      has(text, "Device not ready; aborting") ||
                      (has(text, ": I/O ") && has(text, " timeout, "));
    return lost ? happened("host.disk.failing", FaultSeverity::kError) : Found();
  }
  if (!take(text, "blk_update_request: ")) take(text, "print_req_error: ");
  if (!text.starts_with("I/O error, dev ") && !text.starts_with("critical ")) return {};
  const std::size_t at = text.find(" error, dev ");
  if (at == std::string_view::npos) return {};
  const std::string_view device = text.substr(at + 12);
  for (const std::string_view no_disk : {"loop", "sr", "fd", "ram", "zram"}) {
    std::string_view rest = device;
    if (take(rest, no_disk) && !rest.empty() && rest[0] >= '0' && rest[0] <= '9') return {};
  }
  return happened("host.disk.failing", FaultSeverity::kError);
}

/// Source: Linux, fs/ext4/super.c (ext4_handle_error), fs/xfs/xfs_fsops.c, fs/btrfs/messages.c.
Found file_system(std::string_view text) {
  const bool read_only =
      (text.starts_with("EXT4-fs (") && has(text, "): Remounting filesystem read-only")) ||
      (text.starts_with("XFS (") &&
       (has(text, "Filesystem has been shut down") || has(text, "Shutting down filesystem"))) ||
      (text.starts_with("BTRFS") && has(text, "forced readonly"));
  return read_only ? happened("host.disk.readonly", FaultSeverity::kCritical) : Found();
}

/// Source: Linux, kernel/watchdog.c, kernel/panic.c, and therm_throt.c for the temperature.
Found processor(std::string_view text) {
  if (text.starts_with("Kernel panic - not syncing")) {
    return happened("host.kernel.panic", FaultSeverity::kCritical);
  }
  if (!take(text, "watchdog: ")) take(text, "NMI watchdog: ");
  if (text.starts_with("BUG: soft lockup - CPU#") || has(text, "etected hard LOCKUP on cpu")) {
    return happened("host.kernel.hang", FaultSeverity::kCritical);
  }
  take(text, "mce: ");
  if (text.starts_with("CPU") && has(text, " temperature above threshold")) {
    return happened("thermal.cpu", FaultSeverity::kWarning);
  }
  return {};
}

constexpr std::array kReaders = {nvidia, amd,  pcie,        network,  machine_check,
                                 memory, disk, file_system, processor};

}  // namespace

std::string clean_detail(std::string_view text) {
  std::string clean(text.substr(0, kDetailBytesMax));
  for (char& c : clean) {
    const bool printable = c >= ' ' && c <= '~';
    if (!printable) c = '?';
  }
  return clean;
}

std::optional<std::string> pci_address(std::string_view text) {
  take(text, "PCI:");
  std::array<std::uint32_t, 4> parts{};  // domain, bus, device, function
  const auto colons = std::count(text.begin(), text.end(), ':');
  if (colons != 1 && colons != 2) return std::nullopt;
  constexpr std::array<std::uint32_t, 4> kMost = {0xffffffff, 0xff, 0x1f, 7};
  for (std::size_t i = colons == 2 ? 0 : 1; i < parts.size(); ++i) {
    if (i == 3 && text.empty()) break;  // NVIDIA's has no function
    if (i == 3 && !take(text, ".")) return std::nullopt;
    const auto part = take_number<std::uint32_t>(text, 16);
    if (!part || *part > kMost[i]) return std::nullopt;
    parts[i] = *part;
    if (i < 2 && !take(text, ":")) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", parts[0], parts[1], parts[2], parts[3]);
}

std::optional<Sighting> read_kernel_message(std::string_view message) {
  message = message.substr(0, kKernelLineBytesMax);
  for (const auto reader : kReaders) {
    if (Found found = reader(message)) {
      found->detail = clean_detail(message);
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace mw::agent
