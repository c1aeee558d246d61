// What a fleet adds up to, from its description alone: no node is unfolded. Figures of a catalogue
// enter only where they are known, and it is said for how many accelerators they are not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"
#include "model/catalogue.h"
#include "model/fleet_spec.h"

namespace mw {

struct FleetSum {
  std::int64_t nodes = 0;
  std::int64_t accelerators = 0;
  std::int64_t bf16_gflops = 0;   ///< dense, in 10^9 a second, of those whose rate is known
  std::int64_t bf16_unknown = 0;  ///< accelerators whose rate is not
  CpuShare cpus;
  Bytes memory;              ///< of the nodes
  Bytes accelerator_memory;  ///< of those whose memory is known
  Watts idle;                ///< nothing runs
  Watts busy;                ///< everything runs
  bool operator==(const FleetSum&) const = default;
  MW_FIELDS(nodes, accelerators, bf16_gflops, bf16_unknown, cpus, memory, accelerator_memory, idle,
            busy)
};

struct TypeSum {
  std::string type;
  std::string vendor;
  FleetSum sum;
  MW_FIELDS(type, vendor, sum)
};
struct VendorSum {
  std::string vendor;
  FleetSum sum;
  MW_FIELDS(vendor, sum)
};
struct SiteSum {
  std::string site;
  std::string jurisdiction;
  std::int64_t pue_milli = 0;
  Watts contract;  ///< at the meter; 0: nothing is stated
  Watts limit;     ///< of the IT load; 0: nothing is stated
  Watts cooling;   ///< the same
  Watts facility;  ///< at the meter when everything runs: busy x PUE
  std::vector<std::string> types;
  FleetSum sum;
  MW_FIELDS(site, jurisdiction, pue_milli, contract, limit, cooling, facility, types, sum)
};
/// All places of one level that state a limit, and what stands below those.
struct LevelSum {
  PowerLevel level = PowerLevel::kRack;
  std::int64_t power_places = 0;
  Watts power_limit;
  Watts power_idle;
  Watts power_busy;  ///< oversubscribed where this is more than the limit
  std::int64_t cooling_places = 0;
  Watts cooling_limit;
  Watts cooling_busy;
  MW_FIELDS(level, power_places, power_limit, power_idle, power_busy, cooling_places, cooling_limit,
            cooling_busy)
};

struct FleetStats {
  std::string fleet;
  FleetSum total;
  Watts contract;  ///< of all sites that state one
  Watts facility;
  std::vector<TypeSum> types;      ///< most accelerators first
  std::vector<VendorSum> vendors;  ///< the same
  std::vector<SiteSum> sites;      ///< as in the file
  std::vector<LevelSum> levels;    ///< from rack to site; those with a limit
  MW_FIELDS(fleet, total, contract, facility, types, vendors, sites, levels)
};

/// REQUIRES: `fleet` came out of parse_fleet_file(), so sums fit.
FleetStats fleet_stats(const FleetSpec& fleet, const Catalogue& catalogue);

std::string write_fleet_stats(const FleetStats& stats);  ///< JSON

/// How many groups of `nodes` a block of `all` nodes has; the last may be cut off.
constexpr std::int64_t groups_in(std::int64_t all, std::int64_t nodes) {
  return (all + nodes - 1) / nodes;
}

}  // namespace mw
