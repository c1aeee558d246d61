// Laws of ranking over random fleets and demands, and a naive second opinion for what is
// remembered: choosing with a memory must be choosing without one.
#include "core/ranked_nodes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace mw {
namespace {

constexpr std::array<RankingKind, 5> kAllKinds = {RankingKind::kRandom, RankingKind::kPacking,
                                                  RankingKind::kBestFit, RankingKind::kFgd,
                                                  RankingKind::kMillwright};

TaskNeed share(std::int64_t milli, std::int64_t cpus, std::int64_t memory = 1, TypeSet types = 0) {
  return {AcceleratorShare(milli), CpuShare(cpus * 1000), Bytes(memory), types};
}

struct World {
  std::vector<NodeKind> kinds;
  std::vector<std::uint32_t> nodes;
  std::vector<TaskNeed> arrivals;
};

World random_world(Random& random) {
  World world;
  for (std::uint32_t kind = 0; kind < 4; ++kind) {
    world.kinds.push_back({static_cast<std::uint32_t>(random.below(3)),
                           static_cast<std::uint32_t>(random.below(9)),
                           CpuShare(random.between(8, 96) * 1000), Bytes(random.between(10, 400))});
  }
  for (int node = 0; node < 12; ++node) {
    world.nodes.push_back(static_cast<std::uint32_t>(random.below(world.kinds.size())));
  }
  std::vector<TaskNeed> shapes;
  for (int i = 0; i < 10; ++i) {
    const auto size = random.below(5);
    const std::int64_t milli = size == 0   ? 0
                               : size <= 2 ? random.between(1, 99) * 10
                                           : 1000 * (std::int64_t{1} << random.below(4));
    shapes.push_back(share(milli, random.between(0, 20), random.between(0, 60),
                           random.chance(1, 4) ? 1 + random.below(7) : 0));
  }
  for (int i = 0; i < 150; ++i) world.arrivals.push_back(shapes[random.below(shapes.size())]);
  return world;
}

/// Ours, from scratch: no memory, no early end.
std::optional<NodeChoice> naive_millwright(const RankedNodes& nodes, const TaskNeed& need) {
  std::optional<NodeChoice> best;
  std::int64_t best_cost = std::numeric_limits<std::int64_t>::max();
  const auto value = [&](const NodeRoom& room) {
    return fill_value(nodes.outlook(), room) + price_value(nodes.outlook(), room);
  };
  for (std::uint32_t node = 0; node < nodes.rooms().size(); ++node) {
    const NodeRoom& room = nodes.rooms()[node];
    if (!fits(room, need)) continue;
    for (std::uint32_t device = 0; device < std::max<std::size_t>(room.devices.size(), 1);
         ++device) {
      if (need.shares_device() && room.devices[device] < need.accelerators) continue;
      NodeRoom after = room;
      take(after, need, device);
      const std::int64_t cost = value(room) - value(after);
      if (cost < best_cost) {
        best_cost = cost;
        best = NodeChoice{node, need.shares_device() ? device : 0};
      }
      if (!need.shares_device()) break;
    }
  }
  return best;
}

/// The supply counted afresh.
Supply counted(const RankedNodes& nodes) {
  Supply supply = nodes.supply();
  std::fill(supply.empty_by_kind.begin(), supply.empty_by_kind.end(), 0);
  std::fill(supply.idle_by_type.begin(), supply.idle_by_type.end(), AcceleratorShare(0));
  for (auto& [need, tasks] : supply.room_for_wide) tasks = 0;
  for (const NodeRoom& room : nodes.rooms()) {
    supply.empty_by_kind[room.kind] += room.empty ? 1 : 0;
    supply.idle_by_type[room.type] += idle(room);
    for (auto& [need, tasks] : supply.room_for_wide) tasks += fitting(room, need);
  }
  return supply;
}

TEST(RankedNodes, PlacesWhatFitsAndNothingElseOverRandomWorlds) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    for (const RankingKind kind : kAllKinds) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " " + std::string(name_of(kind)));
      Random random(seed);
      const World world = random_world(random);
      RankedNodes nodes({kind, seed, typical_needs(world.arrivals)}, world.kinds, world.nodes);
      for (const TaskNeed& need : world.arrivals) {
        nodes.observe(need);
        bool anywhere = false;
        for (const NodeRoom& room : nodes.rooms()) anywhere = anywhere || fits(room, need);
        const auto choice = nodes.choose(need);
        ASSERT_EQ(choice.has_value(), anywhere);
        if (!choice) continue;
        const NodeRoom before = nodes.rooms()[choice->node];
        ASSERT_TRUE(fits(before, need));
        const auto devices = nodes.place(need, *choice);
        const NodeRoom& after = nodes.rooms()[choice->node];
        ASSERT_EQ(after.cpus + need.cpus, before.cpus);
        ASSERT_EQ(after.memory + need.memory, before.memory);
        ASSERT_EQ(idle(after) + need.accelerators, idle(before));
        ASSERT_GE(after.cpus.count(), 0);
        ASSERT_GE(after.memory.count(), 0);
        for (const AcceleratorShare left : after.devices) ASSERT_GE(left.count(), 0);
        ASSERT_EQ(devices.size(),
                  need.shares_device() ? 1U : static_cast<std::size_t>(need.whole_devices()));
      }
    }
  }
}

TEST(RankedNodes, RememberingChangesNoChoice) {
  for (std::uint64_t seed = 100; seed < 115; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const World world = random_world(random);
    RankedNodes nodes({}, world.kinds, world.nodes);
    for (const TaskNeed& need : world.arrivals) {
      nodes.observe(need);
      const auto choice = nodes.choose(need);
      ASSERT_EQ(choice, naive_millwright(nodes, need));
      if (choice) nodes.place(need, *choice);
      ASSERT_EQ(nodes.supply(), counted(nodes));
    }
  }
}

