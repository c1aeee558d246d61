#include "twin/trace_codes.h"

#include <algorithm>
#include <array>

namespace mw {
namespace {

constexpr FaultEffect kDown = FaultEffect::kDown;
constexpr FaultEffect kBroken = FaultEffect::kBroken;

// The first row that fits counts. Which Xid a "GPU xid Error" was is not recorded: an uncontained
// memory error is the one that the other rows do not have.
constexpr std::array<TraceCode, 32> kCodes = {{
    {"GPU", "GPU DBE(Double Bit ECC) > Threshold", "nvidia.xid.48", kBroken},
    {"GPU", "GPU device unknow error", "nvidia.xid.79", kBroken},
    {"GPU", "GPU Lost", "nvidia.xid.79", kBroken},
    {"GPU", "GPU device not found", "nvidia.gpu.missing", kBroken},
    {"GPU", "GPU xid Error", "nvidia.xid.95", kBroken},
    {"GPU", "nvidia-smi Timeout", "nvidia.xid.119", kBroken},
    {"GPU", "GPU PCI link width low", "host.pcie.fatal", kBroken},
    {"GPU", "GPU P2P Bandwidth Low", "nvidia.nvlink.down", kBroken},
    {"GPU", "GPU Temperature High", "nvidia.thermal.shutdown", kBroken},
    {"GPU", "GPU SBE(Single Bit ECC) > Threshold", "nvidia.row_remap.failed", kBroken},
    {"GPU", "Silent Data Corruption", "host.test_failed", kBroken},
    {"GPU", "", "nvidia.gpu.unknown", kBroken},
    {"Parameter Plane Cable", "", "net.ib.down", kBroken},
    {"Change", "", "net.ib.down", kBroken},
    {"NIC", "Rnic Gid Error", "net.roce.down", kBroken},
    {"NIC", "", "net.ib.down", kBroken},
    {"Power Supply", "", "power.supply.lost", kBroken},
    {"Fan", "", "nvidia.thermal.shutdown", kBroken},
    {"Motherboard Battery", "", "host.unknown", kBroken},
    {"Motherboard", "", "host.kernel.panic", kDown},
    {"CPU", "", "host.mce.uncorrected", kDown},
    {"RAID Card", "", "host.disk.readonly", kBroken},
    {"Riser Card", "", "host.pcie.fatal", kBroken},
    {"File System", "", "host.disk.readonly", kBroken},
    {"Operating System", "Kernel Panic", "host.kernel.panic", kDown},
    {"Firmware", "", "host.test_failed", kBroken},
    {"Software Tool", "", "host.unknown", kDown},
    {"System Crash", "", "host.kernel.panic", kDown},
    {"Stress Test Failure", "", "host.test_failed", kBroken},
    {"Test", "", "host.test_failed", kBroken},
    {"Training Task Troubleshooting", "", "host.test_failed", kBroken},
    {"", "", "host.unknown", kBroken},
}};

}  // namespace

const TraceCode& code_of(const TraceFault& fault) {
  return *std::find_if(kCodes.begin(), kCodes.end(), [&](const TraceCode& each) {
    return (each.component.empty() || each.component == fault.component) &&
           (each.what.empty() || each.what == fault.what);
  });
}

}  // namespace mw
