// A part of fleet_file.h: what can only be judged of a fleet as a whole: sizes, sums of power
// against limits, names of nodes.
#pragma once

#include <string>
#include <vector>

#include "codec/yaml_reader.h"
#include "model/fleet_spec.h"

namespace mw {

/// Where the parts of a FleetSpec stand in its file, in the same order.
struct FleetFileNodes {
  struct Site {
    const YamlNode* site = nullptr;
    std::vector<const YamlNode*> blocks;
    std::vector<const YamlNode*> power;
    std::vector<const YamlNode*> fabric;
  };
  std::vector<const YamlNode*> shapes;
  std::vector<Site> sites;
};

/// Tells `reader` where groups of `block` (at `node`, called `path`) do not nest: see BlockSpec.
/// A group of no nodes, and a place that does not exist, are problems already told.
/// REQUIRES: block.nodes > 0.
void check_groups(const SiteSpec& site, const BlockSpec& block, const YamlNode& node,
                  const std::string& path, YamlReader& reader);

/// Tells `reader` what is wrong with `fleet`.
/// REQUIRES: all names that the parts mention exist, and places stand under farther ones.
void check_fleet(const FleetSpec& fleet, const FleetFileNodes& nodes, YamlReader& reader);

}  // namespace mw
