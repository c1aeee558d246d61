#include <fmt/format.h>

#include <algorithm>

#include "cli/fleet_view.h"
#include "cli/format.h"
#include "codec/fleet_stats.h"
#include "codec/text.h"

namespace mw {
namespace {

constexpr std::size_t kStep = 2;

std::string line(std::size_t depth, const std::string& text) {
  return std::string(depth * kStep, ' ') + text + "\n";
}

/// ", 12.1 MW, cooling 11.9 MW"; empty without limits.
std::string limits_text(const PowerLimits& limits, std::string_view each) {
  std::string out;
  if (limits.power != Watts(0)) out += fmt::format(", {}{}", watts_text(limits.power), each);
  if (limits.cooling != Watts(0))
    out += fmt::format(", cooling {}{}", watts_text(limits.cooling), each);
  return out;
}
std::string limits_of(const PowerGrouping& group) { return limits_text(group.limits, " each"); }
std::string limits_of(const FabricGrouping&) { return {}; }
std::string limits_of(const PowerPlace& place) { return limits_text(place.limits, ""); }
std::string limits_of(const FabricPlace&) { return {}; }

/// "tx1-h100-p[01-12]-[001-128]".
std::string names_of_nodes(const SiteSpec& site, const BlockSpec& block) {
  const auto range = [](const std::string& first, const std::string& last) {
    return first == last ? first : "[" + first + "-" + last + "]";
  };
  // The rule is node_name()'s: its numbers are what follows the parts that are always there.
  const std::string front = site.name + "-" + block.name;
  const std::string first = node_name(site, block, 0, 0);
  const std::string last = node_name(site, block, block.count - 1, block.nodes - 1);
  const std::size_t dash = first.rfind('-');
  const std::string copies = range(first.substr(front.size(), dash - front.size()),
                                   last.substr(front.size(), dash - front.size()));
  return front + copies + "-" + range(first.substr(dash + 1), last.substr(dash + 1));
}

/// The groups of one block, from the largest.
template <class Grouping>
std::string groups_text(std::size_t depth, const BlockSpec& block,
                        const std::vector<Grouping>& groups) {
  std::string out;
  std::int64_t around = block.nodes;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    const std::int64_t rest = around % group->nodes;
    out += line(depth++, fmt::format("{} x {} of {} nodes{}{}", groups_in(around, group->nodes),
                                     name_of(group->level), group->nodes,
                                     rest != 0 ? fmt::format(" (the last {})", rest) : "",
                                     limits_of(*group)));
    around = group->nodes;
  }
  return out;
}

/// One of the two trees of a site: Places, and of each block its place and its groups.
template <class Place, class Grouping>
struct Tree {
  const SiteSpec& site;
  const std::vector<Place>& places;
  std::string BlockSpec::*under;
  std::vector<Grouping> BlockSpec::*groups;

  std::string text(std::size_t depth, const std::string& at) const {
    std::string out;
    for (const Place& place : places) {
      if (place.under != at) continue;
      out += line(depth, fmt::format("{} ({}){}", printable(place.name), name_of(place.level),
                                     limits_of(place)));
      out += text(depth + 1, place.name);
    }
    for (const BlockSpec& block : site.blocks) {
      if (block.*under != at) continue;
      const std::string several = block.count > 1 ? fmt::format("{} x ", block.count) : "";
      out += line(depth, fmt::format("{}{} nodes of {}: {}", several, block.nodes, block.shape,
                                     names_of_nodes(site, block)));
      out += groups_text(depth + 1, block, block.*groups);
    }
    return out;
  }
};

std::string shape_text(const NodeShape& shape) {
  std::string out = fmt::format("{} x {}, {} cores, {}", shape.accelerators, shape.accelerator_type,
                                share_text(shape.cpus), bytes_text(shape.memory));
  if (shape.idle != Watts(0)) {
    out += fmt::format(", {} idle to {}", watts_text(shape.idle),
                       watts_text(shape.idle + shape.accelerator * shape.accelerators));
  }
  return out;
}

std::string site_text(const SiteSpec& site, const TerminalTraits& traits) {
  std::string out = "\n" + paint("Site " + site.name, Colour::kBold, traits);
  if (!site.jurisdiction.empty()) out += " in " + site.jurisdiction;
  if (site.contract != Watts(0)) out += ", contract " + watts_text(site.contract);
  if (site.limits.power != Watts(0)) out += ", IT " + watts_text(site.limits.power);
  out += limits_text({Watts(0), site.limits.cooling}, "");
  if (site.pue != 1000) out += fmt::format(", PUE {:.4g}", static_cast<double>(site.pue) / 1000);
  out += "\n" + line(1, "fabric");
  out += Tree<FabricPlace, FabricGrouping>{site, site.fabric, &BlockSpec::fabric_under,
                                           &BlockSpec::fabric}
             .text(2, "");
  out += line(1, "power");
  out +=
      Tree<PowerPlace, PowerGrouping>{site, site.power, &BlockSpec::power_under, &BlockSpec::power}
          .text(2, "");
  return out;
}

}  // namespace

std::string render_fleet_trees(const FleetSpec& fleet, const TerminalTraits& traits) {
  std::string out = paint("Fleet " + fleet.name, Colour::kBold, traits) + "\n";
  std::size_t width = 0;
  for (const NodeShape& shape : fleet.shapes) width = std::max(width, shape.name.size());
  for (const NodeShape& shape : fleet.shapes)
    out += line(1, fmt::format("{:<{}}  {}", shape.name, width, shape_text(shape)));
  for (const SiteSpec& site : fleet.sites) out += site_text(site, traits);
  return out;
}

}  // namespace mw
