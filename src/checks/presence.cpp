// Whether all accelerators are there.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "agent/accelerator_devices.h"
#include "checks/accelerators.h"
#include "codec/units.h"

namespace mw::checks {
namespace {

constexpr const char* kName = "accelerators";

using agent::Folder;
using agent::Vendor;

std::string_view vendor_name(Vendor vendor) {
  switch (vendor) {
    case Vendor::kNvidia:
      return "nvidia";
    case Vendor::kAmd:
      return "amd";
    case Vendor::kHabana:
      return "intel";
    case Vendor::kNone:
      break;
  }
  return "none";
}

/// Compute nodes of AMD's driver that are no processors: those have no SIMDs.
std::int64_t amd_nodes(const Folder& root) {
  const std::string folder = "/sys/class/kfd/kfd/topology/nodes";
  std::int64_t count = 0;
  for (const std::string& name : root.names(folder)) {
    std::istringstream properties(root.read(folder + "/" + name + "/properties").value_or(""));
    std::string key;
    std::int64_t value = 0;
    while (properties >> key >> value) {
      if (key == "simd_count" && value > 0) ++count;
    }
  }
  return count;
}

/// What the driver says that the accelerator is; empty: it does not say.
std::string model_of(const Folder& root, const agent::PciAccelerator& device) {
  if (device.vendor == Vendor::kAmd) {
    return root.read("/sys/bus/pci/devices/" + device.address + "/product_name").value_or("");
  }
  if (device.vendor != Vendor::kNvidia) return "";
  const std::string file = "/proc/driver/nvidia/gpus/" + device.address + "/information";
  std::istringstream lines(root.read(file).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kModel = "Model:";
    if (!line.starts_with(kModel)) continue;
    const std::size_t first = line.find_first_not_of(" \t", kModel.size());
    return first == std::string::npos ? "" : line.substr(first);
  }
  return "";
}

/// Holds the models against the type; the report has passed so far.
void compare_models(const Folder& root, const WantedAccelerators& wanted,
                    const std::vector<agent::PciAccelerator>& present, Report& report) {
  if (wanted.type.empty()) return;
  for (const agent::PciAccelerator& device : present) {
    const std::string model = model_of(root, device);
    if (model.empty()) continue;
    const AcceleratorType* known = find_type(wanted.catalogue, model);
    if (known == nullptr) {
      report.detail = fmt::format("no type of the catalogue is called {}: is it {}?",
                                  in_quotes(model), wanted.type);
    } else if (known->name != wanted.type) {
      report.outcome = CheckOutcome::kFailed;
      report.detail = fmt::format("{} is {}, which is {} and not {}", device.address,
                                  in_quotes(model), known->name, wanted.type);
      return;
    }
  }
}

/// Those that the driver of that vendor has taken up.
std::int64_t taken_up(const Folder& root, std::string_view vendor,
                      const std::vector<agent::PciAccelerator>& present) {
  if (vendor == "nvidia") {
    return static_cast<std::int64_t>(root.names("/proc/driver/nvidia/gpus").size());
  }
  if (vendor == "amd") return amd_nodes(root);
  return std::count_if(present.begin(), present.end(),
                       [](const agent::PciAccelerator& each) { return each.has_driver; });
}

}  // namespace

Report check_accelerators(const Folder& root, const WantedAccelerators& wanted) {
  std::vector<agent::PciAccelerator> present = agent::pci_accelerators(root);
  if (!wanted.vendor.empty()) {
    std::erase_if(present, [&](const agent::PciAccelerator& each) {
      return vendor_name(each.vendor) != wanted.vendor;
    });
  }
  const auto on_pci = static_cast<std::int64_t>(present.size());
  const std::string_view vendor = !wanted.vendor.empty() ? std::string_view(wanted.vendor)
                                  : present.empty()      ? "none"
                                                         : vendor_name(present.front().vendor);
  const std::int64_t driven = taken_up(root, vendor, present);
  Report report{kName};
  report.measures = {{"accelerators.pci", on_pci, "", BetterValue::kNeither},
                     {"accelerators.driver", driven, "", BetterValue::kNeither}};
  const std::int64_t count = wanted.count ? static_cast<std::int64_t>(*wanted.count) : on_pci;
  if (on_pci == count && driven == count) {
    compare_models(root, wanted, present, report);
    return report;
  }
  report.outcome = CheckOutcome::kFailed;
  report.detail =
      on_pci != count
          ? fmt::format("{} accelerators{} answer on PCI, {} were expected", on_pci,
                        wanted.vendor.empty() ? "" : " of " + wanted.vendor, count)
          : fmt::format("{} of {} accelerators are taken up by their driver", driven, count);
  return report;
}

}  // namespace mw::checks
