#include "twin/fault_groups.h"

#include <optional>

namespace mw {
namespace {

std::optional<FabricLevel> fabric_level(FaultScope scope) {
  return enum_from_name<FabricLevel>(name_of(scope));
}
std::optional<PowerLevel> power_level(FaultScope scope) {
  return enum_from_name<PowerLevel>(name_of(scope));
}

}  // namespace

FaultGroups::FaultGroups(const Topology& topology, FaultScope scope) {
  if (scope == FaultScope::kNode) {
    for (Position i = 0; i < topology.size(); ++i) add_range(topology, i, i + 1);
  } else if (const auto level = fabric_level(scope)) {
    for (const FabricId id : topology.at_level(*level)) {
      add_range(topology, topology.fabric(id).first, topology.fabric(id).last);
    }
  } else if (const auto place = power_level(scope)) {
    add_power(topology, *place);
  }
}

void FaultGroups::add_range(const Topology& topology, Position first, Position last) {
  if (first == last) return;
  for (Position i = first; i < last; ++i) nodes_.push_back(topology.at(i));
  begins_.push_back(static_cast<std::uint32_t>(nodes_.size()));
}

void FaultGroups::add_power(const Topology& topology, PowerLevel level) {
  std::vector<std::vector<NodeId>> below(topology.power().size());
  for (Position i = 0; i < topology.size(); ++i) {
    const NodeId node = topology.at(i);
    for (PowerId id = topology.power_of(node); id != kNoId<PowerId>;
         id = topology.power(id).parent) {
      if (topology.power(id).level == level) below[id.value()].push_back(node);
    }
  }
  for (const std::vector<NodeId>& nodes : below) {
    if (nodes.empty()) continue;
    nodes_.insert(nodes_.end(), nodes.begin(), nodes.end());
    begins_.push_back(static_cast<std::uint32_t>(nodes_.size()));
  }
}

}  // namespace mw
