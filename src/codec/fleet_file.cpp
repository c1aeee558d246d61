#include "codec/fleet_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "codec/catalogue_file.h"
#include "codec/fleet_file_check.h"
#include "codec/fleet_file_values.h"
#include "codec/job_file_values.h"
#include "codec/suggest.h"
#include "codec/units.h"
#include "codec/yaml_reader.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 5> kKeys = {"name", "accelerators", "shapes", "layouts",
                                                   "sites"};
constexpr std::array<std::string_view, 8> kShapeKeys = {
    "type",        "accelerators",       "cpus",        "memory", "idle",
    "accelerator", "accelerator_memory", "export_class"};
constexpr std::array<std::string_view, 4> kLayoutKeys = {"shape", "nodes", "fabric_groups",
                                                         "power_groups"};
constexpr std::array<std::string_view, 11> kSiteKeys = {
    "name",  "jurisdiction", "price",        "carbon",        "pue",   "contract",
    "power", "cooling",      "power_places", "fabric_places", "blocks"};
constexpr std::array<std::string_view, 9> kBlockKeys = {
    "name",          "layout",       "count",        "shape",      "nodes",
    "fabric_groups", "power_groups", "fabric_under", "power_under"};
constexpr std::array<std::string_view, 2> kFabricGroupKeys = {"level", "nodes"};
constexpr std::array<std::string_view, 4> kPowerGroupKeys = {"level", "nodes", "power", "cooling"};
constexpr std::array<std::string_view, 3> kFabricPlaceKeys = {"name", "level", "under"};
constexpr std::array<std::string_view, 5> kPowerPlaceKeys = {"name", "level", "under", "power",
                                                             "cooling"};

Result<Watts> parse_limit(std::string_view text) {
  return parse_watts(text, Watts(1), kFleetPowerMax);
}

/// Reads one document into a FleetSpec, gathering every problem on the way.
class FleetFileReader : private YamlReader {
 public:
  explicit FleetFileReader(const FleetFileContext& context)
      : YamlReader(context.source_name), context_(context) {
    file_.catalogue = context.catalogue != nullptr ? *context.catalogue : built_in_catalogue();
  }

  Result<FleetFile> read(const YamlNode& root) {
    if (!is_map(root, "", "\"name: my-fleet\"")) return failure();
    check_keys(root, "", kKeys);
    require_name(root, "", root.position, file_.fleet.name);
    read_catalogue(root);
    read_shapes(root);
    read_layouts(root);
    read_sites(root);
    // What adds up is judged only when every part of it can be believed.
    if (good()) check_fleet(file_.fleet, nodes_, *this);
    if (!good()) return failure();
    return std::move(file_);
  }

 private:
  void require_name(const YamlNode& map, std::string_view group, TextPosition at,
                    std::string& name) {
    if (!read_scalar(map, group, "name", name, parse_name))
      problem(at, YamlReader::path(group, "name"), "is missing; give a name, such as \"name: a1\"");
  }
  void missing(const YamlNode& map, std::string_view group, std::string_view key,
               std::string_view example) {
    problem(map, YamlReader::path(group, key), fmt::format("is missing; give {}", example));
  }

  /// Refers to a name that must be one of `known`.
  template <class Known>
  void expect_known(const YamlNode& map, std::string_view group, std::string_view key,
                    const std::string& name, const Known& known, std::string_view what) {
    const std::vector<std::string_view> names(known.begin(), known.end());
    if (std::ranges::find(names, name) != names.end()) return;
    tell_unknown(map.find(key) != nullptr ? *map.find(key) : map, YamlReader::path(group, key),
                 what, name, closest(name, names), names);
  }
  void tell_unknown(const YamlNode& node, const std::string& path, std::string_view what,
                    std::string_view name, std::string_view meant,
                    std::span<const std::string_view> known) {
    constexpr std::size_t kListedMax = 20;
    const auto listed = known.first(std::min(known.size(), kListedMax));
    problem(node, path,
            fmt::format("there is no {} {}{}{}", what, in_quotes(name),
                        meant.empty() ? "." : fmt::format("; did you mean {}?", in_quotes(meant)),
                        known.empty() ? std::string(" None is given")
                                      : fmt::format(" There is: {}{}", fmt::join(listed, ", "),
                                                    known.size() > kListedMax ? ", ..." : "")));
  }

  // --- accelerators and shapes ----------------------------------------------------------------

