#include "core/topology.h"

#include <algorithm>

#include "base/check.h"

namespace mw {
namespace {

constexpr Watts kNoLimit{std::numeric_limits<std::int64_t>::max() / 4};

Watts smaller_limit(const PowerLimits& limits) {
  Watts limit = kNoLimit;
  for (const Watts stated : {limits.power, limits.cooling}) {
    if (stated.count() > 0) limit = std::min(limit, stated);
  }
  return limit;
}

NodeShape shape_from(const NodeSpec& spec) {
  NodeShape shape;
  shape.accelerator_type = spec.accelerator_type;
  shape.accelerators = spec.accelerators;
  shape.cpus = spec.cpus;
  shape.memory = spec.memory;
  return shape;
}

bool same_hardware(const NodeShape& shape, const NodeSpec& spec) {
  return shape.accelerator_type == spec.accelerator_type &&
         shape.accelerators == spec.accelerators && shape.cpus == spec.cpus &&
         shape.memory == spec.memory;
}

}  // namespace

/// The named places of a site.
struct Topology::Places {
  SiteId site;
  std::map<std::string, FabricId> fabric;
  std::map<std::string, PowerId> power;
  std::map<std::string, ShapeId> shapes;
};

Topology::Topology() {
  fabric_.push_back({.level = FabricLevel::kFleet, .name = "the fleet", .children = {}});
}

SiteId Topology::add_site(const SiteSpec& spec) {
  const SiteId id(static_cast<std::uint32_t>(sites_.size()));
  Site site{.name = spec.name, .jurisdiction = spec.jurisdiction, .fabric = {}, .power = {}};
  site.fabric = add_fabric(FabricLevel::kSite, kRoot, id, spec.name);
  site.power = add_power(PowerLevel::kSite, kNoId<PowerId>, id, spec.name, spec.limits);
  sites_.push_back(std::move(site));
  return id;
}

SiteId Topology::site_named(const std::string& name) {
  for (std::uint32_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i].name == name) return SiteId(i);
  }
  SiteSpec spec;
  spec.name = name;
  return add_site(spec);
}

FabricId Topology::add_fabric(FabricLevel level, FabricId parent, SiteId site, std::string name) {
  const FabricId id(static_cast<std::uint32_t>(fabric_.size()));
  fabric_.push_back(
      {.level = level, .parent = parent, .site = site, .name = std::move(name), .children = {}});
  fabric_[parent.value()].children.push_back(id);
  return id;
}

PowerId Topology::add_power(PowerLevel level, PowerId parent, SiteId site, std::string name,
                            PowerLimits limits) {
  const PowerId id(static_cast<std::uint32_t>(power_.size()));
  power_.push_back({.level = level,
                    .parent = parent,
                    .site = site,
                    .name = std::move(name),
                    .limits = limits,
                    .limit = smaller_limit(limits),
                    .idle = {}});
  return id;
}

ShapeId Topology::shape_for(NodeShape shape) {
  // Whole watts, rounded up, so that the draw of any thousandth of a device is exact.
  shape.accelerator = Watts((shape.accelerator.count() + 999) / 1000 * 1000);
  const auto found = std::find(shapes_.begin(), shapes_.end(), shape);
  const auto index = static_cast<std::uint32_t>(found - shapes_.begin());
  if (found == shapes_.end()) shapes_.push_back(std::move(shape));
  return ShapeId(index);
}

NodeId Topology::append(std::string name, ShapeId shape, FabricId fabric, PowerId power) {
  const NodeId id(size());
  names_.push_back(std::move(name));
  shape_of_.push_back(shape);
  fabric_of_.push_back(fabric);
  power_of_.push_back(power);
  return id;
}

