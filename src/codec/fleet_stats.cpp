#include "codec/fleet_stats.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/time.h"
#include "codec/json.h"

namespace mw {
namespace {

void add(FleetSum& to, const FleetSum& sum) {
  to.nodes += sum.nodes;
  to.accelerators += sum.accelerators;
  to.bf16_gflops += sum.bf16_gflops;
  to.bf16_unknown += sum.bf16_unknown;
  to.cpus += sum.cpus;
  to.memory += sum.memory;
  to.accelerator_memory += sum.accelerator_memory;
  to.idle += sum.idle;
  to.busy += sum.busy;
}

FleetSum sum_of(const BlockSpec& block, const NodeShape& shape, const AcceleratorType* type) {
  FleetSum sum;
  sum.nodes = static_cast<std::int64_t>(block.count) * block.nodes;
  sum.accelerators = sum.nodes * shape.accelerators;
  if (type != nullptr && type->bf16) {
    sum.bf16_gflops = sum.accelerators * type->bf16->value;
  } else {
    sum.bf16_unknown = sum.accelerators;
  }
  sum.cpus = shape.cpus * sum.nodes;
  sum.memory = shape.memory * sum.nodes;
  sum.accelerator_memory = shape.accelerator_memory * sum.accelerators;
  sum.idle = shape.idle * sum.nodes;
  sum.busy = sum.idle + shape.accelerator * sum.accelerators;
  return sum;
}

using Levels = std::array<LevelSum, 5>;

/// Counts `places` places of `limits` each, with `sum` below all of them.
void add_level(Levels& levels, PowerLevel level, std::int64_t places, const PowerLimits& limits,
               const FleetSum& sum) {
  LevelSum& of = levels[static_cast<std::size_t>(level)];
  if (limits.power != Watts(0)) {
    of.power_places += places;
    of.power_limit += limits.power * places;
    of.power_idle += sum.idle;
    of.power_busy += sum.busy;
  }
  if (limits.cooling != Watts(0)) {
    of.cooling_places += places;
    of.cooling_limit += limits.cooling * places;
    of.cooling_busy += sum.busy;
  }
}

/// What stands at a site, place by place.
SiteSum site_sum(const SiteSpec& site, const FleetSpec& fleet, const Catalogue& catalogue,
                 Levels& levels, std::map<std::string, FleetSum>& by_type) {
  SiteSum out;
  out.site = site.name;
  out.jurisdiction = site.jurisdiction;
  out.pue_milli = site.pue;
  out.contract = site.contract;
  out.limit = site.limits.power;
  out.cooling = site.limits.cooling;
  std::map<std::string, FleetSum> by_place;
  for (const BlockSpec& block : site.blocks) {
    const NodeShape& shape = *std::ranges::find(fleet.shapes, block.shape, &NodeShape::name);
    const FleetSum sum = sum_of(block, shape, find_type(catalogue, shape.accelerator_type));
    add(out.sum, sum);
    add(by_type[shape.accelerator_type], sum);
    if (std::ranges::find(out.types, shape.accelerator_type) == out.types.end())
      out.types.push_back(shape.accelerator_type);
    for (const PowerGrouping& group : block.power) {
      const std::int64_t places = groups_in(block.nodes, group.nodes) * block.count;
      add_level(levels, group.level, places, group.limits, sum);
    }
    for (std::string at = block.power_under; !at.empty();) {
      add(by_place[at], sum);
      at = std::ranges::find(site.power, at, &PowerPlace::name)->under;
    }
  }
  for (const PowerPlace& place : site.power)
    add_level(levels, place.level, 1, place.limits, by_place[place.name]);
  add_level(levels, PowerLevel::kSite, 1, site.limits, out.sum);
  out.facility =
      Watts(static_cast<std::int64_t>(static_cast<Int128>(out.sum.busy.count()) * site.pue / 1000));
  return out;
}

}  // namespace

FleetStats fleet_stats(const FleetSpec& fleet, const Catalogue& catalogue) {
  FleetStats stats;
  stats.fleet = fleet.name;
  Levels levels;
  for (std::size_t i = 0; i < levels.size(); ++i) levels[i].level = static_cast<PowerLevel>(i);
  std::map<std::string, FleetSum> by_type;
  for (const SiteSpec& site : fleet.sites) {
    stats.sites.push_back(site_sum(site, fleet, catalogue, levels, by_type));
    add(stats.total, stats.sites.back().sum);
    stats.contract += site.contract;
    stats.facility += stats.sites.back().facility;
  }
  std::map<std::string, FleetSum> by_vendor;
  for (const auto& [name, sum] : by_type) {
    const AcceleratorType* type = find_type(catalogue, name);
    const std::string vendor = type != nullptr ? type->vendor : "";
    stats.types.push_back({name, vendor, sum});
    add(by_vendor[vendor], sum);
  }
  for (const auto& [vendor, sum] : by_vendor) stats.vendors.push_back({vendor, sum});
  const auto accelerators = [](const auto& row) { return row.sum.accelerators; };
  std::ranges::stable_sort(stats.types, std::ranges::greater(), accelerators);
  std::ranges::stable_sort(stats.vendors, std::ranges::greater(), accelerators);
  std::ranges::copy_if(levels, std::back_inserter(stats.levels), [](const LevelSum& level) {
    return level.power_places + level.cooling_places > 0;
  });
  return stats;
}

std::string write_fleet_stats(const FleetStats& stats) {
  std::string text;
  append_json(text, stats);
  return text;
}

}  // namespace mw
