#include <fmt/format.h>

#include <algorithm>

#include "codec/fleet_file_check.h"
#include "codec/units.h"

namespace mw {
namespace {

template <class Grouping>
void check_pair(const BlockSpec& block, const Grouping& small, const Grouping& large,
                const YamlNode& at, const std::string& path, YamlReader& reader) {
  if (large.level <= small.level) {
    reader.problem(at, path,
                   fmt::format("expected levels from the nearest to the farthest, each once, found "
                               "{} before {}",
                               name_of(small.level), name_of(large.level)));
  } else if (large.nodes % small.nodes != 0 && large.nodes != block.nodes) {
    reader.problem(at, path,
                   fmt::format("groups must nest: expected for {} a multiple of the {} nodes of a "
                               "{}, or all {} nodes of the block, found {}",
                               name_of(large.level), small.nodes, name_of(small.level), block.nodes,
                               large.nodes));
  }
}

template <class Grouping, class Place>
void check_list(const BlockSpec& block, const std::vector<Grouping>& groups,
                const std::vector<Place>& places, const std::string& under, const YamlNode& node,
                std::string_view key, const std::string& path, YamlReader& reader) {
  // Groups of a layout have no place here but the block's.
  const YamlNode& at = node.find(key) != nullptr ? *node.find(key) : node;
  const std::string name = YamlReader::path(path, key);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Grouping& group = groups[i];
    if (group.nodes == 0) return;
    if (group.nodes > block.nodes) {
      reader.problem(at, name,
                     fmt::format("a {} of {} nodes is more than the block has; expected at most {}",
                                 name_of(group.level), group.nodes, block.nodes));
    }
    if (i > 0) check_pair(block, groups[i - 1], group, at, name, reader);
  }
  const auto place = std::ranges::find(places, under, &Place::name);
  if (!groups.empty() && place != places.end() && groups.back().level >= place->level) {
    reader.problem(
        at, name,
        fmt::format("expected levels below {}, which is a {}, found {}", in_quotes(place->name),
                    name_of(place->level), name_of(groups.back().level)));
  }
}

}  // namespace

void check_groups(const SiteSpec& site, const BlockSpec& block, const YamlNode& node,
                  const std::string& path, YamlReader& reader) {
  check_list(block, block.fabric, site.fabric, block.fabric_under, node, "fabric_groups", path,
             reader);
  check_list(block, block.power, site.power, block.power_under, node, "power_groups", path, reader);
}

}  // namespace mw
