// The fleets that come with the program, and what fleets add up to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "codec/catalogue_file.h"
#include "codec/embedded_files.h"
#include "codec/fleet_file.h"
#include "codec/fleet_stats.h"

namespace mw {
namespace {

FleetSpec reference(std::string_view name) {
  const auto file = std::ranges::find(kEmbeddedFleets, name, &EmbeddedFile::name);
  if (file == kEmbeddedFleets.end()) {
    ADD_FAILURE() << "no fleet " << name;
    return {};
  }
  auto read = parse_fleet_file(file->text, {.source_name = std::string(name) + ".yaml"});
  EXPECT_TRUE(read.ok()) << read.error().message;
  return read.ok() ? read->fleet : FleetSpec();
}
FleetStats stats_of(std::string_view name) {
  return fleet_stats(reference(name), built_in_catalogue());
}

TEST(Fleets, AllReadBackAsTheyAreWritten) {
  ASSERT_EQ(kEmbeddedFleets.size(), 5U);
  for (const EmbeddedFile& file : kEmbeddedFleets) {
    const FleetSpec fleet = reference(file.name);
    EXPECT_EQ(fleet.name, file.name);
    const auto again = parse_fleet_file(write_fleet_file(fleet), {});
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->fleet, fleet) << file.name;
  }
}

TEST(Fleets, TheLaptopHasEightCores) {
  const FleetStats stats = stats_of("laptop");
  EXPECT_EQ(stats.total.nodes, 1);
  EXPECT_EQ(stats.total.accelerators, 8);
  EXPECT_TRUE(stats.levels.empty());
}

TEST(Fleets, TheDgxPodHas127NodesAndLeavesOf32) {
  const FleetSpec fleet = reference("dgx-pod");
  const FleetStats stats = stats_of("dgx-pod");
  EXPECT_EQ(stats.total.nodes, 127);
  EXPECT_EQ(stats.total.accelerators, 1016);
  EXPECT_EQ(stats.total.busy, Watts(127 * 10'200'000LL));
  EXPECT_EQ(stats.total.bf16_gflops, 1016 * 989'000LL);
  EXPECT_EQ(fleet.sites[0].blocks[0].fabric[0], (FabricGrouping{FabricLevel::kLeaf, 32}));
}

TEST(Fleets, TheHallHas100RacksOf72) {
  const FleetSpec fleet = reference("nvl72-hall");
  const FleetStats stats = stats_of("nvl72-hall");
  EXPECT_EQ(stats.total.accelerators, 7200);
  const FabricGrouping& domain = fleet.sites[0].blocks[0].fabric[0];
  EXPECT_EQ(domain, (FabricGrouping{FabricLevel::kScaleUp, 18}));
  EXPECT_EQ(fleet.shapes[0].accelerators * domain.nodes, 72U);
  ASSERT_EQ(stats.levels[0].level, PowerLevel::kRack);
  EXPECT_EQ(stats.levels[0].power_places, 100);
}

TEST(Fleets, TheCloudHas250000AcceleratorsIn32PlacesAnd1600Megawatts) {
  const FleetSpec fleet = reference("ai-cloud-2025");
  const FleetStats stats = stats_of("ai-cloud-2025");
  EXPECT_EQ(stats.total.accelerators, 250'000);
  EXPECT_EQ(stats.contract, Watts(1'600'000'000'000));
  EXPECT_EQ(fleet.sites.size(), 32U);
  std::set<std::string> states;
  std::set<std::string> others;
  for (const SiteSpec& site : fleet.sites)
    (site.jurisdiction.starts_with("US-") ? states : others).insert(site.jurisdiction);
  EXPECT_EQ(states.size(), 15U);
  EXPECT_THAT(others, testing::ElementsAre("ES", "FI", "GB", "IS", "NO", "SE"));
  EXPECT_GE(stats.vendors.size(), 2U);
  EXPECT_GE(stats.types.size(), 6U);
  // All at once is more than is energised, and far less than is contracted.
  for (const SiteSum& site : stats.sites) {
    EXPECT_GT(site.sum.busy, site.limit) << site.site;
    EXPECT_LT(site.facility, site.contract) << site.site;
  }
}

TEST(Fleets, TheGigawattsAreFourMillionAcceleratorsIn500000Nodes) {
  const FleetStats stats = stats_of("gigawatts-2030");
  EXPECT_EQ(stats.total.accelerators, 4'000'000);
  EXPECT_EQ(stats.total.nodes, 500'000);
  EXPECT_GT(stats.contract, Watts(5'000'000'000'000));
  EXPECT_GT(stats.facility, stats.contract);
  EXPECT_EQ(stats.total.bf16_unknown, 576'000);  // Rubin
}

TEST(FleetStats, PartsAddUp) {
  for (const char* name : {"ai-cloud-2025", "gigawatts-2030"}) {
    const FleetStats stats = stats_of(name);
    std::int64_t of_types = 0;
    std::int64_t of_vendors = 0;
    std::int64_t of_sites = 0;
    Watts busy;
    for (const TypeSum& row : stats.types) of_types += row.sum.accelerators;
    for (const VendorSum& row : stats.vendors) of_vendors += row.sum.accelerators;
    for (const SiteSum& row : stats.sites) {
      of_sites += row.sum.accelerators;
      busy += row.sum.busy;
    }
    EXPECT_EQ(of_types, stats.total.accelerators);
    EXPECT_EQ(of_vendors, stats.total.accelerators);
    EXPECT_EQ(of_sites, stats.total.accelerators);
    EXPECT_EQ(busy, stats.total.busy);
  }
}

TEST(FleetStats, CountsWhatIsBelowEachLevelOfLimits) {
  const auto file = parse_fleet_file(R"(
name: f
shapes: {g: {type: h100, accelerators: 8, cpus: 8, memory: 1TiB, idle: 2kW, accelerator: 1kW}}
sites:
  - name: s
    pue: 1.5
    power_places: [{name: sub, level: substation, power: 1MW}, {name: hall, level: hall, under: sub}]
    blocks:
      - {name: a, count: 2, shape: g, nodes: 10, power_under: hall,
         power_groups: [{level: rack, nodes: 4, power: 30kW, cooling: 50kW}]}
      - {name: b, shape: g, nodes: 5}
)",
                                     {.source_name = "f"});
  ASSERT_TRUE(file.ok()) << file.error().message;
  const FleetStats stats = fleet_stats(file->fleet, file->catalogue);
  ASSERT_EQ(stats.levels.size(), 2U);  // the hall and the site state nothing
  const LevelSum& rack = stats.levels[0];
  EXPECT_EQ(rack.level, PowerLevel::kRack);
  EXPECT_EQ(rack.power_places, 6);  // three of each ten: the last of two nodes
  EXPECT_EQ(rack.power_limit, Watts(180'000'000));
  EXPECT_EQ(rack.power_idle, Watts(40'000'000));
  EXPECT_EQ(rack.power_busy, Watts(200'000'000));
  EXPECT_EQ(rack.cooling_places, 6);
  EXPECT_EQ(rack.cooling_limit, Watts(300'000'000));
  EXPECT_EQ(stats.levels[1].level, PowerLevel::kSubstation);
  EXPECT_EQ(stats.levels[1].power_busy, Watts(200'000'000));
  EXPECT_EQ(stats.sites[0].facility, Watts(375'000'000));
}

}  // namespace
}  // namespace mw
