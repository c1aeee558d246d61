#include "core/group_ranking.h"

#include <algorithm>

#include "core/fit.h"
#include "core/placement.h"
#include "core/ranking.h"

namespace mw {
namespace {

FitCost fit_cost(const GroupKey& key, const GangShape& gang) {
  const TaskShape& task = gang.task;
  const std::uint32_t whole = key.whole;
  const std::int64_t cpus = key.cpus - task.cpus.count() * gang.tasks;
  const std::int64_t memory = key.memory - task.memory.count() * gang.tasks;
  if (task.accelerators >= kWholeAccelerator || task.accelerators.count() == 0) {
    const auto taken =
        static_cast<std::uint32_t>(task.accelerators / kWholeAccelerator) * gang.tasks;
    return {0, whole - taken, 0, cpus, memory};
  }
  // Of a node without parts only the devices that are free matter.
  const DeviceRoom before = key.parts.size() > 0 ? key.parts : DeviceRoom(whole);
  DeviceRoom after = before;
  std::int64_t left_beside = 0;
  for (const DeviceShare& taken : pick_devices(before, task.accelerators, gang.tasks)) {
    after.add(taken.device, -taken.share);
    left_beside = after[taken.device].count();
  }
  return {whole - after.whole(), after.whole(), left_beside, cpus, memory};
}

}  // namespace

void GroupRanking::begin(const RankingView& view, const GangShape& gang) {
  topology_ = &view.topology;
  demand_ = view.demand;
  gang_ = &gang;
  by_number_ = nullptr;
  if (demand_ == nullptr) return;
  const DemandOutlook& outlook = demand_->outlook;
  if (mark_ != outlook.mark || percent_ != view.rules->fragmentation_percent ||
      remembered_ > kRememberedMax) {
    ranks_.clear();
    remembered_ = 0;
    mark_ = outlook.mark;
    percent_ = view.rules->fragmentation_percent;
  }
  const TaskShape& task = gang.task;
  by_number_ =
      &ranks_[{task.accelerators, task.cpus, task.memory, gang.tasks, gang.nodes, gang.exclusive}];
}

GroupRank GroupRanking::rank(const GroupKey& key, const NodeGroup& group) {
  if (by_number_ == nullptr) return rank_anew(key);
  if (by_number_->size() <= group.number) {
    remembered_ += group.number + 1 - by_number_->size();
    by_number_->resize(group.number + 1);
  }
  Remembered& remembered = (*by_number_)[group.number];
  if (remembered.fingerprint != group.fingerprint) {
    remembered = {group.fingerprint, rank_anew(key), std::nullopt};
  }
  return remembered.rank;
}

GroupCost GroupRanking::cost(const GroupKey& key, const NodeGroup& group) {
  if (by_number_ == nullptr) return {};
  Remembered& remembered = by_number_->at(group.number);
  if (!remembered.cost) remembered.cost = cost_anew(key);
  return *remembered.cost;
}

GroupRank GroupRanking::rank_anew(const GroupKey& key) const {
  const DeviceRoom* parts = key.parts.size() > 0 ? &key.parts : nullptr;
  if (tasks_on(slot_of(key), parts, *gang_) < gang_->tasks) return {};
  return {true, fit_cost(key, *gang_)};
}

std::int64_t GroupRanking::value_of(const NodeRoom& room) {
  const DemandOutlook& outlook = demand_->outlook;
  const std::int64_t fill = percent_ == 0 ? 0 : memo_.value(outlook, room) * percent_ / 100;
  return fill + price_value(outlook, room);
}

GroupCost GroupRanking::cost_anew(const GroupKey& key) {
  const NodeRoom room = room_of(*demand_, *topology_, key);
  const std::int64_t before = value_of(room);
  const std::uint32_t tasks = gang_->tasks;
  // Types do not matter here: whoever asks has chosen them.
  TaskNeed need{gang_->task.accelerators, gang_->task.cpus, gang_->task.memory, 0};
  if (tasks == 1) {
    const NodeCost best = cheapest_device(room, need, [&](std::size_t device) {
      NodeRoom after = room;
      take(after, need, device);
      return before - value_of(after);
    });
    if (!need.shares_device()) return {best.cost, std::nullopt};
    return {best.cost, room.devices[best.device]};
  }
  NodeRoom after = room;
  if (need.shares_device()) {
    for (std::uint32_t i = 0; i < tasks; ++i) {
      take(after, need, *fullest_device(after, need.accelerators));
    }
  } else {
    need = {need.accelerators * tasks, need.cpus * tasks, need.memory * tasks, 0};
    take(after, need, 0);
  }
  return {before - value_of(after), std::nullopt};
}

}  // namespace mw
