#include "core/demand_outlook.h"

#include <algorithm>

#include "base/check.h"
#include "base/random.h"

namespace mw {
namespace {

constexpr std::int64_t kOne = 1 << 16;  // ratios are in parts of this
// Any fixed number: the sample has to be unbiased and repeatable, not secret.
constexpr std::uint64_t kSampleSeed = 12345;

__extension__ using Wide = __int128;

std::uint64_t mixed(std::uint64_t sum, std::uint64_t word) { return Random(sum ^ word).next(); }

/// Makes the sums agree with the counts again.
void sum_up(DemandOutlook& outlook) {
  outlook.seen = 0;
  outlook.accelerators_seen = AcceleratorShare(0);
  for (const NeedCount& entry : outlook.needs) {
    outlook.seen += entry.count;
    outlook.accelerators_seen += entry.need.accelerators * static_cast<std::int64_t>(entry.count);
  }
}

void halve_counts(DemandOutlook& outlook) {
  for (NeedCount& entry : outlook.needs) entry.count /= 2;
  std::erase_if(outlook.needs, [](const NeedCount& entry) { return entry.count == 0; });
  sum_up(outlook);
  outlook.next_sample_at = outlook.seen + 1;
}

/// Forgets the needs seen least often until three quarters of the limit are left, so that it is not
/// done again at once; among equals the larger ones go.
void forget_rarest(DemandOutlook& outlook) {
  std::vector<NeedCount> kept = outlook.needs;
  std::stable_sort(kept.begin(), kept.end(),
                   [](const NeedCount& a, const NeedCount& b) { return a.count > b.count; });
  kept.resize(kOutlookNeedsMax / 4 * 3);
  std::sort(kept.begin(), kept.end(),
            [](const NeedCount& a, const NeedCount& b) { return a.need < b.need; });
  outlook.needs = std::move(kept);
  sum_up(outlook);
}

void draw_samples(DemandOutlook& outlook) {
  outlook.sampled_needs.clear();
  std::vector<std::uint64_t> up_to;  // running sums of the counts
  std::uint64_t sum = 0;
  for (const NeedCount& entry : outlook.needs) {
    outlook.sampled_needs.push_back(entry.need);
    up_to.push_back(sum += entry.count);
  }
  Random random(kSampleSeed);
  outlook.samples.resize(std::size_t{kOutlookSamples} * kOutlookLength);
  for (std::uint32_t& index : outlook.samples) {
    const auto found = std::upper_bound(up_to.begin(), up_to.end(), random.below(sum));
    index = static_cast<std::uint32_t>(found - up_to.begin());
    outlook.sample_mark = mixed(outlook.sample_mark, index);
  }
  for (const TaskNeed& need : outlook.sampled_needs) {
    for (const std::int64_t word : {need.accelerators.count(), need.cpus.count(),
                                    need.memory.count(), static_cast<std::int64_t>(need.types)}) {
      outlook.sample_mark = mixed(outlook.sample_mark, static_cast<std::uint64_t>(word));
    }
  }
  set_mark(outlook);
}

/// (demand / supply)^2 in parts of kOne, at most 1. Squared, because room is in danger only when
/// demand comes near supply: the likelihood that it runs out falls off faster than the ratio.
std::int64_t scarcity(Wide demand, Wide supply) {
  if (demand <= 0) return 0;
  if (demand >= supply) return kOne;
  const auto ratio = static_cast<std::int64_t>(demand * kOne / supply);
  return ratio * ratio / kOne;
}

/// A change below a tenth, or below one thousandth of a device, is let pass.
bool differs(std::int64_t before, std::int64_t after, std::int64_t unit) {
  return std::max(before - after, after - before) > std::max(before, after) / 10 + unit;
}

/// Prices of the types that some needs insist on: by how much of what is idle there, and in the
/// types that would do as well, those needs would take.
std::vector<std::int64_t> prices_of_types(const DemandOutlook& outlook, const Supply& supply) {
  std::vector<std::int64_t> prices(kTypesMax, 0);
  std::map<TypeSet, Wide> demand;
  for (const NeedCount& entry : outlook.needs) {
    if (entry.need.types == 0) continue;
    demand[entry.need.types] += Wide(entry.need.accelerators.count()) * Wide(entry.count);
  }
  const Wide idle = supply.idle().count();
  for (const auto& [types, unused] : demand) {
    Wide wanted = 0;  // by all who can go nowhere else
    for (const auto& [others, amount] : demand) {
      if ((others & types) == others) wanted += amount;
    }
    Wide there = 0;
    for (std::uint32_t type = 0; type < kTypesMax; ++type) {
      if (((types >> type) & 1U) != 0) there += supply.idle_by_type[type].count();
    }
    const std::int64_t price = scarcity(wanted * idle, there * outlook.accelerators_seen.count());
    for (std::uint32_t type = 0; type < kTypesMax; ++type) {
      if (((types >> type) & 1U) != 0) prices[type] += price;
    }
  }
  return prices;
}

std::vector<NeedPrice> prices_of_wide(const DemandOutlook& outlook, const Supply& supply) {
  std::vector<NeedPrice> prices;
  const Wide idle = supply.idle().count();
  for (const NeedCount& entry : outlook.needs) {
    if (!is_wide(entry.need)) continue;
    const auto room = supply.room_for_wide.find(entry.need);
    if (room == supply.room_for_wide.end() || room->second == 0) continue;
    const std::int64_t scarce =
        scarcity(Wide(entry.count) * idle, Wide(room->second) * outlook.accelerators_seen.count());
    prices.push_back(
        {entry.need, entry.need.accelerators.count() * kOutlookSamples * scarce / kOne});
  }
  return prices;
}

/// As if one task that needs a whole empty node had been seen for each kind, because what has not
/// been seen yet may still come. Fades as more is seen.
std::vector<std::int64_t> prices_of_empty(const DemandOutlook& outlook, const Supply& supply) {
  std::vector<std::int64_t> prices;
  const Wide idle = supply.idle().count();
  for (std::size_t kind = 0; kind < supply.kinds.size(); ++kind) {
    // As many tasks more as the idle devices hold, and of them one in seen + 1 of that size.
    const Wide per_task = Wide(outlook.accelerators_seen.count()) * Wide(outlook.seen + 1) /
                          Wide(std::max<std::uint64_t>(outlook.seen, 1));
    const std::int64_t scarce = supply.empty_by_kind[kind] == 0
                                    ? 0
                                    : scarcity(idle, Wide(supply.empty_by_kind[kind]) * per_task);
    prices.push_back(std::int64_t{supply.kinds[kind].devices} * kWholeAccelerator.count() *
                     kOutlookSamples * scarce / kOne);
  }
  return prices;
}

bool any_differs(const std::vector<std::int64_t>& before, const std::vector<std::int64_t>& after,
                 std::int64_t unit) {
  if (before.size() != after.size()) return true;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (differs(before[i], after[i], unit)) return true;
  }
  return false;
}

bool any_differs(const std::vector<NeedPrice>& before, const std::vector<NeedPrice>& after) {
  if (before.size() != after.size()) return true;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].need != after[i].need) return true;
    if (differs(before[i].price, after[i].price, kOutlookSamples)) return true;
  }
  return false;
}

