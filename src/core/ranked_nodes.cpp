#include "core/ranked_nodes.h"

#include <algorithm>

#include "base/check.h"

namespace mw {
namespace {

/// Costs that are remembered at most, over all needs: about 100 MB.
constexpr std::size_t kRankedMax = 4'000'000;

}  // namespace

RankedNodes::RankedNodes(RankingPolicy policy, const std::vector<NodeKind>& kinds,
                         const std::vector<std::uint32_t>& node_kinds)
    : policy_(std::move(policy)), random_(policy_.seed) {
  supply_.kinds = kinds;
  supply_.empty_by_kind.assign(kinds.size(), 0);
  supply_.idle_by_type.assign(kTypesMax, AcceleratorShare(0));
  for (const std::uint32_t kind : node_kinds) {
    rooms_.push_back(empty_room(kinds.at(kind), kind));
    count_room(rooms_.back(), 1);
  }
  versions_.assign(rooms_.size(), version_);
  values_.resize(rooms_.size());
}

void RankedNodes::count_room(const NodeRoom& room, std::int64_t sign) {
  if (room.empty) supply_.empty_by_kind[room.kind] += sign;
  supply_.idle_by_type[room.type] += idle(room) * sign;
  for (auto& [need, tasks] : supply_.room_for_wide) tasks += sign * fitting(room, need);
}

void RankedNodes::forget_rankings() {
  ranked_.clear();
  std::fill(values_.begin(), values_.end(), std::nullopt);
}

void RankedNodes::observe(const TaskNeed& need) {
  if (policy_.kind != RankingKind::kMillwright) return;
  if (is_wide(need) && !supply_.room_for_wide.contains(need)) {
    std::int64_t tasks = 0;
    for (const NodeRoom& room : rooms_) tasks += fitting(room, need);
    supply_.room_for_wide[need] = tasks;
  }
  const bool sampled = mw::observe(outlook_, need);
  const bool repriced = reprice(outlook_, supply_);
  if (sampled || repriced) forget_rankings();
}

std::optional<NodeChoice> RankedNodes::choose(const TaskNeed& need) {
  if (policy_.kind == RankingKind::kRandom) return choose_random(need);
  if (ranked_.size() * rooms_.size() > kRankedMax) ranked_.clear();
  RankedNeed& ranked = ranked_[need];
  ranked.nodes.resize(rooms_.size());
  std::optional<NodeChoice> best;
  std::int64_t best_cost = 0;
  for (std::uint32_t node = 0; node < rooms_.size(); ++node) {
    Ranked& entry = ranked.nodes[node];
    if (entry.version != versions_[node]) {
      entry.version = versions_[node];
      entry.has_room = fits(rooms_[node], need);
      if (entry.has_room) entry.cost = cost_of(node, need);
    }
    if (entry.has_room && (!best || entry.cost.cost < best_cost)) {
      best_cost = entry.cost.cost;
      best = NodeChoice{node, entry.cost.device};
    }
  }
  return best;
}

std::optional<NodeChoice> RankedNodes::choose_random(const TaskNeed& need) {
  // The n-th candidate replaces the one chosen so far with probability 1/n: uniform over all.
  std::optional<NodeChoice> chosen;
  std::uint64_t candidates = 0;
  for (std::uint32_t node = 0; node < rooms_.size(); ++node) {
    if (fits(rooms_[node], need) && random_.below(++candidates) == 0) chosen = NodeChoice{node, 0};
  }
  if (!chosen || !need.shares_device()) return chosen;
  const NodeRoom& room = rooms_[chosen->node];
  std::uint64_t devices = 0;
  for (std::uint32_t device = 0; device < room.devices.size(); ++device) {
    if (room.devices[device] >= need.accelerators && random_.below(++devices) == 0) {
      chosen->device = device;
    }
  }
  return chosen;
}

NodeCost RankedNodes::cost_of(std::uint32_t node, const TaskNeed& need) {
  switch (policy_.kind) {
    case RankingKind::kPacking:
      return packing_cost(rooms_[node], need);
    case RankingKind::kBestFit:
      return best_fit_cost(rooms_[node], need);
    case RankingKind::kFgd:
      return fgd_cost(policy_.typical, rooms_[node], need);
    case RankingKind::kMillwright:
      return millwright_cost(node, need);
    case RankingKind::kRandom:
      break;
  }
  MW_CHECK(false);
}

std::int64_t RankedNodes::value_of(const NodeRoom& room) {
  return memo_.value(outlook_, room) + price_value(outlook_, room);
}

NodeCost RankedNodes::millwright_cost(std::uint32_t node, const TaskNeed& need) {
  const NodeRoom& room = rooms_[node];
  if (!values_[node]) values_[node] = value_of(room);
  const auto cost_on = [&](std::size_t device) {
    NodeRoom after = room;
    take(after, need, device);
    return *values_[node] - value_of(after);
  };
  return cheapest_device(room, need, cost_on);
}

std::vector<std::uint16_t> RankedNodes::place(const TaskNeed& need, NodeChoice choice) {
  NodeRoom& room = rooms_.at(choice.node);
  MW_CHECK(fits(room, need));
  count_room(room, -1);
  std::vector<std::uint16_t> devices = take(room, need, choice.device);
  count_room(room, 1);
  versions_[choice.node] = ++version_;
  values_[choice.node].reset();
  return devices;
}

void RankedNodes::set_room(std::uint32_t node, NodeRoom room) {
  count_room(rooms_.at(node), -1);
  rooms_[node] = std::move(room);
  count_room(rooms_[node], 1);
  versions_[node] = ++version_;
  values_[node].reset();
}

}  // namespace mw
