// What there is to run on: nodes and their accelerators, as an engine reports them.
// A node's lifecycle is what we decided about it; `lost` is what its engine says, and the two
// are kept apart: a lost node that was draining is still draining when it comes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/quantity.h"
#include "model/fleet_spec.h"
#include "model/node_phase.h"

namespace mw {

/// A vertex of the fabric, by the name that the engine has for it: a switch, a scale-up domain.
struct FabricStand {
  FabricLevel level = FabricLevel::kLeaf;
  std::string name;  ///< unique within its site and level
  bool operator==(const FabricStand&) const = default;
  MW_FIELDS(level, name)
};

/// A node as its engine describes it. Two reports that compare equal change nothing.
struct NodeSpec {
  std::string name;              ///< unique within the fleet
  std::string site;              ///< where it stands; one engine serves one site
  std::string accelerator_type;  ///< e.g. "H100-SXM5-80GB"; "cpu" where cores are the accelerators
  std::uint32_t accelerators = 0;  ///< whole devices, numbered from 0
  CpuShare cpus;
  Bytes memory;
  /// From the highest vertex down to the one at which it stands. None: at the site's own, or where
  /// a fleet file has put it.
  std::optional<std::vector<FabricStand>> fabric{};

  bool operator==(const NodeSpec&) const = default;
  MW_FIELDS(name, site, accelerator_type, accelerators, cpus, memory, fabric)
};

}  // namespace mw