  void read_catalogue(const YamlNode& root) {
    std::string name;
    const auto one_line = [](std::string_view text) -> Result<std::string> {
      if (!text.empty() && !has_control_character(text)) return std::string(text);
      return Error{ErrorCode::kInvalid, "expected the name of a file"};
    };
    if (!read_scalar(root, "", "accelerators", name, one_line) || name.empty()) return;
    const YamlNode& node = *root.find("accelerators");
    if (!context_.read_file) {
      problem(node, "accelerators", "cannot name a file here; only a fleet file on disk can");
      return;
    }
    const auto text = context_.read_file(name);
    if (!text) {
      problem(node, "accelerators", text.error().message);
      return;
    }
    auto catalogue = parse_catalogue_file(*text, name, file_.catalogue);
    if (!catalogue) {
      problem(node, "accelerators",
              fmt::format("{} is not right:\n{}", in_quotes(name), catalogue.error().message));
      return;
    }
    file_.catalogue = std::move(*catalogue);
  }

  void read_shapes(const YamlNode& root) {
    const YamlNode* shapes =
        group(root, "shapes", "\"gpu-node: {type: h100-sxm, accelerators: 8, ...}\"");
    if (shapes == nullptr) {
      if (root.find("shapes") == nullptr)
        missing(root, "", "shapes", "at least one shape of a node");
      return;
    }
    for (std::size_t i = 0; i < shapes->keys.size(); ++i) {
      const std::string& name = shapes->keys[i];
      const auto checked = parse_name(name);
      if (!checked) {
        problem(shapes->key_positions[i], "shapes",
                fmt::format("{}, found {}", checked.error().message, in_quotes(name)));
        continue;
      }
      const std::string path = YamlReader::path("shapes", name);
      if (!is_map(shapes->children[i], path, "\"type: h100-sxm\"")) continue;
      NodeShape shape;
      shape.name = name;
      read_shape(shapes->children[i], path, shape);
      shape_names_.push_back(name);
      file_.fleet.shapes.push_back(std::move(shape));
      nodes_.shapes.push_back(&shapes->children[i]);
    }
  }

  void read_shape(const YamlNode& node, const std::string& path, NodeShape& shape) {
    check_keys(node, path, kShapeKeys);
    if (!read_whole(node, path, "accelerators", shape.accelerators, 0, kAcceleratorsPerNodeMax))
      missing(node, path, "accelerators", "how many a node has");
    if (!read_scalar(node, path, "cpus", shape.cpus, [](std::string_view text) -> Result<CpuShare> {
          const auto cpus = parse_thousandths(text, 0, kCpusPerNodeMax);
          if (!cpus) return cpus.error();
          return CpuShare(*cpus);
        })) {
      missing(node, path, "cpus", "the node's cores");
    }
    if (!read_scalar(node, path, "memory", shape.memory, [](std::string_view text) {
          return parse_bytes(text, Bytes(0), kMemoryPerNodeMax);
        })) {
      missing(node, path, "memory", "the node's memory, such as \"memory: 2TiB\"");
    }
    read_scalar(node, path, "idle", shape.idle,
                [](std::string_view text) { return parse_watts(text, Watts(1), kNodePowerMax); });
    const AcceleratorType* type = read_type(node, path);
    if (type != nullptr) fill_from(*type, shape);
    read_scalar(node, path, "accelerator", shape.accelerator, [](std::string_view text) {
      return parse_watts(text, Watts(1), kAcceleratorPowerMax);
    });
    read_scalar(
        node, path, "accelerator_memory", shape.accelerator_memory,
        [](std::string_view text) { return parse_bytes(text, Bytes(1), kAcceleratorMemoryMax); });
    std::string export_class;
    if (read_scalar(node, path, "export_class", export_class, parse_name))
      shape.export_class = export_class == kNoExportClass ? "" : export_class;
  }

