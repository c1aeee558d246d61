// Which node a one-node task should take. Each kind of ranking gives a cost to a node, smaller is
// better, ties go to the lower node; all of them place a task that fits anywhere. `kMillwright` is
// ours; the others repeat published policies, to be compared with on equal terms.
// Source of the others: the simulator of FGD (Weng et al., ATC'23, hkust-adsl/
// kubernetes-scheduler-simulator), as docs/experiments.md describes them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/fields.h"
#include "core/demand_outlook.h"
#include "core/node_room.h"

namespace mw {

enum class RankingKind : std::uint8_t {
  kRandom,      ///< any node with room, any device with room
  kPacking,     ///< shared devices first, then used nodes, then idle ones
  kBestFit,     ///< the least CPU and accelerator left over
  kFgd,         ///< the least growth of expected fragmentation; knows how often each need comes
  kMillwright,  ///< the least loss of what sampled arrivals could use, and of scarce room
};
template <>
struct EnumNames<RankingKind> {
  static constexpr std::array<std::string_view, 5> value = {"random", "packing", "bestfit", "fgd",
                                                            "millwright"};
};

/// What a placement on one node costs, and the device for a share.
struct NodeCost {
  std::int64_t cost = 0;
  std::uint32_t device = 0;  ///< meaningful for a share only
  bool operator==(const NodeCost&) const = default;
};

/// GPU packing: 0..100, as published.
NodeCost packing_cost(const NodeRoom& room, const TaskNeed& need);
/// Best fit over CPU and accelerators, normalised to 128 CPUs and 8 accelerators, in whole
/// hundredths, as published.
NodeCost best_fit_cost(const NodeRoom& room, const TaskNeed& need);

/// The needs that FGD takes for typical: the most frequent that together cover 95 %. Memory does
/// not count.
std::vector<NeedCount> typical_needs(std::span<const TaskNeed> all);
/// Expected fragmentation times the sum of the counts: what is idle on the node and of no use to a
/// need, summed over the typical ones by their counts.
std::int64_t fragmentation(std::span<const NeedCount> typical, const NodeRoom& room);
/// 100 less the published score.
NodeCost fgd_cost(std::span<const NeedCount> typical, const NodeRoom& room, const TaskNeed& need);

// All costs above REQUIRE fits(room, need).

/// The least of cost_on(device) over the devices that have room for a share of one; the first among
/// equals. For whole devices there is nothing to choose.  REQUIRES: fits(room, need).
template <class CostOn>
NodeCost cheapest_device(const NodeRoom& room, const TaskNeed& need, CostOn&& cost_on) {
  if (!need.shares_device()) return {cost_on(0), 0};
  std::optional<NodeCost> best;
  for (std::uint32_t device = 0; device < room.devices.size(); ++device) {
    if (room.devices[device] < need.accelerators) continue;
    // Devices with the same left are alike: the first of them stands for all.
    const auto end = room.devices.begin() + device;
    if (std::find(room.devices.begin(), end, room.devices[device]) != end) continue;
    const std::int64_t cost = cost_on(device);
    if (!best || cost < best->cost) best = NodeCost{cost, device};
  }
  MW_CHECK(best.has_value());
  return *best;
}

}  // namespace mw
