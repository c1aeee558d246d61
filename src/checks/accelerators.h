// Checks of accelerators: that they are all there, and that they compute.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/folder.h"
#include "checks/report.h"
#include "model/catalogue.h"

namespace mw::checks {

/// What the fleet says that the machine has.
struct WantedAccelerators {
  std::optional<std::uint32_t> count{};  ///< none: whatever there is
  std::string vendor{};                  ///< as the catalogue has it; empty: any
  std::string type{};                    ///< its name there; empty: any of the vendor's
  Catalogue catalogue{};                 ///< that knows the models that drivers tell, as aliases
};

/// Counts accelerators on PCI, and those that their driver has taken up (/proc/driver/nvidia/gpus,
/// /sys/class/kfd for AMD); both have to be as many as wanted. Measures accelerators.pci and
/// accelerators.driver. A node that is to have none passes. None of them may be of a model that the
/// catalogue knows as another type: drivers of NVIDIA and AMD tell it. Of a model that it does not
/// know nothing can be said, and the detail says so.
Report check_accelerators(const agent::Folder& root, const WantedAccelerators& wanted);

/// Fills the memory of every accelerator with a pattern and reads it back, then multiplies
/// matrices for `length` and holds each product against the first, bit by bit: by PyTorch with CUDA
/// or ROCm, which `python` has to have. Measures, of the slowest one: accelerator.matmul (bf16) in
/// FLOP/s, accelerator.copy in B/s.
/// `device`: "cuda" (PyTorch's word for both), or "cpu" to try the program where there is none.
/// Unable: no PyTorch, or no accelerator that it can use.
Report burn_accelerators(const std::string& python, const std::string& device, Duration length);

}  // namespace mw::checks
