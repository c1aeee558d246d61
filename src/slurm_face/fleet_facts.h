// What the face has to know of the fleet to translate: which types of accelerators there are and at
// which sites, and what Slurm's users call a partition. There are no partitions here, so a
// partition is a name for some types and sites: by default each type and each site is one, and
// "all" is the one that holds without -p. A file says otherwise (docs/slurm-commands.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "cli/api.h"

namespace mw::face {

struct Partition {
  std::string name;
  std::vector<std::string> accelerator_types;  ///< empty: any
  std::vector<std::string> sites;              ///< empty: any
  bool is_default = false;
  bool operator==(const Partition&) const = default;
  MW_FIELDS(name, accelerator_types, sites, is_default)
};

/// Nodes that are alike.
struct NodeGroup {
  std::string site;
  std::string accelerator_type;
  auto operator<=>(const NodeGroup&) const = default;
};

struct FleetFacts {
  std::vector<NodeGroup> groups;      ///< ascending, each once
  std::vector<Partition> partitions;  ///< at least one
  [[nodiscard]] const Partition* find_partition(std::string_view name) const;
  [[nodiscard]] const Partition& default_partition() const;
  /// Types that nodes of the partition have, ascending.
  [[nodiscard]] std::vector<std::string> types_of(const Partition& partition) const;
};
bool holds(const Partition& partition, const NodeGroup& group);

/// Where cores are the accelerators their type is this one (model/fleet.h).
inline constexpr std::string_view kCoreType = "cpu";

/// Asks for the nodes, and reads the partitions: $MILLWRIGHT_PARTITIONS, else HOME/partitions.json
/// if there is one, else the default ones. Errors: those of the API; kInvalid naming the file.
Result<FleetFacts> read_fleet_facts(Api& api, const std::filesystem::path& home);

/// Every node's view, over all pages.
Result<boost::json::array> read_all_nodes(Api& api);

}  // namespace mw::face