void Topology::declare(const FleetSpec& spec) {
  MW_CHECK(names_.empty());
  for (const SiteSpec& site : spec.sites) {
    Places places;
    places.site = add_site(site);
    const Site& made = sites_.back();
    places.fabric.emplace("", made.fabric);
    places.power.emplace("", made.power);
    for (const NodeShape& shape : spec.shapes) places.shapes.emplace(shape.name, shape_for(shape));
    // A place may be named before the one that it is under.
    for (std::size_t left = site.fabric.size() + 1; places.fabric.size() <= site.fabric.size();) {
      MW_CHECK(left-- > 0);
      for (const FabricPlace& place : site.fabric) {
        const auto under = places.fabric.find(place.under);
        if (under == places.fabric.end() || places.fabric.contains(place.name)) continue;
        places.fabric.emplace(place.name, add_fabric(place.level, under->second, places.site,
                                                     site.name + "-" + place.name));
      }
    }
    for (std::size_t left = site.power.size() + 1; places.power.size() <= site.power.size();) {
      MW_CHECK(left-- > 0);
      for (const PowerPlace& place : site.power) {
        const auto under = places.power.find(place.under);
        if (under == places.power.end() || places.power.contains(place.name)) continue;
        places.power.emplace(place.name, add_power(place.level, under->second, places.site,
                                                   site.name + "-" + place.name, place.limits));
      }
    }
    for (const BlockSpec& block : site.blocks) {
      for (std::uint32_t copy = 0; copy < block.count; ++copy) unfold(site, block, copy, places);
    }
  }
  arrange();
}

void Topology::unfold(const SiteSpec& site, const BlockSpec& block, std::uint32_t copy,
                      const Places& places) {
  const ShapeId shape = places.shapes.at(block.shape);
  const std::string prefix = block_name(site, block, copy);
  // The group of each level in which the next node stands, the largest first.
  std::vector<FabricId> fabric(block.fabric.size(), kNoId<FabricId>);
  std::vector<PowerId> power(block.power.size(), kNoId<PowerId>);
  const auto numbered = [&](std::string_view level, std::uint32_t number) {
    return prefix + "-" + std::string(level) + std::to_string(number + 1);
  };
  for (std::uint32_t i = 0; i < block.nodes; ++i) {
    FabricId stands = places.fabric.at(block.fabric_under);
    for (std::size_t k = block.fabric.size(); k-- > 0;) {
      const FabricGrouping& grouping = block.fabric[k];
      if (i % grouping.nodes == 0) {
        fabric[k] = add_fabric(grouping.level, stands, places.site,
                               numbered(name_of(grouping.level), i / grouping.nodes));
      }
      stands = fabric[k];
    }
    PowerId fed = places.power.at(block.power_under);
    for (std::size_t k = block.power.size(); k-- > 0;) {
      const PowerGrouping& grouping = block.power[k];
      if (i % grouping.nodes == 0) {
        power[k] =
            add_power(grouping.level, fed, places.site,
                      numbered(name_of(grouping.level), i / grouping.nodes), grouping.limits);
      }
      fed = power[k];
    }
    append(node_name(site, block, copy, i), shape, stands, fed);
  }
}

NodeId Topology::add(const NodeSpec& spec) {
  const Site& site = sites_[site_named(spec.site).value()];
  const FabricId stand = stand_of(site, spec);
  const NodeId id = append(spec.name, shape_for(shape_from(spec)), stand, site.power);
  return id;
}

void Topology::change(NodeId node, const NodeSpec& spec) {
  MW_CHECK(spec.name == name(node));
  if (!same_hardware(shape(node), spec)) shape_of_[node.value()] = shape_for(shape_from(spec));
  if (site(site_of(node)).name != spec.site) {
    const Site& site = sites_[site_named(spec.site).value()];
    fabric_of_[node.value()] = site.fabric;
    power_of_[node.value()] = site.power;
  }
  if (spec.fabric) {
    const Site& site = sites_[site_of(node).value()];
    fabric_of_[node.value()] = stand_of(site, spec);
  }
}

std::optional<NodeId> Topology::find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](NodeId id, std::string_view n) { return names_[id.value()] < n; });
  if (found == by_name_.end() || names_[found->value()] != name) return std::nullopt;
  return *found;
}

