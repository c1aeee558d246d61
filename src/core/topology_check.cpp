#include <algorithm>
#include <set>

#include "core/topology.h"

namespace mw {
namespace {

/// The places under one another without a circle, each under one that exists and is larger.
template <class Place>
std::string fault_of_places(const std::vector<Place>& places) {
  std::map<std::string, const Place*> by_name;
  for (const Place& place : places) {
    if (place.name.empty()) return "a place has no name";
    if (!by_name.emplace(place.name, &place).second) return "two places are called " + place.name;
  }
  for (const Place& place : places) {
    if (place.under.empty()) continue;
    const auto under = by_name.find(place.under);
    if (under == by_name.end()) return "there is no place " + place.under;
    if (under->second->level <= place.level) return place.name + " is under a place of its size";
  }
  return {};
}

template <class Grouping>
std::string fault_of_groupings(const std::vector<Grouping>& groupings) {
  std::uint32_t before = 1;
  for (const Grouping& grouping : groupings) {
    if (grouping.nodes == 0 || grouping.nodes < before) return "groups do not grow";
    before = grouping.nodes;
  }
  return {};
}

template <class Place>
bool has_place(const std::vector<Place>& places, const std::string& name) {
  return name.empty() || std::any_of(places.begin(), places.end(),
                                     [&](const Place& each) { return each.name == name; });
}

std::string fault_of_block(const SiteSpec& site, const BlockSpec& block,
                           const std::set<std::string>& shapes) {
  if (!shapes.contains(block.shape)) return "there is no shape " + block.shape;
  if (block.nodes == 0 || block.count == 0) return "it has no nodes";
  if (!has_place(site.fabric, block.fabric_under)) return "no place " + block.fabric_under;
  if (!has_place(site.power, block.power_under)) return "no place " + block.power_under;
  std::string fault = fault_of_groupings(block.fabric);
  return fault.empty() ? fault_of_groupings(block.power) : fault;
}

}  // namespace

std::string fault_of(const FleetSpec& spec) {
  std::set<std::string> shapes;
  for (const NodeShape& shape : spec.shapes) {
    if (!shapes.insert(shape.name).second) return "two shapes are called " + shape.name;
    const bool sound = shape.accelerators <= kUnfoldedAcceleratorsMax && shape.cpus.count() >= 0 &&
                       shape.cpus.count() <= std::numeric_limits<std::int32_t>::max() &&
                       shape.memory.count() >= 0 && shape.idle.count() >= 0 &&
                       shape.accelerator.count() >= 0 &&
                       shape.idle.count() + shape.accelerator.count() < std::int64_t{1} << 40;
    if (!sound) return "the shape " + shape.name + " has a size that cannot be";
  }
  std::set<std::string> names;
  std::uint64_t nodes = 0;
  for (const SiteSpec& site : spec.sites) {
    if (!names.insert(site.name).second) return "two sites are called " + site.name;
    for (std::string fault : {fault_of_places(site.fabric), fault_of_places(site.power)}) {
      if (!fault.empty()) return "site " + site.name + ": " + fault;
    }
    for (const BlockSpec& block : site.blocks) {
      const std::string fault = fault_of_block(site, block, shapes);
      const std::string where = "block " + block.name + " of site " + site.name;
      if (!fault.empty()) return where + ": " + fault;
      nodes += std::uint64_t{block.nodes} * block.count;
      if (nodes > kUnfoldedNodesMax) return where + ": too many nodes";
      for (std::uint32_t copy = 0; copy < block.count; ++copy) {
        if (!names.insert(block_name(site, block, copy)).second) {
          return where + ": its nodes have the names of others";
        }
      }
    }
  }
  return {};
}

}  // namespace mw
