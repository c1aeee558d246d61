// A fleet as its file describes it: compact, with repeat counts, so that half a million nodes are
// a page. The core unfolds it into nodes and into two trees over them, the fabric and the power,
// which need not agree. docs/fleet.md describes the file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"

namespace mw {

/// How near things are in the fabric, from the nearest. A fleet need not have every level.
enum class FabricLevel : std::uint8_t { kNode, kScaleUp, kLeaf, kPod, kSpine, kSite, kFleet };
template <>
struct EnumNames<FabricLevel> {
  static constexpr std::array<std::string_view, 7> value = {"node",  "scale_up", "leaf", "pod",
                                                            "spine", "site",     "fleet"};
};

/// What feeds (and cools) what, from the nearest.
enum class PowerLevel : std::uint8_t { kRack, kRow, kHall, kSubstation, kSite };
template <>
struct EnumNames<PowerLevel> {
  static constexpr std::array<std::string_view, 5> value = {"rack", "row", "hall", "substation",
                                                            "site"};
};

/// What may be drawn at one place of the power tree; 0: nothing is stated, so nothing is checked.
struct PowerLimits {
  Watts power;    ///< electrical
  Watts cooling;  ///< heat that can be carried away; all that is drawn becomes heat
  bool operator==(const PowerLimits&) const = default;
  MW_FIELDS(power, cooling)
};

/// Hardware of a node. Nodes of one shape at one site form a pool.
struct NodeShape {
  std::string name;
  std::string accelerator_type;    ///< of the catalogue; "cpu" where cores are the accelerators
  std::uint32_t accelerators = 0;  ///< whole devices
  CpuShare cpus;
  Bytes memory;
  Watts idle;         ///< drawn by the whole node when nothing runs
  Watts accelerator;  ///< drawn in addition by each accelerator at work, with its share of the rest
  Bytes accelerator_memory;  ///< of one device; 0: unknown
  std::string export_class;  ///< e.g. "3A090.a"; empty: none is known
  bool operator==(const NodeShape&) const = default;
  MW_FIELDS(name, accelerator_type, accelerators, cpus, memory, idle, accelerator,
            accelerator_memory, export_class)
};

/// Consecutive nodes of a block stand together in groups of `nodes`.
struct FabricGrouping {
  FabricLevel level = FabricLevel::kLeaf;
  std::uint32_t nodes = 0;
  bool operator==(const FabricGrouping&) const = default;
  MW_FIELDS(level, nodes)
};
struct PowerGrouping {
  PowerLevel level = PowerLevel::kRack;
  std::uint32_t nodes = 0;
  PowerLimits limits;  ///< of each group
  bool operator==(const PowerGrouping&) const = default;
  MW_FIELDS(level, nodes, limits)
};

/// A named place of the power tree that blocks share, such as a substation or a hall.
struct PowerPlace {
  std::string name;  ///< unique within its site
  PowerLevel level = PowerLevel::kHall;
  std::string under;  ///< another named place; empty: the site itself
  PowerLimits limits;
  bool operator==(const PowerPlace&) const = default;
  MW_FIELDS(name, level, under, limits)
};
struct FabricPlace {
  std::string name;  ///< unique within its site
  FabricLevel level = FabricLevel::kSpine;
  std::string under;  ///< another named place; empty: the site itself
  bool operator==(const FabricPlace&) const = default;
  MW_FIELDS(name, level, under)
};

/// `count` times `nodes` nodes of one shape. Groupings go from the smallest to the largest; each is
/// a multiple of the one before it, or all `nodes`, so that groups nest. The last group of a block
/// is cut off where the block ends.
struct BlockSpec {
  std::string name;         ///< of the block, and the beginning of its nodes' names
  std::uint32_t count = 1;  ///< how many such blocks
  std::string shape;
  std::uint32_t nodes = 0;  ///< of one
  std::vector<FabricGrouping> fabric;
  std::string fabric_under;  ///< a FabricPlace; empty: the site
  std::vector<PowerGrouping> power;
  std::string power_under;  ///< a PowerPlace; empty: the site
  bool operator==(const BlockSpec&) const = default;
  MW_FIELDS(name, count, shape, nodes, fabric, fabric_under, power, power_under)
};

struct SiteSpec {
  std::string name;
  std::string jurisdiction;  ///< ISO 3166-2, e.g. "US-TX"; ISO 3166-1 where there is no part
  std::int64_t price = 0;    ///< of energy, in millionths of a US dollar a kWh; 0: unknown
  std::int64_t carbon = 0;   ///< in grams of CO2 a kWh; 0: unknown
  std::int64_t pue = 1000;   ///< facility power / IT power, in thousandths
  Watts contract;            ///< that the site may take at its meter; 0: nothing is stated
  PowerLimits limits;        ///< of the IT load of the whole site; of the contract, what PUE leaves
  std::vector<PowerPlace> power;
  std::vector<FabricPlace> fabric;
  std::vector<BlockSpec> blocks;
  bool operator==(const SiteSpec&) const = default;
  MW_FIELDS(name, jurisdiction, price, carbon, pue, contract, limits, power, fabric, blocks)
};

struct FleetSpec {
  std::string name;
  std::vector<NodeShape> shapes;  ///< with the catalogue's figures filled in
  std::vector<SiteSpec> sites;
  bool operator==(const FleetSpec&) const = default;
  MW_FIELDS(name, shapes, sites)
};

/// The name of the node number `index` (from 0) of the copy number `copy` (from 0) of a block:
/// "SITE-BLOCK-7", or "SITE-BLOCK03-7" when there are several such blocks. Numbers in names begin
/// with 1 and have leading zeros, so that all names of a block are of equal length.
/// REQUIRES: copy < block.count, index < block.nodes.
std::string node_name(const SiteSpec& site, const BlockSpec& block, std::uint32_t copy,
                      std::uint32_t index);

/// "SITE-BLOCK03": what the names of a block's nodes begin with, without the last dash.
std::string block_name(const SiteSpec& site, const BlockSpec& block, std::uint32_t copy);

}  // namespace mw
