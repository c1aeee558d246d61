// The accelerators of each vendor, as their drivers tell it. Absent driver: none, silently.
#pragma once

#include <string>
#include <vector>

#include "engines/local/discovery.h"

namespace mw::local {

/// Through NVML; in PCI bus order, which CUDA follows with CUDA_DEVICE_ORDER=PCI_BUS_ID.
std::vector<Accelerator> nvidia_accelerators(const std::string& nvml_library);
/// Through /sys/class/kfd, whose order ROCR follows, and /sys/class/drm.
std::vector<Accelerator> amd_accelerators(const std::string& root);

}  // namespace mw::local
