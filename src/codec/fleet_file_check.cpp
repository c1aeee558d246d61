#include "codec/fleet_file_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "codec/fleet_file.h"
#include "codec/units.h"

namespace mw {
namespace {

const NodeShape& shape_of(const FleetSpec& fleet, const BlockSpec& block) {
  return *std::ranges::find(fleet.shapes, block.shape, &NodeShape::name);
}

class FleetCheck {
 public:
  FleetCheck(const FleetSpec& fleet, const FleetFileNodes& nodes, YamlReader& reader)
      : fleet_(fleet), nodes_(nodes), reader_(reader) {}

  void run() {
    check_sizes();
    // Sums of what is absurdly large say nothing.
    if (!reader_.good()) return;
    for (std::size_t i = 0; i < fleet_.sites.size(); ++i) {
      check_draws_are_known(i);
      check_limits(i);
    }
    check_node_names();
  }

 private:
  // --- how much ---------------------------------------------------------------------------------

  void check_sizes() {
    Int128 nodes = 0;
    Int128 accelerators = 0;
    Int128 accelerator_memory = 0;
    Int128 memory = 0;
    Int128 power = 0;
    for (std::size_t i = 0; i < fleet_.sites.size(); ++i) {
      for (std::size_t j = 0; j < fleet_.sites[i].blocks.size(); ++j) {
        const BlockSpec& block = fleet_.sites[i].blocks[j];
        const NodeShape& shape = shape_of(fleet_, block);
        const Int128 count = static_cast<Int128>(block.count) * block.nodes;
        nodes += count;
        accelerators += count * shape.accelerators;
        accelerator_memory += count * shape.accelerators * shape.accelerator_memory.count();
        memory += count * shape.memory.count();
        power += count * (shape.idle.count() +
                          static_cast<Int128>(shape.accelerators) * shape.accelerator.count());
        constexpr auto kMost = static_cast<Int128>(std::numeric_limits<std::int64_t>::max());
        const bool small =
            at_most(nodes, kFleetNodesMax, "nodes", i, j) &&
            at_most(accelerators, kFleetAcceleratorsMax, "accelerators", i, j) &&
            at_most(power, kFleetPowerMax.count(), "milliwatts with all at work", i, j) &&
            at_most(accelerator_memory, kMost, "bytes of accelerator memory", i, j) &&
            at_most(memory, kMost, "bytes of memory", i, j);
        if (!small) return;
      }
    }
    check_sum_of_limits();
  }
  /// So that whoever adds limits up need not think of overflow.
  void check_sum_of_limits() {
    Int128 sum = 0;
    const auto add = [&](const PowerLimits& limits, Int128 places) {
      sum += places * (static_cast<Int128>(limits.power.count()) + limits.cooling.count());
    };
    for (std::size_t i = 0; i < fleet_.sites.size(); ++i) {
      const SiteSpec& site = fleet_.sites[i];
      sum += site.contract.count();
      add(site.limits, 1);
      for (const PowerPlace& place : site.power) add(place.limits, 1);
      for (const BlockSpec& block : site.blocks) {
        for (const PowerGrouping& group : block.power)
          add(group.limits, static_cast<Int128>(block.nodes / group.nodes + 1) * block.count);
      }
      if (sum <= std::numeric_limits<std::int64_t>::max()) continue;
      reader_.problem(*nodes_.sites[i].site, fmt::format("sites[{}]", i),
                      "expected limits that add up to less than 9.2 PW over the fleet; with this "
                      "site they do not");
      return;
    }
  }
  bool at_most(Int128 sum, Int128 most, std::string_view what, std::size_t site,
               std::size_t block) {
    if (sum <= most) return true;
    reader_.problem(*nodes_.sites[site].blocks[block],
                    fmt::format("sites[{}].blocks[{}]", site, block),
                    fmt::format("expected a fleet of at most {} {}; with this block there are more",
                                static_cast<std::int64_t>(most), what));
    return false;
  }

  // --- power ------------------------------------------------------------------------------------

  /// Under a limit the draw of each node counts, so it must have been said.
  void check_draws_are_known(std::size_t i) {
    const SiteSpec& site = fleet_.sites[i];
    const auto is_limit = [](const PowerLimits& limits) { return limits != PowerLimits{}; };
    const bool at_site = is_limit(site.limits);
    for (std::size_t j = 0; j < site.blocks.size(); ++j) {
      const BlockSpec& block = site.blocks[j];
      bool limited = at_site || std::ranges::any_of(block.power, is_limit, &PowerGrouping::limits);
      for (std::string_view at = block.power_under; !at.empty() && !limited;) {
        const PowerPlace& place = *std::ranges::find(site.power, at, &PowerPlace::name);
        limited = is_limit(place.limits);
        at = place.under;
      }
      const NodeShape& shape = shape_of(fleet_, block);
      if (!limited) continue;
      if (shape.idle == Watts(0)) tell_unknown(i, j, shape, "idle");
      if (shape.accelerators > 0 && shape.accelerator == Watts(0))
        tell_unknown(i, j, shape, "accelerator");
    }
  }
  void tell_unknown(std::size_t i, std::size_t j, const NodeShape& shape, std::string_view key) {
    const auto at = std::ranges::find(fleet_.shapes, shape.name, &NodeShape::name);
    const auto index = static_cast<std::size_t>(at - fleet_.shapes.begin());
    if (std::ranges::find(told_, std::pair(index, key)) != told_.end()) return;
    told_.emplace_back(index, key);
    reader_.problem(
        *nodes_.shapes[index], YamlReader::path("shapes." + shape.name, key),
        fmt::format("is missing, and sites[{}].blocks[{}] puts such nodes under a limit "
                    "of power or cooling; give what they draw, such as \"{}: {}\"",
                    i, j, key, key == "idle" ? "2kW" : "1kW"));
  }

