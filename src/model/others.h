// What of a node is used by others than us: jobs that people hand to the engine's own queue, and
// not to this control plane. It is not ours to plan, and it is not free.
#pragma once

#include <cstdint>

#include "base/fields.h"
#include "base/quantity.h"
#include "model/placement.h"

namespace mw {

/// As an engine reports it. Which of the accelerators these are is the engine's own affair.
struct OthersUse {
  std::uint32_t accelerators = 0;
  CpuShare cpus;
  Bytes memory;
  bool operator==(const OthersUse&) const = default;
  MW_FIELDS(accelerators, cpus, memory)
};

/// What is taken out of a node's room for it. Less than reported where we have given the same to a
/// job of ours that the engine has not started yet: that is made up for as soon as it is free.
struct OthersShare {
  OthersUse reported;
  DeviceList devices;  ///< whole ones
  CpuShare cpus;
  Bytes memory;
  [[nodiscard]] bool whole() const {
    return devices.size() == reported.accelerators && cpus == reported.cpus &&
           memory == reported.memory;
  }
  bool operator==(const OthersShare&) const = default;
  MW_FIELDS(reported, devices, cpus, memory)
};

}  // namespace mw