/// The vertex that the node names; made, with those above it, when it is the first to name it.
FabricId Topology::stand_of(const Site& site, const NodeSpec& spec) {
  FabricId at = site.fabric;
  const SiteId of = fabric_[at.value()].site;
  if (!spec.fabric) return at;
  for (const FabricStand& stand : *spec.fabric) {
    const auto& children = fabric_[at.value()].children;
    const auto found = std::find_if(children.begin(), children.end(), [&](FabricId child) {
      const FabricVertex& vertex = fabric_[child.value()];
      return vertex.level == stand.level && vertex.name == stand.name;
    });
    if (found != children.end()) {
      at = *found;
      continue;
    }
    // What is not nearer than the vertex above it would turn the tree around.
    if (stand.level >= fabric_[at.value()].level || stand.level == FabricLevel::kNode) return at;
    at = add_fabric(stand.level, at, of, stand.name);
    fabric_[at.value()].described = true;
  }
  return at;
}

NodeSpec Topology::spec(NodeId node) const {
  const NodeShape& shape = this->shape(node);
  std::optional<std::vector<FabricStand>> fabric;
  for (FabricId at = fabric_of(node); fabric_[at.value()].described;
       at = fabric_[at.value()].parent) {
    if (!fabric) fabric.emplace();
    fabric->insert(fabric->begin(), {fabric_[at.value()].level, fabric_[at.value()].name});
  }
  return {.name = name(node),
          .site = site(site_of(node)).name,
          .accelerator_type = shape.accelerator_type,
          .accelerators = shape.accelerators,
          .cpus = shape.cpus,
          .memory = shape.memory,
          .fabric = std::move(fabric)};
}

void Topology::arrange() {
  // How many nodes stand at each vertex, then where each vertex begins, in depth-first order.
  std::vector<std::uint32_t> direct(fabric_.size());
  for (const FabricId at : fabric_of_) ++direct[at.value()];
  std::vector<FabricId> path = {kRoot};
  std::vector<std::uint32_t> next_child(fabric_.size());
  Position position = 0;
  const auto enter = [&](FabricVertex& vertex, FabricId id) {
    vertex.first = position;
    position += direct[id.value()];
    vertex.direct_last = position;
    levels_[static_cast<std::size_t>(vertex.level)].push_back(id);
  };
  for (std::vector<FabricId>& level : levels_) level.clear();
  enter(fabric_[0], kRoot);
  while (!path.empty()) {
    FabricVertex& vertex = fabric_[path.back().value()];
    std::uint32_t& child = next_child[path.back().value()];
    if (child == vertex.children.size()) {
      vertex.last = position;
      path.pop_back();
      continue;
    }
    const FabricId next = vertex.children[child++];
    enter(fabric_[next.value()], next);
    path.push_back(next);
  }
  std::vector<Position> next(fabric_.size());
  for (std::size_t i = 0; i < fabric_.size(); ++i) next[i] = fabric_[i].first;
  position_.resize(size());
  order_.resize(size());
  for (std::uint32_t i = 0; i < size(); ++i) {
    position_[i] = next[fabric_of_[i].value()]++;
    order_[position_[i]] = NodeId(i);
  }
  arrange_names();
  for (PowerVertex& vertex : power_) vertex.idle = Watts();
  for (std::uint32_t i = 0; i < size(); ++i) {
    power_[power_of_[i].value()].idle += shapes_[shape_of_[i].value()].idle;
  }
  for (std::size_t i = power_.size(); i-- > 0;) {
    if (power_[i].parent != kNoId<PowerId>) power_[power_[i].parent.value()].idle += power_[i].idle;
  }
}

/// Names of nodes that there are do not change.
void Topology::arrange_names() {
  const auto by_name = [&](NodeId a, NodeId b) { return names_[a.value()] < names_[b.value()]; };
  const auto known = static_cast<std::ptrdiff_t>(by_name_.size());
  for (auto i = static_cast<std::uint32_t>(known); i < size(); ++i) by_name_.emplace_back(i);
  std::sort(by_name_.begin() + known, by_name_.end(), by_name);
  std::inplace_merge(by_name_.begin(), by_name_.begin() + known, by_name_.end(), by_name);
}

std::optional<PowerId> power_above(const Topology& topology, NodeId node, PowerLevel level) {
  for (PowerId at = topology.power_of(node); at != kNoId<PowerId>; at = topology.power(at).parent) {
    if (topology.power(at).level == level) return at;
  }
  return std::nullopt;
}

}  // namespace mw
