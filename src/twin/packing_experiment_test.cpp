// The experiment on a small fleet against a second, naive reckoning that shares nothing with it
// but the order of arrival: own rooms, floating point, no memory of scores.
#include "twin/packing_experiment.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace mw {
namespace {

PackingCase small_case() {
  std::vector<TraceNode> nodes;
  for (int i = 0; i < 6; ++i) {
    const bool big = i % 2 == 0;
    nodes.push_back({"n" + std::to_string(i), CpuShare(big ? 32000 : 12000), Bytes(64'000),
                     big ? 8U : 2U, big ? "G2" : "T4"});
  }
  std::vector<TracePod> pods;
  Random random(11);
  for (int i = 0; i < 28; ++i) {
    TracePod pod{"p" + std::to_string(100 + i),
                 CpuShare(random.between(1, 5) * 1000),
                 Bytes(random.between(1, 4) * 1000),
                 AcceleratorShare(0),
                 {}};
    const auto size = random.below(6);
    if (size == 1) pod.accelerators = AcceleratorShare(810);
    if (size == 2) pod.accelerators = AcceleratorShare(470);
    if (size >= 3) pod.accelerators = AcceleratorShare(1000);
    if (i == 7) pod.accelerators = AcceleratorShare(8000);
    if (i % 9 == 0 && size > 0) pod.types = {"T4"};
    pods.push_back(pod);
  }
  return *packing_case(nodes, pods);
}

struct NaiveNode {
  double cpus;
  double memory;
  std::uint32_t type;
  std::vector<double> devices;
};

bool naive_fits(const NaiveNode& node, const TaskNeed& need, int* device = nullptr) {
  if (node.cpus < static_cast<double>(need.cpus.count())) return false;
  if (node.memory < static_cast<double>(need.memory.count())) return false;
  if (need.types != 0 && (need.types >> node.type) % 2 == 0) return false;
  const auto wanted = static_cast<double>(need.accelerators.count());
  if (wanted == 0) return true;
  int idle = 0;
  int fullest = -1;
  for (int i = 0; i < static_cast<int>(node.devices.size()); ++i) {
    idle += node.devices[i] == 1000;
    if (node.devices[i] >= wanted && (fullest < 0 || node.devices[i] < node.devices[fullest])) {
      fullest = i;
    }
  }
  if (device != nullptr) *device = fullest;
  return wanted < 1000 ? fullest >= 0 : idle * 1000 >= wanted;
}

void naive_take(NaiveNode& node, const TaskNeed& need, int device) {
  node.cpus -= static_cast<double>(need.cpus.count());
  node.memory -= static_cast<double>(need.memory.count());
  auto left = static_cast<double>(need.accelerators.count());
  if (left > 0 && left < 1000) {
    node.devices[device] -= left;
    return;
  }
  for (double& free : node.devices) {
    if (left > 0 && free == 1000) {
      free = 0;
      left -= 1000;
    }
  }
}

/// Allocated percent by percent arrived, with best fit.
std::map<std::int64_t, double> naive_best_fit(const PackingCase& the_case,
                                              const std::vector<std::uint32_t>& arrivals) {
  std::vector<NaiveNode> nodes;
  double capacity = 0;
  for (const std::uint32_t kind : the_case.node_kinds) {
    const NodeKind& k = the_case.kinds[kind];
    nodes.push_back({static_cast<double>(k.cpus.count()), static_cast<double>(k.memory.count()),
                     k.type, std::vector<double>(k.devices, 1000)});
    capacity += 1000.0 * k.devices;
  }
  std::map<std::int64_t, std::pair<double, int>> sums;
  double arrived = 0;
  double used = 0;
  for (const std::uint32_t pod : arrivals) {
    const TaskNeed& need = the_case.pods[pod];
    const auto wanted = static_cast<double>(need.accelerators.count());
    arrived += wanted;
    NaiveNode* best = nullptr;
    double best_score = 0;
    int best_device = -1;
    for (NaiveNode& node : nodes) {
      int device = -1;
      if (!naive_fits(node, need, &device)) continue;
      double idle = -wanted;
      for (const double free : node.devices) idle += free;
      const double cpus = node.cpus - static_cast<double>(need.cpus.count());
      const double score = std::floor((1 - (cpus / 128000 + idle / 8000) / 2) * 100 + 1e-9);
      if (best != nullptr && score <= best_score) continue;
      best = &node;
      best_score = score;
      best_device = device;
    }
    if (best != nullptr) {
      naive_take(*best, need, best_device);
      used += wanted;
    }
    auto& sum = sums[std::llround(100 * arrived / capacity)];
    sum.first += 100 * used / capacity;
    ++sum.second;
  }
  std::map<std::int64_t, double> allocated;
  for (const auto& [percent, sum] : sums) allocated[percent] = sum.first / sum.second;
  return allocated;
}

TEST(PackingExperiment, BestFitAgreesWithANaiveReckoning) {
  const PackingCase the_case = small_case();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto arrivals = packing_arrivals(the_case, seed);
    const auto result =
        run_packing(the_case, arrivals, place_by_ranking(the_case, RankingKind::kBestFit, seed));
    const auto expected = naive_best_fit(the_case, arrivals);
    ASSERT_EQ(result.allocated.size(), expected.size());
    for (const auto& [percent, value] : expected) {
      ASSERT_NEAR(result.allocated.at(percent), value, 1e-9)
          << "seed " << seed << " at " << percent;
    }
    EXPECT_EQ(result.placed + result.refused, arrivals.size());
  }
}

TEST(PackingExperiment, ArrivalsAreAllPodsThenDrawsUpToTheLimit) {
  const PackingCase the_case = small_case();
  const auto arrivals = packing_arrivals(the_case, 42);
  std::vector<int> seen(the_case.pods.size(), 0);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (i < the_case.pods.size()) ++seen[arrivals[i]];
    sum += the_case.pods[arrivals[i]].accelerators.count();
  }
  EXPECT_EQ(seen, std::vector<int>(the_case.pods.size(), 1));
  EXPECT_LE(sum, the_case.capacity.count() * 13 / 10);
  EXPECT_GT(sum, the_case.capacity.count() * 12 / 10 - 8000);
  EXPECT_NE(arrivals, packing_arrivals(the_case, 43));
  EXPECT_EQ(arrivals, packing_arrivals(the_case, 42));
}