/// Offers one sampled sequence to a copy of the room; what it allocates.
std::int64_t filled_by(std::span<const std::uint32_t> sequence, const std::vector<TaskNeed>& needs,
                       std::uint32_t draws, std::int64_t idle_at_first, NodeRoom& room) {
  std::int64_t filled = 0;
  for (std::uint32_t draw = 0; draw < draws && filled < idle_at_first; ++draw) {
    const TaskNeed& need = needs[sequence[draw]];
    if (need.cpus > room.cpus || need.memory > room.memory || !allows(need, room.type)) continue;
    if (need.shares_device()) {
      const auto device = fullest_device(room, need.accelerators);
      if (!device) continue;
      room.devices[*device] -= need.accelerators;
    } else {
      std::int64_t left = need.whole_devices();
      if (left > std::count(room.devices.begin(), room.devices.end(), kWholeAccelerator)) continue;
      for (AcceleratorShare& device : room.devices) {
        if (left == 0) break;
        if (device != kWholeAccelerator) continue;
        device = AcceleratorShare(0);
        --left;
      }
    }
    room.cpus -= need.cpus;
    room.memory -= need.memory;
    filled += need.accelerators.count();
  }
  return filled;
}

}  // namespace

AcceleratorShare Supply::idle() const {
  AcceleratorShare sum;
  for (const AcceleratorShare there : idle_by_type) sum += there;
  return sum;
}

