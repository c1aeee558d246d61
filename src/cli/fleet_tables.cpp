#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/fleet_view.h"
#include "cli/format.h"
#include "cli/table.h"
#include "codec/text.h"

namespace mw {
namespace {

using Align = Column::Align;

/// "-" for what nothing is stated of.
std::string stated(Watts power) { return power == Watts(0) ? "-" : watts_text(power); }

std::string rate_text(const FleetSum& sum) {
  if (sum.bf16_gflops == 0) return sum.accelerators == 0 ? "-" : "unknown";
  return si_text(static_cast<double>(sum.bf16_gflops) * 1e9, "FLOP/s") +
         (sum.bf16_unknown > 0 ? " +" : "");
}

/// "127 %"; in yellow from 100 on: more than the limit can be wanted.
Cell ratio_cell(Watts busy, Watts limit) {
  if (limit == Watts(0)) return {"-"};
  const double percent =
      100 * static_cast<double>(busy.count()) / static_cast<double>(limit.count());
  return {fmt::format("{:.0f}%", percent), busy > limit ? Colour::kYellow : Colour::kNone};
}

std::string type_table(const FleetStats& stats, const TerminalTraits& traits) {
  Table table({{.title = "TYPE", .importance = 10, .width_min = 8},
               {.title = "VENDOR", .importance = 5, .width_min = 6},
               {.title = "ACCELERATORS", .importance = 9, .width_min = 9, .align = Align::kRight},
               {.title = "NODES", .importance = 8, .width_min = 6, .align = Align::kRight},
               {.title = "BF16", .importance = 7, .width_min = 8, .align = Align::kRight},
               {.title = "MEMORY", .importance = 4, .width_min = 8, .align = Align::kRight},
               {.title = "IDLE", .importance = 3, .width_min = 7, .align = Align::kRight},
               {.title = "ALL BUSY", .importance = 6, .width_min = 7, .align = Align::kRight}});
  for (const TypeSum& row : stats.types) {
    table.add({{row.type},
               {row.vendor},
               {std::to_string(row.sum.accelerators)},
               {std::to_string(row.sum.nodes)},
               {rate_text(row.sum)},
               {row.sum.accelerator_memory == Bytes(0) ? "unknown"
                                                       : memory_text(row.sum.accelerator_memory)},
               {stated(row.sum.idle)},
               {stated(row.sum.busy)}});
  }
  return table.render(traits);
}

std::string level_table(const FleetStats& stats, const TerminalTraits& traits) {
  Table table({{.title = "POWER LEVEL", .importance = 10, .width_min = 10},
               {.title = "LIMITS", .importance = 8, .width_min = 6, .align = Align::kRight},
               {.title = "SUM", .importance = 9, .width_min = 7, .align = Align::kRight},
               {.title = "IDLE", .importance = 5, .width_min = 7, .align = Align::kRight},
               {.title = "ALL BUSY", .importance = 7, .width_min = 7, .align = Align::kRight},
               {.title = "OF LIMIT", .importance = 9, .width_min = 5, .align = Align::kRight},
               {.title = "COOLING", .importance = 4, .width_min = 7, .align = Align::kRight},
               {.title = "OF COOLING", .importance = 4, .width_min = 5, .align = Align::kRight}});
  for (const LevelSum& row : stats.levels) {
    table.add({{std::string(name_of(row.level))},
               {std::to_string(row.power_places)},
               {stated(row.power_limit)},
               {stated(row.power_idle)},
               {stated(row.power_busy)},
               ratio_cell(row.power_busy, row.power_limit),
               {stated(row.cooling_limit)},
               ratio_cell(row.cooling_busy, row.cooling_limit)});
  }
  if (stats.contract != Watts(0)) {
    table.add({{"contract, at the meter"},
               {""},
               {stated(stats.contract)},
               {""},
               {stated(stats.facility)},
               ratio_cell(stats.facility, stats.contract),
               {"-"},
               {"-"}});
  }
  return table.empty() ? "" : "\n" + table.render(traits);
}

std::string site_table(const FleetStats& stats, const TerminalTraits& traits) {
  Table table({{.title = "SITE", .importance = 10, .width_min = 6},
               {.title = "IN", .importance = 6, .width_min = 5},
               {.title = "NODES", .importance = 7, .width_min = 5, .align = Align::kRight},
               {.title = "ACCELERATORS", .importance = 9, .width_min = 8, .align = Align::kRight},
               {.title = "PUE", .importance = 2, .width_min = 4, .align = Align::kRight},
               {.title = "CONTRACT", .importance = 5, .width_min = 7, .align = Align::kRight},
               {.title = "LIMIT", .importance = 6, .width_min = 7, .align = Align::kRight},
               {.title = "ALL BUSY", .importance = 8, .width_min = 7, .align = Align::kRight},
               {.title = "OF LIMIT", .importance = 8, .width_min = 5, .align = Align::kRight},
               {.title = "TYPES", .importance = 4, .width_min = 8}});
  for (const SiteSum& row : stats.sites) {
    table.add({{row.site},
               {row.jurisdiction},
               {std::to_string(row.sum.nodes)},
               {std::to_string(row.sum.accelerators)},
               {fmt::format("{:.4g}", static_cast<double>(row.pue_milli) / 1000)},
               {stated(row.contract)},
               {stated(row.limit)},
               {stated(row.sum.busy)},
               ratio_cell(row.sum.busy, row.limit),
               {fmt::format("{}", fmt::join(row.types, " "))}});
  }
  return "\n" + table.render(traits);
}

}  // namespace

std::string render_fleet_stats(const FleetStats& stats, const TerminalTraits& traits) {
  const FleetSum& sum = stats.total;
  std::string out = paint("Fleet " + stats.fleet, Colour::kBold, traits) + "\n";
  std::vector<std::string> vendors;
  for (const VendorSum& row : stats.vendors)
    vendors.push_back(fmt::format("{} {}", row.vendor, row.sum.accelerators));
  out += render_facts(
      {{"sites", {std::to_string(stats.sites.size())}},
       {"nodes", {std::to_string(sum.nodes)}},
       {"accelerators", {fmt::format("{} ({})", sum.accelerators, fmt::join(vendors, ", "))}},
       {"bf16, dense",
        {rate_text(sum) + (sum.bf16_unknown > 0 && sum.bf16_gflops > 0
                               ? fmt::format(" ({} accelerators of unknown rate)", sum.bf16_unknown)
                               : "")}},
       {"cores", {share_text(sum.cpus)}},
       {"memory",
        {bytes_text(sum.memory) +
         (sum.accelerator_memory == Bytes(0)
              ? ""
              : fmt::format(", and {} on accelerators", memory_text(sum.accelerator_memory)))}},
       {"power",
        {sum.busy == Watts(0)
             ? ""
             : fmt::format("{} idle, {} all busy", stated(sum.idle), stated(sum.busy))}}},
      2, traits);
  return out + "\n" + type_table(stats, traits) + level_table(stats, traits) +
         site_table(stats, traits);
}

}  // namespace mw