TEST(PackingExperiment, EveryPolicyRepeatsItself) {
  const PackingCase the_case = small_case();
  const auto arrivals = packing_arrivals(the_case, 5);
  for (const std::string_view name : EnumNames<RankingKind>::value) {
    const auto kind = *enum_from_name<RankingKind>(name);
    const auto once = run_packing(the_case, arrivals, place_by_ranking(the_case, kind, 9));
    const auto again = run_packing(the_case, arrivals, place_by_ranking(the_case, kind, 9));
    EXPECT_EQ(once.allocated, again.allocated) << name;
    EXPECT_GT(once.placed, 20U) << name;
  }
}

/// The scheduler places a pod exactly when some node has room for it: followed on nodes of the
/// test's own, by what it says has begun where.
TEST(PackingExperiment, TheSchedulerPlacesWhateverFitsAndOnlyThat) {
  const PackingCase the_case = small_case();
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto arrivals = packing_arrivals(the_case, seed);
    std::vector<NaiveNode> nodes;
    for (const std::uint32_t kind : the_case.node_kinds) {
      const NodeKind& k = the_case.kinds[kind];
      nodes.push_back({static_cast<double>(k.cpus.count()), static_cast<double>(k.memory.count()),
                       k.type, std::vector<double>(k.devices, 1000)});
    }
    std::uint64_t refused = 0;
    const auto place = place_by_scheduler(the_case, [&](std::uint32_t pod, const Placement& where) {
      ASSERT_EQ(where.size(), 1U);
      const NodeSlice& slice = *where.begin();
      NaiveNode& node = nodes.at(slice.node.value());
      ASSERT_TRUE(naive_fits(node, the_case.pods[pod])) << "seed " << seed;
      node.cpus -= static_cast<double>(the_case.pods[pod].cpus.count());
      node.memory -= static_cast<double>(the_case.pods[pod].memory.count());
      for (const DeviceShare& each : slice.devices) {
        node.devices.at(each.device) -= static_cast<double>(each.share.count());
        ASSERT_GE(node.devices.at(each.device), 0) << "seed " << seed;
      }
    });
    for (const std::uint32_t pod : arrivals) {
      const bool fits = std::any_of(nodes.begin(), nodes.end(), [&](const NaiveNode& node) {
        return naive_fits(node, the_case.pods[pod]);
      });
      ASSERT_EQ(place(pod), fits) << "seed " << seed;
      refused += fits ? 0 : 1;
    }
    EXPECT_GT(refused, 0U);
  }
}

TEST(PackingExperiment, RefusesListsThatMakeNoSense) {
  EXPECT_EQ(packing_case({}, {}).error().code, ErrorCode::kInvalid);
  const TraceNode node{"n", CpuShare(1), Bytes(1), 1, "T4"};
  EXPECT_EQ(packing_case({node}, {}).error().message, "no pod asks for an accelerator");
  std::vector<TraceNode> many;
  for (int i = 0; i < 70; ++i) {
    many.push_back({"n" + std::to_string(i), CpuShare(1), Bytes(1), 1, "type" + std::to_string(i)});
  }
  EXPECT_FALSE(packing_case(many, {}).ok());
}

}  // namespace
}  // namespace mw
