#include "agent/accelerator_devices.h"

#include "agent/kernel_line.h"

namespace mw::agent {
namespace {

/// Which maker's accelerator a PCI function is; consoles and integrated graphics are none.
/// Source: the PCI ID repository (pci-ids.ucw.cz): vendors, and the classes 03xx and 12xx.
Vendor vendor_of(const Folder& root, const std::string& place) {
  const std::string vendor = root.read(place + "/vendor").value_or("");
  const std::string kind = root.read(place + "/class").value_or("");
  if (root.exists(place + "/physfn")) return Vendor::kNone;  // a share of another one
  const bool processing = kind.starts_with("0x1200");
  const bool without_screen = kind.starts_with("0x0302") || kind.starts_with("0x0380");
  if (vendor == "0x10de" && (without_screen || kind.starts_with("0x0300"))) return Vendor::kNvidia;
  if (vendor == "0x1002" && (without_screen || processing)) return Vendor::kAmd;
  return vendor == "0x1da3" && processing ? Vendor::kHabana : Vendor::kNone;
}

}  // namespace

std::vector<PciAccelerator> pci_accelerators(const Folder& root) {
  const std::string folder = "/sys/bus/pci/devices";
  std::vector<PciAccelerator> found;
  for (const std::string& name : root.names(folder)) {
    const Vendor vendor = vendor_of(root, folder + "/" + name);
    const auto address = pci_address(name);
    if (vendor == Vendor::kNone || !address) continue;
    found.push_back({*address, vendor, root.exists(folder + "/" + name + "/driver")});
  }
  return found;
}

}  // namespace mw::agent