  const AcceleratorType* read_type(const YamlNode& node, const std::string& path) {
    std::string name;
    if (!read_scalar(node, path, "type", name, parse_accelerator_type)) {
      missing(node, path, "type", "a type of accelerator (\"mw accelerators\" lists them)");
      return nullptr;
    }
    const AcceleratorType* type = find_type(file_.catalogue, name);
    if (type != nullptr) return type;
    if (name.empty()) return nullptr;  // a problem already
    std::vector<std::string_view> names;
    for (const AcceleratorType& one : file_.catalogue.types) names.push_back(one.name);
    tell_unknown(*node.find("type"), YamlReader::path(path, "type"), "type of accelerator", name,
                 closest_type(file_.catalogue, name), names);
    return nullptr;
  }
  static void fill_from(const AcceleratorType& type, NodeShape& shape) {
    shape.accelerator_type = type.name;
    if (type.power) shape.accelerator = Watts(type.power->value);
    if (type.memory) shape.accelerator_memory = Bytes(type.memory->value);
    shape.export_class = type.export_class;
  }

  // --- blocks and what they have in common ------------------------------------------------------

  void read_layouts(const YamlNode& root) {
    const YamlNode* layouts = group(root, "layouts", "\"pod: {shape: gpu-node, nodes: 128}\"");
    for (std::size_t i = 0; layouts != nullptr && i < layouts->keys.size(); ++i) {
      const std::string path = YamlReader::path("layouts", layouts->keys[i]);
      const YamlNode& node = layouts->children[i];
      if (!is_map(node, path, "\"shape: gpu-node\"")) continue;
      check_keys(node, path, kLayoutKeys);
      read_common(node, path, layouts_[layouts->keys[i]]);
    }
  }

  /// The keys that a layout and a block share.
  void read_common(const YamlNode& node, const std::string& path, BlockSpec& block) {
    if (read_scalar(node, path, "shape", block.shape, parse_name) && !block.shape.empty())
      expect_known(node, path, "shape", block.shape, shape_names_, "shape");
    read_whole(node, path, "nodes", block.nodes, 1, kFleetNodesMax);
    if (node.find("fabric_groups") != nullptr) {
      block.fabric.clear();
      std::size_t i = 0;
      for (const YamlNode& one : list(node, path, "fabric_groups", "[{level: leaf, nodes: 32}]")) {
        const std::string at = fmt::format("{}.fabric_groups[{}]", path, i++);
        if (!is_map(one, at, "\"level: leaf\"")) continue;
        check_keys(one, at, kFabricGroupKeys);
        read_group(one, at, kFabricGroupLevels, block.fabric.emplace_back());
      }
    }
    if (node.find("power_groups") != nullptr) {
      block.power.clear();
      std::size_t i = 0;
      for (const YamlNode& one :
           list(node, path, "power_groups", "[{level: rack, nodes: 4, power: 45kW}]")) {
        const std::string at = fmt::format("{}.power_groups[{}]", path, i++);
        if (!is_map(one, at, "\"level: rack\"")) continue;
        check_keys(one, at, kPowerGroupKeys);
        PowerGrouping& grouping = block.power.emplace_back();
        read_group(one, at, kPowerGroupLevels, grouping);
        read_limits(one, at, grouping.limits);
      }
    }
  }

  template <class Grouping, std::size_t N>
  void read_group(const YamlNode& node, const std::string& path,
                  const std::array<std::string_view, N>& levels, Grouping& grouping) {
    read_level(node, path, levels, grouping.level);
    if (!read_whole(node, path, "nodes", grouping.nodes, 1, kFleetNodesMax))
      missing(node, path, "nodes", "how many nodes stand together");
  }
  template <class Level, std::size_t N>
  void read_level(const YamlNode& node, const std::string& path,
                  const std::array<std::string_view, N>& levels, Level& level) {
    if (!read_scalar(node, path, "level", level,
                     [&](std::string_view text) { return parse_level<Level>(text, levels); })) {
      missing(node, path, "level", fmt::format("one of {}", fmt::join(levels, ", ")));
    }
  }
  void read_limits(const YamlNode& node, const std::string& path, PowerLimits& limits) {
    read_scalar(node, path, "power", limits.power, parse_limit);
    read_scalar(node, path, "cooling", limits.cooling, parse_limit);
  }

  // --- sites ------------------------------------------------------------------------------------

