// What nodes there are and where they stand: their shapes, and the two trees over them, fabric and
// power. Changes only when the fleet does, so copies of the state share it.
//
// Nodes stand in fabric order: each vertex of the fabric holds the consecutive positions
// [first, last). So "the nodes of this pod" is a range, and a scan of it is a scan of memory.
// Ids are for ever and positions are not: a node that joins may push others along.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "model/fleet.h"
#include "model/fleet_spec.h"

namespace mw {

/// Index of a vertex of one of the two trees, of a shape, of a site; and a place in fabric order.
using FabricId = Id<struct FabricTag, std::uint32_t>;
using PowerId = Id<struct PowerTag, std::uint32_t>;
using ShapeId = Id<struct ShapeTag, std::uint32_t>;
using SiteId = Id<struct SiteTag, std::uint32_t>;
using Position = std::uint32_t;
template <class AnyId>
inline constexpr AnyId kNoId{std::numeric_limits<typename AnyId::rep>::max()};

struct FabricVertex {
  FabricLevel level = FabricLevel::kLeaf;
  FabricId parent = kNoId<FabricId>;
  SiteId site = kNoId<SiteId>;  ///< none: the whole fleet
  std::string name;
  Position first = 0;        ///< of all nodes below it
  Position last = 0;         ///< one past them
  Position direct_last = 0;  ///< [first, direct_last) stand at it, and not at a child
  std::vector<FabricId> children;
  bool described = false;  ///< by nodes that an engine told of, and not by a fleet file
};

struct PowerVertex {
  PowerLevel level = PowerLevel::kRack;
  PowerId parent = kNoId<PowerId>;
  SiteId site = kNoId<SiteId>;
  std::string name;
  PowerLimits limits;  ///< as stated
  Watts limit;         ///< the smaller of what is stated; a very large one when nothing is
  Watts idle;          ///< of all nodes below it
};

struct Site {
  std::string name;
  std::string jurisdiction;
  FabricId fabric;
  PowerId power;
};

/// Bounds of a fleet; far above what is planned anywhere, and low enough to be refused in time.
inline constexpr std::uint64_t kUnfoldedNodesMax = 10'000'000;
inline constexpr std::uint32_t kUnfoldedAcceleratorsMax = 4096;

/// What keeps `spec` from being unfolded: a name that is not there, a size out of bounds. Empty:
/// nothing does. For descriptions that come from a journal or a program; a file is judged with
/// better words by src/codec/fleet_file.
std::string fault_of(const FleetSpec& spec);

class Topology {
 public:
  Topology();

  /// Unfolds a fleet.  REQUIRES: no nodes yet, fault_of(spec) is empty.
  void declare(const FleetSpec& spec);
  /// A node by itself: where it says it stands, else at the site's vertex. To be followed by
  /// arrange().  REQUIRES: a new name.
  NodeId add(const NodeSpec& spec);
  /// The same node described differently. To be followed by arrange().  REQUIRES: same name.
  void change(NodeId node, const NodeSpec& spec);
  /// Puts in order what nodes that were added or changed moved: positions, names, levels, idle
  /// draws. Until then only size(), spec() and what a node is and stands at by itself are right.
  /// Once after many of them: an engine tells of thousands at a time.
  /// Cost: O(nodes + vertices).
  void arrange();

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }
  [[nodiscard]] std::optional<NodeId> find(std::string_view name) const;
  [[nodiscard]] const std::string& name(NodeId node) const { return names_.at(node.value()); }
  [[nodiscard]] NodeSpec spec(NodeId node) const;
  [[nodiscard]] ShapeId shape_of(NodeId node) const { return shape_of_[node.value()]; }
  [[nodiscard]] const NodeShape& shape(NodeId node) const { return shape(shape_of(node)); }
  [[nodiscard]] const NodeShape& shape(ShapeId id) const { return shapes_[id.value()]; }
  [[nodiscard]] const std::vector<NodeShape>& shapes() const { return shapes_; }
  /// The vertex at which it stands.
  [[nodiscard]] FabricId fabric_of(NodeId node) const { return fabric_of_[node.value()]; }
  [[nodiscard]] PowerId power_of(NodeId node) const { return power_of_[node.value()]; }
  [[nodiscard]] SiteId site_of(NodeId node) const { return fabric(fabric_of(node)).site; }

  [[nodiscard]] Position position(NodeId node) const { return position_[node.value()]; }
  [[nodiscard]] NodeId at(Position position) const { return order_[position]; }

  [[nodiscard]] const FabricVertex& fabric(FabricId id) const { return fabric_[id.value()]; }
  [[nodiscard]] const PowerVertex& power(PowerId id) const { return power_[id.value()]; }
  /// Vertex 0 is the whole fleet; parents come before their children.
  [[nodiscard]] const std::vector<FabricVertex>& fabric() const { return fabric_; }
  /// The vertices of one level, in fabric order.
  [[nodiscard]] const std::vector<FabricId>& at_level(FabricLevel level) const {
    return levels_[static_cast<std::size_t>(level)];
  }
  /// Parents come before their children; each site has a root of its own.
  [[nodiscard]] const std::vector<PowerVertex>& power() const { return power_; }
  [[nodiscard]] const Site& site(SiteId id) const { return sites_[id.value()]; }
  [[nodiscard]] const std::vector<Site>& sites() const { return sites_; }
  static constexpr FabricId kRoot{0};

 private:
  SiteId add_site(const SiteSpec& spec);
  SiteId site_named(const std::string& name);
  FabricId add_fabric(FabricLevel level, FabricId parent, SiteId site, std::string name);
  FabricId stand_of(const Site& site, const NodeSpec& spec);
  PowerId add_power(PowerLevel level, PowerId parent, SiteId site, std::string name,
                    PowerLimits limits);
  ShapeId shape_for(NodeShape shape);
  struct Places;
  void unfold(const SiteSpec& site, const BlockSpec& block, std::uint32_t copy,
              const Places& places);
  NodeId append(std::string name, ShapeId shape, FabricId fabric, PowerId power);
  void arrange_names();

  std::vector<FabricVertex> fabric_;
  std::vector<PowerVertex> power_;
  std::vector<Site> sites_;
  std::vector<NodeShape> shapes_;
  std::vector<std::string> names_;
  std::vector<ShapeId> shape_of_;
  std::vector<FabricId> fabric_of_;
  std::vector<PowerId> power_of_;
  std::vector<Position> position_;
  std::vector<NodeId> order_;
  std::vector<NodeId> by_name_;  ///< sorted by name
  std::array<std::vector<FabricId>, EnumNames<FabricLevel>::value.size()> levels_;
};

/// The vertex of that level above the node; none: it stands below no such.
std::optional<PowerId> power_above(const Topology& topology, NodeId node, PowerLevel level);

}  // namespace mw
