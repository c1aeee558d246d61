// Fault sources: the rates that were asked for, the whole group at once, the same seed the same
// faults, and a trace exactly as it was recorded.
#include "twin/faults.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "twin/simulation.h"
#include "twin/twin_test_support.h"

namespace mw {
namespace {

using testing::ListedJobs;
using testing::one_hour_job;
using testing::small_fleet;

constexpr Duration kDay = hours(24);

Topology topology_of(const FleetSpec& fleet) {
  Topology topology;
  topology.declare(fleet);
  return topology;
}

/// 64 nodes: leaves of 4, racks of 8 which do not follow the leaves, two halls.
Topology grouped_fleet() {
  FleetSpec fleet = small_fleet(32);
  BlockSpec& block = fleet.sites[0].blocks[0];
  block.power = {{PowerLevel::kRack, 8, {}}, {PowerLevel::kHall, 32, {}}};
  block.count = 2;
  return topology_of(fleet);
}

FaultComponent component(const std::string& name, std::int64_t per_thousand_days) {
  FaultComponent one;
  one.name = name;
  one.rate = per_thousand_days * 1'000'000;
  one.repair = {hours(4), hours(4), {}};
  return one;
}

std::vector<NodeFault> all_of(FaultSource& source) {
  std::vector<NodeFault> all;
  while (auto fault = source.next()) all.push_back(std::move(*fault));
  return all;
}

std::vector<NodeFault> faults_of(const FaultSpec& spec, const Topology& topology,
                                 std::uint64_t seed, Duration length) {
  auto source = open_faults(spec, topology, seed, length);
  EXPECT_TRUE(source.ok()) << source.error().message;
  return all_of(**source);
}

TEST(Faults, ComeAsOftenAsTheirRateSays) {
  const Topology topology = topology_of(small_fleet(1000));
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    // 1,000 nodes x 1,000 days x 4 in a thousand days: 4,000, give or take 63.
    const auto faults = faults_of({{component("gpu", 4)}, {}, {}}, topology, seed, kDay * 1000);
    EXPECT_NEAR(static_cast<double>(faults.size()), 4000, 4 * 63) << "seed " << seed;
    std::map<NodeId, int> by_node;
    Instant last;
    double gaps_squared = 0;
    for (const NodeFault& fault : faults) {
      EXPECT_EQ(fault.nodes.size(), 1U);
      EXPECT_EQ(fault.repair, hours(4));
      EXPECT_GE(fault.at, last);
      const double gap = static_cast<double>((fault.at - last).count()) / 8.64e13;
      gaps_squared += gap * gap;
      last = fault.at;
      ++by_node[fault.nodes[0]];
    }
    EXPECT_LE(last, Instant() + kDay * 1000);
    // Exponential gaps: the mean square is twice the square of the mean, of 1/4 day.
    EXPECT_NEAR(gaps_squared / static_cast<double>(faults.size()), 2.0 / 16, 0.02);
    // Nodes without any: e^-4 of 1,000, which is 18.
    EXPECT_NEAR(1000.0 - static_cast<double>(by_node.size()), 18.3, 4 * 4.3) << "seed " << seed;
  }
}

TEST(Faults, TakeTheWholeGroup) {
  const Topology topology = grouped_fleet();
  const struct {
    FaultScope scope;
    std::size_t groups;
    std::size_t nodes;
  } cases[] = {{FaultScope::kNode, 64, 1}, {FaultScope::kLeaf, 16, 4},  {FaultScope::kRack, 8, 8},
               {FaultScope::kHall, 2, 32}, {FaultScope::kSite, 1, 64},  {FaultScope::kPod, 0, 0},
               {FaultScope::kRow, 0, 0},   {FaultScope::kScaleUp, 0, 0}};
  for (const auto& one : cases) {
    FaultComponent part = component("part", 20);
    part.scope = one.scope;
    const auto faults = faults_of({{part}, {}, {}}, topology, 7, kDay * 100'000);
    EXPECT_EQ(faults.empty(), one.groups == 0) << name_of(one.scope);
    std::set<std::vector<NodeId>> groups;
    std::set<NodeId> nodes;
    for (const NodeFault& fault : faults) {
      EXPECT_EQ(fault.nodes.size(), one.nodes) << name_of(one.scope);
      groups.insert(fault.nodes);
      nodes.insert(fault.nodes.begin(), fault.nodes.end());
    }
    // Every group is struck sooner or later, and they do not overlap.
    EXPECT_EQ(groups.size(), one.groups) << name_of(one.scope);
    EXPECT_EQ(nodes.size(), one.groups * one.nodes) << name_of(one.scope);
  }
}

TEST(Faults, TheNodesOfAGroupStandBelowOneVertex) {
  const Topology topology = grouped_fleet();
  const FaultGroups leaves(topology, FaultScope::kLeaf);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    for (const NodeId node : leaves.nodes(i)) {
      EXPECT_EQ(topology.fabric_of(node), topology.fabric_of(leaves.nodes(i)[0]));
    }
  }
  const FaultGroups racks(topology, FaultScope::kRack);
  for (std::size_t i = 0; i < racks.size(); ++i) {
    for (const NodeId node : racks.nodes(i)) {
      EXPECT_EQ(topology.power_of(node), topology.power_of(racks.nodes(i)[0]));
    }
  }
}

TEST(Faults, TheSameSeedIsTheSameFaultsAndPartsDoNotDisturbOneAnother) {
  const Topology topology = grouped_fleet();
  const FaultSpec one{{component("gpu", 50)}, {}, {}};
  FaultSpec more = one;
  more.components.push_back(component("fan", 50));
  more.maintenance.push_back({"firmware", FaultScope::kRack, kDay * 30, hours(2), hours(6)});
  const auto first = faults_of(one, topology, 5, kDay * 300);
  EXPECT_EQ(first, faults_of(one, topology, 5, kDay * 300));
  EXPECT_NE(first, faults_of(one, topology, 6, kDay * 300));
  std::vector<NodeFault> same;
  Instant last;
  for (NodeFault& fault : faults_of(more, topology, 5, kDay * 300)) {
    EXPECT_GE(fault.known_at(), last);
    last = fault.known_at();
    if (fault.component == "gpu") same.push_back(std::move(fault));
  }
  EXPECT_EQ(first, same);
}

TEST(Faults, MaintenanceTakesEachGroupInTurn) {
  const Topology topology = grouped_fleet();
  const FaultSpec spec{{}, {{"firmware", FaultScope::kRack, kDay * 8, hours(2), hours(6)}}, {}};
  const auto faults = faults_of(spec, topology, 1, kDay * 24);
  // Eight racks in eight days, three times; of the last one's notice and the next one's.
  ASSERT_EQ(faults.size(), 24U);
  for (std::size_t i = 0; i < faults.size(); ++i) {
    EXPECT_EQ(faults[i].at, Instant() + kDay * static_cast<std::int64_t>(i + 1));
    EXPECT_EQ(faults[i].notice, hours(6));
    EXPECT_EQ(faults[i].repair, hours(2));
    EXPECT_TRUE(faults[i].planned);
    EXPECT_EQ(faults[i].nodes, faults[i % 8].nodes);
    if (i % 8 > 0) { EXPECT_NE(faults[i].nodes, faults[i - 1].nodes); }
  }
}

TEST(Faults, RepairsAreSpreadAsTheyWereStated) {
  const struct {
    RepairTime repair;
    double median_h;
    double mean_h;
  } cases[] = {
      {{hours(4), hours(4), {}}, 4, 4},
      {{hours(20), hours(60), {}}, 20, 60},
      {{{}, {}, {hours(0), hours(1), hours(11)}}, 1, 3.25},
  };
  for (const auto& one : cases) {
    Random random(11);
    std::vector<double> drawn;
    double sum = 0;
    for (int i = 0; i < 200'000; ++i) {
      drawn.push_back(static_cast<double>(draw_repair(one.repair, random).count()) / 3.6e12);
      sum += drawn.back();
    }
    std::nth_element(drawn.begin(), drawn.begin() + 100'000, drawn.end());
    EXPECT_NEAR(drawn[100'000], one.median_h, one.median_h * 0.02);
    EXPECT_NEAR(sum / 200'000, one.mean_h, one.mean_h * 0.03);
  }
}

FaultTrace shipped_trace() {
  auto trace = read_fault_trace(MW_TRACES "/infinitehbd/fault_trace_90d.json");
  EXPECT_TRUE(trace.ok()) << trace.error().message;
  return *trace;
}

TEST(FaultReplay, IsExactlyTheTraceOnAFleetOfItsSize) {
  const FaultTrace trace = shipped_trace();
  EXPECT_EQ(trace.faults.size(), 166U);
  EXPECT_EQ(trace.nodes, 81U);
  const Topology topology = topology_of(small_fleet(400));
  const auto source = replayed_faults(trace, 400, topology, 3, trace.length);
  std::map<std::uint32_t, NodeId> places;
  std::set<NodeId> taken;
  std::vector<NodeFault> first_round;
  for (const TraceFault& of : trace.faults) {
    const auto fault = source->next();
    ASSERT_TRUE(fault.has_value());
    EXPECT_EQ(fault->at, Instant() + of.at);
    EXPECT_EQ(fault->repair, of.repair);
    EXPECT_EQ(fault->component, of.component);
    ASSERT_EQ(fault->nodes.size(), 1U);
    const auto [place, is_new] = places.emplace(of.node, fault->nodes[0]);
    EXPECT_EQ(place->second, fault->nodes[0]) << "one server, one node";
    if (is_new) { EXPECT_TRUE(taken.insert(fault->nodes[0]).second); }
    first_round.push_back(*fault);
  }
  EXPECT_FALSE(source->next().has_value());
  // It begins again when it is over.
  const auto endless = replayed_faults(trace, 400, topology, 3, Duration());
  for (int round = 0; round < 3; ++round) {
    for (NodeFault fault : first_round) {
      fault.at = fault.at + trace.length * round;
      EXPECT_EQ(endless->next(), fault);
    }
  }
}

TEST(FaultReplay, IsCutAndRepeatedForOtherSizes) {
  const FaultTrace trace = shipped_trace();
  const auto count = [&](std::uint32_t nodes) {
    const auto faults =
        all_of(*replayed_faults(trace, 400, topology_of(small_fleet(nodes)), 3, trace.length));
    std::map<std::int64_t, int> at_once;
    int most = 0;
    for (const NodeFault& fault : faults) most = std::max(most, ++at_once[fault.at.count()]);
    EXPECT_LE(most, 8) << "copies fail at different times";
    return faults.size();
  };
  EXPECT_EQ(count(400), 166U);
  EXPECT_EQ(count(1200), 3 * 166U);
  EXPECT_NEAR(static_cast<double>(count(200)), 83, 4 * 9);
}

TEST(FaultReplay, ATraceThatCannotBeUsedIsRefused) {
  const Topology topology = topology_of(small_fleet(4));
  FaultSpec spec;
  spec.replay = FaultReplay{MW_TRACES "/infinitehbd/fault_trace_90d.json", 80};
  const auto few = open_faults(spec, topology, 1, kDay);
  ASSERT_FALSE(few.ok());
  EXPECT_THAT(few.error().message,
              ::testing::HasSubstr("at most the 80 nodes that were watched, found those of 81"));
  spec.replay->file = "/nowhere.json";
  const auto none = open_faults(spec, topology, 1, kDay);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

// --- planned maintenance, in the simulation ------------------------------------------------------

NodeFault window(std::int64_t at_s, std::uint32_t node, Duration length, Duration notice) {
  NodeFault fault;
  fault.at = Instant() + seconds(at_s);
  fault.nodes = {NodeId(node)};
  fault.repair = length;
  fault.component = "firmware";
  fault.planned = true;
  fault.notice = notice;
  return fault;
}

struct Ended {
  std::int64_t started_s;
  std::int64_t ended_s;
  std::uint64_t attempts;
  bool operator==(const Ended&) const = default;
};

std::vector<Ended> run(std::vector<WorkloadJob> jobs, std::vector<NodeFault> faults,
                       std::uint32_t nodes) {
  SimulationOptions options;
  options.fleet = small_fleet(nodes);
  std::vector<Ended> rows;
  options.job_row = [&](const JobRow& row) {
    EXPECT_EQ(row.state, "succeeded");
    rows.push_back({row.started.value().count() / 1'000'000'000,
                    row.ended.value().count() / 1'000'000'000, row.attempts});
  };
  ListedJobs workload(std::move(jobs));
  ListedFaults source(std::move(faults));
  Simulation simulation(std::move(options), workload, &source);
  EXPECT_TRUE(simulation.run().ok());
  return rows;
}

TEST(Maintenance, DrainsItsNodeBeforeAndResumesItAfter) {
  // The only node is drained from 7,200 to 14,400 s and down for the second half of that. A job of
  // an hour that is there before ends before its window; one that comes during the notice waits.
  const std::vector<NodeFault> faults = {window(10'800, 0, hours(1), hours(1))};
  const auto rows = run({one_hour_job(5'000), one_hour_job(9'000)}, faults, 1);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], (Ended{5'000, 5'065 + 3'600, 1}));
  EXPECT_GE(rows[1].started_s, 14'400);
  EXPECT_LE(rows[1].started_s, 14'410);
  EXPECT_EQ(rows[1].attempts, 1U) << "it was never started on a node that was to go";
}

TEST(Maintenance, WindowsThatOverlapKeepANodeDrainedUntilTheLastIsOver) {
  const auto rows =
      run({one_hour_job(100)},
          {window(50, 0, hours(1), Duration(0)), window(60, 0, hours(2), Duration(0))}, 1);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_GE(rows[0].started_s, 7'260);
  EXPECT_LE(rows[0].started_s, 7'270);
}

TEST(Maintenance, WhatHasNotEndedByThenStartsAgainElsewhere) {
  const auto rows = run({one_hour_job(0)}, {window(1'800, 0, hours(5), minutes(10))}, 2);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].attempts, 2U);
}

}  // namespace
}  // namespace mw
