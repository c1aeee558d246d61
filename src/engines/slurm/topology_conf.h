// Where nodes stand, as a cluster's topology.conf says: a tree of switches, or blocks (a scale-up
// domain). Slurm's REST interface does not tell it, so the file is read; what "scontrol show
// topology" prints has the same form and is read as well.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/fleet.h"

namespace mw::slurm {

struct ClusterTopology {
  /// Of each node that the file names: from the highest vertex down to the one at which it stands.
  std::map<std::string, std::vector<FabricStand>> stands;
  /// The same nodes in the order of the tree: neighbours stand together.
  std::vector<std::string> order;
};

/// Switches with nodes are leaves, what is above them pods, what is above those spines; switches
/// higher up join the whole site and are left out. A block is a scale-up domain.
/// Errors: kInvalid, with the line and what is wrong in it.
Result<ClusterTopology> parse_topology_conf(std::string_view text, const std::string& file);
/// The same from a file; empty path: no switches.  Errors: also kUnavailable.
Result<ClusterTopology> read_topology_conf(const std::filesystem::path& path);

}  // namespace mw::slurm