TEST(RankedNodes, ARoomGivenFromOutsideCountsLikeAPlacement) {
  const std::vector<NodeKind> kinds = {{0, 2, CpuShare(16000), Bytes(100)}};
  RankedNodes nodes({}, kinds, {0, 0});
  nodes.observe(share(2000, 1));
  NodeRoom room = nodes.rooms()[0];
  take(room, share(500, 1), 1);
  nodes.set_room(0, room);
  EXPECT_EQ(nodes.supply(), counted(nodes));
  EXPECT_EQ(nodes.supply().room_for_wide.at(share(2000, 1)), 1);
  EXPECT_EQ(nodes.choose(share(2000, 1))->node, 1U);
}

// A pod with a share of 0.3 has a full device with 0.3 left, a half full one, and an idle node. Who
// has seen pairs of 0.7 and 0.3 puts it where nothing is wasted.
TEST(RankedNodes, FillsTheGapThatNothingElseFits) {
  const std::vector<NodeKind> kinds = {{0, 1, CpuShare(16000), Bytes(100)}};
  RankedNodes nodes({}, kinds, {0, 0, 0});
  for (int i = 0; i < 20; ++i) {
    nodes.observe(share(700, 1));
    nodes.observe(share(300, 1));
  }
  nodes.place(share(700, 1), {1, 0});
  EXPECT_EQ(nodes.choose(share(300, 1))->node, 1U);
}

// Nodes whose CPUs have run out strand their accelerators: CPU-only tasks go where there is no
// accelerator to strand.
TEST(RankedNodes, KeepsCpusForTheAcceleratorsThatNeedThem) {
  const std::vector<NodeKind> kinds = {{0, 8, CpuShare(16000), Bytes(100)},
                                       {1, 1, CpuShare(64000), Bytes(100)}};
  RankedNodes nodes({}, kinds, {0, 1});
  for (int i = 0; i < 20; ++i) nodes.observe(share(1000, 2));
  EXPECT_EQ(nodes.choose(share(0, 8))->node, 1U);
}

// Types that some tasks insist on are left to them.
TEST(RankedNodes, LeavesScarceTypesToThoseWhoNeedThem) {
  const std::vector<NodeKind> kinds = {{0, 4, CpuShare(64000), Bytes(100)},
                                       {1, 4, CpuShare(64000), Bytes(100)}};
  RankedNodes nodes({}, kinds, {0, 1});
  for (int i = 0; i < 10; ++i) {
    nodes.observe(share(1000, 1));
    nodes.observe(share(1000, 1, 1, 1));
  }
  EXPECT_EQ(nodes.choose(share(1000, 1))->node, 1U);
}

TEST(Ranking, FgdScoreIsTheSigmoidCutOff) {
  const std::vector<NeedCount> typical = {{share(1000, 0, 0), 3}, {share(300, 0, 0), 2}};
  Random random(7);
  for (int i = 0; i < 500; ++i) {
    NodeRoom room = empty_room({0, 4, CpuShare(64000), Bytes(1000)}, 0);
    for (AcceleratorShare& device : room.devices)
      device = AcceleratorShare(random.between(0, 20) * 50);
    const TaskNeed need = share(random.between(1, 19) * 50, 1);
    if (!fits(room, need)) continue;
    double best = -1;
    for (std::size_t device = 0; device < 4; ++device) {
      if (room.devices[device] < need.accelerators) continue;
      NodeRoom after = room;
      take(after, need, device);
      const double less =
          static_cast<double>(fragmentation(typical, room) - fragmentation(typical, after)) / 5;
      best = std::max(best, std::floor(100 / (1 + std::exp(-less / 1000))));
    }
    ASSERT_EQ(fgd_cost(typical, room, need).cost, 100 - static_cast<std::int64_t>(best));
  }
}

TEST(Ranking, TypicalNeedsCoverNinetyFiveOfAHundred) {
  std::vector<TaskNeed> all(90, share(1000, 4, 1));
  all.insert(all.end(), 6, share(500, 4, 1));
  all.insert(all.end(), 4, share(250, 4, 1));
  const auto typical = typical_needs(all);
  ASSERT_EQ(typical.size(), 2U);
  EXPECT_EQ(typical[0].need.accelerators.count(), 1000);
  EXPECT_EQ(typical[1].count, 6U);
}

TEST(DemandOutlook, CountsAreExactAndBounded) {
  DemandOutlook outlook;
  for (std::int64_t i = 0; i < 3000; ++i) {
    observe(outlook, share(10 * (1 + i % 7), 1));
    if (i % 3 == 0) observe(outlook, share(1000, i));
  }
  EXPECT_LE(outlook.needs.size(), kOutlookNeedsMax);
  std::uint64_t sum = 0;
  AcceleratorShare accelerators;
  for (const NeedCount& entry : outlook.needs) {
    sum += entry.count;
    accelerators += entry.need.accelerators * static_cast<std::int64_t>(entry.count);
  }
  EXPECT_EQ(outlook.seen, sum);
  EXPECT_EQ(outlook.accelerators_seen, accelerators);
  // The frequent ones are kept, all of them.
  EXPECT_EQ(outlook.needs.front().need.accelerators.count(), 10);
  EXPECT_EQ(outlook.needs.front().count, 429U);
}

TEST(DemandOutlook, TheSameHistoryGivesTheSameOutlook) {
  const auto made = [] {
    DemandOutlook outlook;
    Random random(3);
    for (int i = 0; i < 500; ++i) observe(outlook, share(random.between(1, 9) * 100, 2));
    return outlook;
  };
  EXPECT_EQ(made(), made());
}

}  // namespace
}  // namespace mw
