// What is likely to come, judged by what has come: the shapes seen so far with their counts, a
// sample of them in random order, and prices of room that is scarcer than the demand for it.
// A plain value that changes only when demand is observed or repriced, so it can be part of the
// state: the same history gives the same outlook, and the same outlook ranks the same way.
//
// The sample is what makes ranking see ahead. A node's room is worth what the sampled arrivals,
// in their order, would make of it: odd ends of devices that nothing fits, and CPUs that run out
// before the devices do, show by themselves, without a rule for either.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/fields.h"
#include "core/node_room.h"
#include "model/policy.h"

namespace mw {

/// How often a need was seen.
struct NeedCount {
  TaskNeed need;
  std::uint64_t count = 0;
  bool operator==(const NeedCount&) const = default;
  MW_FIELDS(need, count)
};

/// The price of the room for one more task of a wide need.
struct NeedPrice {
  TaskNeed need;
  std::int64_t price = 0;
  bool operator==(const NeedPrice&) const = default;
  MW_FIELDS(need, price)
};

/// How many imagined sequences of arrivals there are. More is finer and slower: 8 loses about
/// 0.1 points of allocation in docs/experiments.md, 64 gains less than 0.05.
inline constexpr std::uint32_t kOutlookSamples = 16;
/// Arrivals of a sequence that a node is offered for each of its devices: enough to fill it.
inline constexpr std::uint32_t kOutlookDrawsPerDevice = 8;
/// Length of a sequence. A node with more than 16 devices is offered this much and no more, so that
/// its value stays cheap to compute.
inline constexpr std::uint32_t kOutlookLength = 128;
/// Different needs that are remembered. When there are more, those seen least often are forgotten.
inline constexpr std::size_t kOutlookNeedsMax = 1024;
/// Observations after which all counts are halved, so that the outlook follows the demand.
inline constexpr std::uint64_t kOutlookSeenMax = 1U << 20U;

/// Values and prices are in thousandths of an accelerator times kOutlookSamples.
struct DemandOutlook {
  std::vector<NeedCount> needs;  ///< sorted by need
  std::uint64_t seen = 0;        ///< sum of the counts
  AcceleratorShare accelerators_seen;
  std::uint64_t next_sample_at = 1;  ///< sampled again when so many were seen
  // The sample: kOutlookSamples rows of kOutlookLength indexes into sampled_needs.
  std::vector<TaskNeed> sampled_needs;
  std::vector<std::uint32_t> samples;
  // Prices in force.
  std::vector<NeedPrice> wide_prices;
  std::vector<std::int64_t> type_prices;   ///< by type, of one thousandth of a device (x 2^16)
  std::vector<std::int64_t> empty_prices;  ///< by kind, of a node on which nothing is placed
  // For whoever remembers what follows from the sample, or from sample and prices: another number
  // whenever they change, by what they changed to.
  std::uint64_t sample_mark = 0;
  std::uint64_t mark = 0;
  bool operator==(const DemandOutlook&) const = default;
  MW_FIELDS(needs, seen, accelerators_seen, next_sample_at, sampled_needs, samples, wide_prices,
            type_prices, empty_prices, sample_mark, mark)
};

/// What there is, in sums over the fleet that the prices need.
struct Supply {
  std::vector<NodeKind> kinds;
  std::vector<std::int64_t> empty_by_kind;
  std::vector<AcceleratorShare> idle_by_type;      ///< kTypesMax of them
  std::map<TaskNeed, std::int64_t> room_for_wide;  ///< tasks that would fit, node by node
  [[nodiscard]] AcceleratorShare idle() const;
  bool operator==(const Supply&) const = default;
};

/// True for a need that only some room can meet, so that the supply counts that room: two or
/// more whole devices on one node.
bool is_wide(const TaskNeed& need);

/// So many more tasks of that need were asked for.
/// Result: true when the sample changed, and with it every value.
bool observe(DemandOutlook& outlook, const TaskNeed& need, std::uint64_t tasks = 1);

/// Makes prices follow the supply. Small changes are let pass, because every change makes cached
/// values stale.  Result: true when a price changed.
bool reprice(DemandOutlook& outlook, const Supply& supply, const RankingRules& rules = {});

/// Something that values depend on has changed though the outlook has not.
void set_mark(DemandOutlook& outlook);

/// What the sampled arrivals would allocate of the room: the sum over the samples.
/// Cost: O(kOutlookSamples x draws x devices), about 10 microseconds for 8 devices.
std::int64_t fill_value(const DemandOutlook& outlook, const NodeRoom& room);
/// What the room costs by the prices in force.
std::int64_t price_value(const DemandOutlook& outlook, const NodeRoom& room);

}  // namespace mw