  /// What stands somewhere draws its idle power whatever is decided: a limit below that is a
  /// mistake. Limits that add up to more than the one above are not: that is oversubscription.
  void check_limits(std::size_t i) {
    const SiteSpec& site = fleet_.sites[i];
    const FleetFileNodes::Site& nodes = nodes_.sites[i];
    const std::string path = fmt::format("sites[{}]", i);
    std::map<std::string_view, Watts> idle_of_place;
    Watts idle_of_site;
    for (std::size_t j = 0; j < site.blocks.size(); ++j) {
      const BlockSpec& block = site.blocks[j];
      const Watts idle = shape_of(fleet_, block).idle;
      for (const PowerGrouping& group : block.power) {
        check_limit(*nodes.blocks[j], fmt::format("{}.blocks[{}]", path, j), group.limits,
                    idle * group.nodes,
                    fmt::format("a {} of {} nodes", name_of(group.level), group.nodes));
      }
      const Watts sum = idle * block.nodes * block.count;
      idle_of_site += sum;
      for (std::string_view at = block.power_under; !at.empty();) {
        const PowerPlace& place = *std::ranges::find(site.power, at, &PowerPlace::name);
        idle_of_place[place.name] += sum;
        at = place.under;
      }
    }
    for (std::size_t j = 0; j < site.power.size(); ++j) {
      const PowerPlace& place = site.power[j];
      check_limit(*nodes.power[j], fmt::format("{}.power_places[{}]", path, j), place.limits,
                  idle_of_place[place.name], in_quotes(place.name));
    }
    check_limit(*nodes.site, path, site.limits, idle_of_site, "the site");
  }
  void check_limit(const YamlNode& node, const std::string& path, const PowerLimits& limits,
                   Watts idle, std::string_view what) {
    const auto one = [&](Watts limit, std::string_view kind) {
      if (limit == Watts(0) || limit >= idle) return;
      reader_.problem(node, path,
                      fmt::format("expected for {} a limit of {} of at least {}, which its nodes "
                                  "draw idle, found {}",
                                  what, kind, write_watts(idle), write_watts(limit)));
    };
    one(limits.power, "power");
    one(limits.cooling, "cooling");
  }

  // --- names ------------------------------------------------------------------------------------

  /// What all names of one block begin with, but for the digits at its end: those go from `low` to
  /// `high`, which are of equal length, so that text and numbers have one order.
  struct Range {
    std::string low;
    std::string high;
    std::size_t site;
    std::size_t block;
  };

  /// "a-b" + "c" and "a" + "b-c", or twelve times "x" and one "x07", are different blocks whose
  /// nodes would have one name.
  void check_node_names() {
    std::map<std::pair<std::string, std::size_t>, std::vector<Range>> by_stem;
    for (std::size_t i = 0; i < fleet_.sites.size(); ++i) {
      const SiteSpec& site = fleet_.sites[i];
      for (std::size_t j = 0; j < site.blocks.size(); ++j) {
        const std::string first = block_name(site, site.blocks[j], 0);
        const std::string last = block_name(site, site.blocks[j], site.blocks[j].count - 1);
        const std::size_t stem = first.find_last_not_of("0123456789") + 1;
        by_stem[{first.substr(0, stem), first.size()}].push_back(
            {first.substr(stem), last.substr(stem), i, j});
      }
    }
    for (auto& [stem, ranges] : by_stem) {
      std::ranges::sort(ranges, {},
                        [](const Range& r) { return std::tie(r.low, r.site, r.block); });
      const Range* widest = nullptr;
      for (const Range& range : ranges) {
        if (widest != nullptr && range.low <= widest->high) tell_clash(stem.first, range, *widest);
        if (widest == nullptr || range.high > widest->high) widest = &range;
      }
    }
  }
  void tell_clash(const std::string& stem, const Range& a, const Range& b) {
    const bool a_is_later = std::pair(a.site, a.block) > std::pair(b.site, b.block);
    const Range& later = a_is_later ? a : b;
    const Range& earlier = a_is_later ? b : a;
    reader_.problem(
        *nodes_.sites[later.site].blocks[later.block],
        fmt::format("sites[{}].blocks[{}].name", later.site, later.block),
        fmt::format("nodes would be called {} as those of sites[{}].blocks[{}] on line {} are; "
                    "change one of the names",
                    in_quotes(stem + a.low + "-..."), earlier.site, earlier.block,
                    nodes_.sites[earlier.site].blocks[earlier.block]->position.line));
  }

  const FleetSpec& fleet_;
  const FleetFileNodes& nodes_;
  YamlReader& reader_;
  std::vector<std::pair<std::size_t, std::string_view>> told_;
};

}  // namespace

void check_fleet(const FleetSpec& fleet, const FleetFileNodes& nodes, YamlReader& reader) {
  FleetCheck(fleet, nodes, reader).run();
}

}  // namespace mw
