// The accelerators that a machine shows on PCI, whatever their drivers say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/folder.h"

namespace mw::agent {

enum class Vendor : std::uint8_t { kNone, kNvidia, kAmd, kHabana };

struct PciAccelerator {
  std::string address;  ///< "0000:3b:00.0", as the kernel's log has it
  Vendor vendor = Vendor::kNone;
  bool has_driver = false;
};

/// By address.
std::vector<PciAccelerator> pci_accelerators(const Folder& root);

}  // namespace mw::agent