bool is_wide(const TaskNeed& need) { return need.whole_devices() >= 2; }

void set_mark(DemandOutlook& outlook) { outlook.mark = mixed(outlook.mark, outlook.sample_mark); }

bool observe(DemandOutlook& outlook, const TaskNeed& need, std::uint64_t tasks) {
  const auto before = [](const NeedCount& entry, const TaskNeed& key) { return entry.need < key; };
  auto found = std::lower_bound(outlook.needs.begin(), outlook.needs.end(), need, before);
  if (found == outlook.needs.end() || found->need != need) {
    found = outlook.needs.insert(found, NeedCount{need, 0});
  }
  // One submission does not push all others out of sight.
  tasks = std::min(tasks, kOutlookSeenMax / 4);
  found->count += tasks;
  outlook.seen += tasks;
  outlook.accelerators_seen += need.accelerators * static_cast<std::int64_t>(tasks);
  if (outlook.seen > kOutlookSeenMax) halve_counts(outlook);
  if (outlook.needs.size() > kOutlookNeedsMax) forget_rarest(outlook);
  if (outlook.seen < outlook.next_sample_at) return false;
  // Half as much again: each sample stands on clearly more than the one before, and there are few.
  outlook.next_sample_at = outlook.seen + std::max<std::uint64_t>(outlook.seen / 2, 1);
  draw_samples(outlook);
  return true;
}

bool reprice(DemandOutlook& outlook, const Supply& supply, const RankingRules& rules) {
  MW_CHECK(supply.idle_by_type.size() == kTypesMax);
  std::vector<NeedPrice> wide = prices_of_wide(outlook, supply);
  std::vector<std::int64_t> types = prices_of_types(outlook, supply);
  std::vector<std::int64_t> empty = prices_of_empty(outlook, supply);
  for (NeedPrice& each : wide) each.price = each.price * rules.whole_percent / 100;
  for (std::int64_t& price : types) price = price * rules.type_percent / 100;
  for (std::int64_t& price : empty) price = price * rules.empty_percent / 100;
  if (!any_differs(outlook.wide_prices, wide) &&
      !any_differs(outlook.type_prices, types, kOne / 1000) &&
      !any_differs(outlook.empty_prices, empty, kOutlookSamples)) {
    return false;
  }
  outlook.wide_prices = std::move(wide);
  outlook.type_prices = std::move(types);
  outlook.empty_prices = std::move(empty);
  const auto mark = [&](std::int64_t price) {
    outlook.mark = mixed(outlook.mark, static_cast<std::uint64_t>(price));
  };
  for (const NeedPrice& each : outlook.wide_prices) mark(each.price);
  for (const std::int64_t price : outlook.type_prices) mark(price);
  for (const std::int64_t price : outlook.empty_prices) mark(price);
  return true;
}

std::int64_t fill_value(const DemandOutlook& outlook, const NodeRoom& room) {
  const std::int64_t idle_now = idle(room).count();
  if (idle_now == 0 || outlook.samples.empty()) return 0;
  const auto draws = static_cast<std::uint32_t>(
      std::min<std::size_t>(room.devices.size() * kOutlookDrawsPerDevice, kOutlookLength));
  std::int64_t value = 0;
  NodeRoom imagined = room;
  for (std::uint32_t row = 0; row < kOutlookSamples; ++row) {
    imagined.cpus = room.cpus;
    imagined.memory = room.memory;
    std::copy(room.devices.begin(), room.devices.end(), imagined.devices.begin());
    value += filled_by(
        std::span(outlook.samples).subspan(std::size_t{row} * kOutlookLength, kOutlookLength),
        outlook.sampled_needs, draws, idle_now, imagined);
  }
  return value;
}

std::int64_t price_value(const DemandOutlook& outlook, const NodeRoom& room) {
  std::int64_t value = 0;
  for (const NeedPrice& wide : outlook.wide_prices) {
    if (wide.price > 0) value += wide.price * fitting(room, wide.need);
  }
  if (room.type < outlook.type_prices.size()) {
    value += outlook.type_prices[room.type] * idle(room).count() * kOutlookSamples / kOne;
  }
  if (room.empty && room.kind < outlook.empty_prices.size()) {
    value += outlook.empty_prices[room.kind];
  }
  return value;
}

}  // namespace mw