  void read_sites(const YamlNode& root) {
    const auto sites = list(root, "", "sites", "[{name: here, blocks: [...]}]");
    if (sites.empty() &&
        (root.find("sites") == nullptr || root.find("sites")->kind == YamlNode::Kind::kList))
      missing(root, "", "sites", "at least one site with its blocks of nodes");
    std::map<std::string, std::size_t> lines;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      const std::string path = fmt::format("sites[{}]", i);
      if (!is_map(sites[i], path, "\"name: here\"")) continue;
      SiteSpec& site = file_.fleet.sites.emplace_back();
      nodes_.sites.push_back({&sites[i], {}, {}, {}});
      read_site(sites[i], path, site);
      expect_new(sites[i], path, site.name, lines);
    }
  }
  void expect_new(const YamlNode& map, const std::string& path, const std::string& name,
                  std::map<std::string, std::size_t>& lines) {
    const YamlNode* node = map.find("name");
    if (node == nullptr || name.empty()) return;
    const auto [first, is_new] = lines.emplace(name, node->position.line);
    if (is_new) return;
    problem(*node, YamlReader::path(path, "name"),
            fmt::format("{} was given before, on line {}", in_quotes(name), first->second));
  }

  void read_site(const YamlNode& node, const std::string& path, SiteSpec& site) {
    check_keys(node, path, kSiteKeys);
    require_name(node, path, node.position, site.name);
    read_scalar(node, path, "jurisdiction", site.jurisdiction, parse_jurisdiction);
    read_scalar(node, path, "price", site.price,
                [](std::string_view text) { return parse_decimal(text, 6, 0, kPriceMax); });
    read_whole(node, path, "carbon", site.carbon, 0, kCarbonMax);
    read_scalar(node, path, "pue", site.pue,
                [](std::string_view text) { return parse_decimal(text, 3, 1000, kPueMax); });
    read_scalar(node, path, "contract", site.contract, parse_limit);
    read_limits(node, path, site.limits);
    apply_contract(node, path, site);
    read_power_places(node, path, site);
    read_fabric_places(node, path, site);
    const auto blocks = list(node, path, "blocks", "[{name: a, shape: gpu-node, nodes: 4}]");
    if (blocks.empty() &&
        (node.find("blocks") == nullptr || node.find("blocks")->kind == YamlNode::Kind::kList))
      missing(node, path, "blocks", "at least one block of nodes");
    std::map<std::string, std::size_t> lines;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string at = fmt::format("{}.blocks[{}]", path, i);
      if (!is_map(blocks[i], at, "\"shape: gpu-node\"")) continue;
      BlockSpec block;
      read_block(blocks[i], at, site, block);
      expect_new(blocks[i], at, block.name, lines);
      site.blocks.push_back(std::move(block));
      nodes_.sites.back().blocks.push_back(&blocks[i]);
    }
  }

  /// What the meter may show bounds what computes: of the contract, PUE leaves so much.
  void apply_contract(const YamlNode& node, const std::string& path, SiteSpec& site) {
    if (site.contract == Watts(0)) return;
    const Watts left(
        static_cast<std::int64_t>(static_cast<Int128>(site.contract.count()) * 1000 / site.pue));
    if (site.limits.power == Watts(0)) {
      site.limits.power = left;
    } else if (site.limits.power > left) {
      problem(*node.find("power"), YamlReader::path(path, "power"),
              fmt::format("expected at most {}, which is what a PUE of {} leaves of the contract "
                          "of {}, found {}",
                          write_watts(left), write_thousandths(site.pue),
                          write_watts(site.contract), write_watts(site.limits.power)));
    }
  }

  void read_power_places(const YamlNode& node, const std::string& path, SiteSpec& site) {
    std::map<std::string, std::size_t> lines;
    std::size_t i = 0;
    for (const YamlNode& one :
         list(node, path, "power_places", "[{name: hall-1, level: hall, power: 10MW}]")) {
      const std::string at = fmt::format("{}.power_places[{}]", path, i++);
      if (!is_map(one, at, "\"name: hall-1\"")) continue;
      check_keys(one, at, kPowerPlaceKeys);
      PowerPlace place;
      read_place(one, at, kPowerGroupLevels, place, lines);
      read_limits(one, at, place.limits);
      site.power.push_back(std::move(place));
      nodes_.sites.back().power.push_back(&one);
    }
    check_under(site.power, nodes_.sites.back().power, path + ".power_places");
  }
  void read_fabric_places(const YamlNode& node, const std::string& path, SiteSpec& site) {
    std::map<std::string, std::size_t> lines;
    std::size_t i = 0;
    for (const YamlNode& one :
         list(node, path, "fabric_places", "[{name: spine-1, level: spine}]")) {
      const std::string at = fmt::format("{}.fabric_places[{}]", path, i++);
      if (!is_map(one, at, "\"name: spine-1\"")) continue;
      check_keys(one, at, kFabricPlaceKeys);
      FabricPlace place;
      read_place(one, at, kFabricGroupLevels, place, lines);
      site.fabric.push_back(std::move(place));
      nodes_.sites.back().fabric.push_back(&one);
    }
    check_under(site.fabric, nodes_.sites.back().fabric, path + ".fabric_places");
  }
  template <class Place, std::size_t N>
  void read_place(const YamlNode& node, const std::string& path,
                  const std::array<std::string_view, N>& levels, Place& place,
                  std::map<std::string, std::size_t>& lines) {
    require_name(node, path, node.position, place.name);
    read_level(node, path, levels, place.level);
    read_scalar(node, path, "under", place.under, parse_name);
    expect_new(node, path, place.name, lines);
  }

  template <class Place>
  static std::vector<std::string_view> names_of(const std::vector<Place>& places) {
    std::vector<std::string_view> names;
    names.reserve(places.size());
    for (const Place& place : places) names.push_back(place.name);
    return names;
  }
  template <class Place>
  static const Place* find_place(const std::vector<Place>& places, std::string_view name) {
    const auto found = std::ranges::find(places, name, &Place::name);
    return found == places.end() ? nullptr : &*found;
  }

  /// A place stands under one of a farther level, so no circle can come about.
  template <class Place>
  void check_under(const std::vector<Place>& places, const std::vector<const YamlNode*>& nodes,
                   const std::string& path) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].under.empty()) continue;
      const std::string at = fmt::format("{}[{}]", path, i);
      const Place* parent = find_place(places, places[i].under);
      if (parent == nullptr) {
        expect_known(*nodes[i], at, "under", places[i].under, names_of(places), "place");
      } else if (parent->level <= places[i].level) {
        problem(
            *nodes[i]->find("under"), YamlReader::path(at, "under"),
            fmt::format("expected a place of a level above {}, found {}, which is a {}",
                        name_of(places[i].level), in_quotes(parent->name), name_of(parent->level)));
      }
    }
  }

  void read_block(const YamlNode& node, const std::string& path, const SiteSpec& site,
                  BlockSpec& block) {
    check_keys(node, path, kBlockKeys);
    std::string layout;
    if (read_scalar(node, path, "layout", layout, parse_name) && !layout.empty()) {
      const auto found = layouts_.find(layout);
      if (found != layouts_.end()) {
        block = found->second;
      } else {
        std::vector<std::string_view> names;
        for (const auto& [name, spec] : layouts_) names.push_back(name);
        expect_known(node, path, "layout", layout, names, "layout");
      }
    }
    require_name(node, path, node.position, block.name);
    read_whole(node, path, "count", block.count, 1, kFleetNodesMax);
    read_common(node, path, block);
    const bool layout_is_known = layout.empty() || layouts_.contains(layout);
    if (block.shape.empty() && node.find("shape") == nullptr && layout_is_known)
      missing(node, path, "shape", "the shape of the nodes, here or in the layout");
    if (block.nodes == 0 && node.find("nodes") == nullptr && layout_is_known)
      missing(node, path, "nodes", "how many nodes one such block has, here or in the layout");
    read_scalar(node, path, "fabric_under", block.fabric_under, parse_name);
    read_scalar(node, path, "power_under", block.power_under, parse_name);
    if (!block.fabric_under.empty() && find_place(site.fabric, block.fabric_under) == nullptr)
      expect_known(node, path, "fabric_under", block.fabric_under, names_of(site.fabric),
                   "fabric place");
    if (!block.power_under.empty() && find_place(site.power, block.power_under) == nullptr)
      expect_known(node, path, "power_under", block.power_under, names_of(site.power),
                   "power place");
    if (block.nodes > 0) check_groups(site, block, node, path, *this);
  }

  const FleetFileContext& context_;
  FleetFile file_;
  FleetFileNodes nodes_;
  std::vector<std::string> shape_names_;
  std::map<std::string, BlockSpec> layouts_;
};

}  // namespace

Result<FleetFile> parse_fleet_file(std::string_view text, const FleetFileContext& context) {
  const auto root = parse_yaml(text, context.source_name,
                               {.bytes_max = kFleetFileBytesMax, .nodes_max = kFleetValuesMax});
  if (!root) return root.error();
  return FleetFileReader(context).read(*root);
}

}  // namespace mw
