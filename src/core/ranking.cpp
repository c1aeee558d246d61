#include "core/ranking.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace mw {
namespace {

constexpr std::int64_t kScoreMax = 100;

/// Entry i is 10^9 ln(k / (100 - k)) for k = 51 + i: from where on floor(100 sigmoid(x)) is k.
/// A table instead of exp(), so that every machine rounds alike.
constexpr std::array<std::int64_t, 49> kSigmoidSteps = {
    40005335,   80042708,   120144312,  160342650,  200670695,  241162057,  281851152,
    322773392,  363965377,  405465108,  447312218,  489548225,  532216814,  575364145,
    619039208,  663294217,  708185058,  753771802,  800119300,  847297860,  895384047,
    944461609,  994622575,  1045968555, 1098612289, 1152679510, 1208311206, 1265666373,
    1324925415, 1386294361, 1450010176, 1516347489, 1585627264, 1658228077, 1734601055,
    1815289967, 1900958761, 1992430165, 2090741097, 2197224577, 2313634929, 2442347035,
    2586689344, 2751535313, 2944438979, 3178053830, 3476098690, 3891820298, 4595119850};

/// floor(100 sigmoid(x)) for x = numerator / denominator.  REQUIRES: denominator > 0.
std::int64_t sigmoid_score(std::int64_t numerator, std::int64_t denominator) {
  __extension__ using Wide = __int128;
  const Wide scaled = Wide(numerator) * 1'000'000'000;
  if (numerator >= 0) {
    std::int64_t score = 50;
    for (const std::int64_t step : kSigmoidSteps) score += scaled >= Wide(step) * denominator;
    return score;
  }
  // sigmoid(-x) = 1 - sigmoid(x): a step is passed downwards at minus its mirror image.
  std::int64_t score = 49;
  for (const std::int64_t step : kSigmoidSteps) score -= scaled < -Wide(step) * denominator;
  return score;
}

std::uint32_t device_or_zero(const NodeRoom& room, const TaskNeed& need) {
  if (!need.shares_device()) return 0;
  return static_cast<std::uint32_t>(fullest_device(room, need.accelerators).value_or(0));
}

}  // namespace

NodeCost packing_cost(const NodeRoom& room, const TaskNeed& need) {
  const std::uint32_t device = device_or_zero(room, need);
  if (need.accelerators.count() == 0) return {kScoreMax, device};
  const auto idle_devices = std::count(room.devices.begin(), room.devices.end(), kWholeAccelerator);
  if (idle_devices == static_cast<std::int64_t>(room.devices.size())) {
    return {kScoreMax - std::max<std::int64_t>(kScoreMax / 3 - idle_devices, idle_devices), device};
  }
  if (need.shares_device() && room.devices[device] != kWholeAccelerator) {
    const std::int64_t left = room.devices[device].count() * kScoreMax / kWholeAccelerator.count();
    return {kScoreMax - std::max(kScoreMax - left / 10, kScoreMax / 2), device};
  }
  const std::int64_t opened = std::max<std::int64_t>(need.whole_devices(), 1);
  return {kScoreMax - std::max(kScoreMax / 2 - opened, kScoreMax / 3), device};
}

NodeCost best_fit_cost(const NodeRoom& room, const TaskNeed& need) {
  // Half of what is left of 128 CPUs, half of what is left of 8 accelerators, in hundredths:
  // 100 (c / 256,000 + a / 16,000) = (c + 16 a) / 2,560. Published is 100 less this, cut off.
  const std::int64_t cpus = (room.cpus - need.cpus).count();
  const std::int64_t accelerators = (idle(room) - need.accelerators).count();
  return {(cpus + 16 * accelerators + 2559) / 2560, device_or_zero(room, need)};
}

std::vector<NeedCount> typical_needs(std::span<const TaskNeed> all) {
  std::map<TaskNeed, std::uint64_t> counts;
  for (TaskNeed need : all) {
    need.memory = Bytes(0);
    ++counts[need];
  }
  std::vector<NeedCount> typical;
  typical.reserve(counts.size());
  for (const auto& [need, count] : counts) typical.push_back({need, count});
  std::stable_sort(typical.begin(), typical.end(), [](const NeedCount& a, const NeedCount& b) {
    return a.count != b.count ? a.count > b.count : a.need > b.need;
  });
  std::uint64_t covered = 0;
  std::size_t kept = 0;
  while (kept < typical.size() && covered * 100 < all.size() * 95) covered += typical[kept++].count;
  typical.resize(kept);
  return typical;
}

std::int64_t fragmentation(std::span<const NeedCount> typical, const NodeRoom& room) {
  const std::int64_t idle_now = idle(room).count();
  std::int64_t sum = 0;
  if (idle_now == 0) return 0;
  for (const NeedCount& entry : typical) {
    std::int64_t useless = idle_now;
    if (entry.need.accelerators.count() > 0 && fits(room, entry.need)) {
      useless = 0;
      const AcceleratorShare each = std::min(entry.need.accelerators, kWholeAccelerator);
      for (const AcceleratorShare left : room.devices) useless += left < each ? left.count() : 0;
    }
    sum += useless * static_cast<std::int64_t>(entry.count);
  }
  return sum;
}

NodeCost fgd_cost(std::span<const NeedCount> typical, const NodeRoom& room, const TaskNeed& need) {
  std::int64_t total = 0;
  for (const NeedCount& entry : typical) total += static_cast<std::int64_t>(entry.count);
  const std::int64_t before = fragmentation(typical, room);
  const auto cost_on = [&](std::size_t device) {
    NodeRoom after = room;
    take(after, need, device);
    const std::int64_t less = before - fragmentation(typical, after);
    return total == 0 ? 0 : kScoreMax - sigmoid_score(less, total * kWholeAccelerator.count());
  };
  return cheapest_device(room, need, cost_on);
}

}  // namespace mw
