// Ranks of an attempt that are replaced while the others go on, on the machines: the lost ones end,
// the others wait, and with the new ones all go on from what they have.
#include <algorithm>

#include "twin/world.h"

namespace mw {

/// Some of its ranks are to go on. When the newest are lost, none of its own epoch is among those.
bool World::keeps(const DesiredAttempt& desired, const Running& earlier) {
  const auto& epochs = earlier.since_epochs;
  return std::any_of(desired.kept.begin(), desired.kept.end(), [&](const KeptRanks& each) {
    return std::find(epochs.begin(), epochs.end(), each.epoch) != epochs.end();
  });
}

/// Its ranks that are to be kept are here, and work.
bool World::goes_on(const DesiredAttempt& desired, const Running& earlier) {
  const bool works = earlier.phase == Phase::kStarting || is_working(earlier.phase);
  return works && desired.goal == AttemptGoal::kRun && earlier.failed_rank < 0 &&
         keeps(desired, earlier);
}

/// New ranks beside those that are here: they start, and all go on from what these have.
void World::go_on(std::uint32_t index, const DesiredAttempt& desired) {
  Running& running = attempts_[index];
  settle(running);
  stay(index, false);
  running.left.clear();
  running.gone.clear();
  running.stalled = false;
  ++running.version;
  look_for_checks(desired.placement);
  start_on(index, desired);
}

/// All nodes on which something is to be started can do that.
bool World::can_start(const DesiredAttempt& desired) const {
  return std::all_of(
      desired.placement.begin(), desired.placement.end(), [&](const NodeSlice& slice) {
        const bool kept = std::any_of(
            desired.kept.begin(), desired.kept.end(),
            [&](const KeptRanks& each) { return slice.first_rank - each.first_rank < each.tasks; });
        return kept || nodes_[slice.node.value()].no_start == 0;
      });
}

/// Its tasks are on these nodes from now on: they start, and it is told of them.
void World::start_on(std::uint32_t index, const DesiredAttempt& desired) {
  Running& running = attempts_[index];
  running.phase = Phase::kStarting;
  running.epoch = desired.epoch;
  // Where what was here could not go on, all start: those to be kept are of the earlier ones, too.
  for (const KeptRanks& each : desired.kept) {
    std::erase(running.since_epochs, each.epoch);
    running.since_epochs.push_back(each.epoch);
  }
  running.since_epochs.push_back(desired.epoch);
  running.number = desired.attempt;
  running.placement = desired.placement;
  for (const NodeSlice& slice : running.placement) {
    running.gone.push_back(nodes_[slice.node.value()].down > 0);
  }
  running.since = now_;
  stay(index, true);
  running.speed = speed_now(running);
  running.no_start = !can_start(desired);
  Duration own = live(running.job).truth.start_up;
  if (own.count() < 0) own = physics_.start_up;
  if (!running.stalled) plan(index, physics_.launch + (running.no_start ? Duration() : own));
  for (const NodeSlice& slice : running.placement) {
    if (nodes_[slice.node.value()].broken == 0) continue;
    halt(index, slice.node, physics_.launch + physics_.detection);
    break;
  }
  if (unreliable_) {
    calendar_.enter(now_ + kRepeatReports,
                    {Kind::kRepeat, index, 0, static_cast<std::int64_t>(running.epoch.value())});
  }
  vanish_if_gone(index);
}

/// These ranks end; the others wait for what comes in their place.
void World::stop_ranks(std::uint32_t index, const std::vector<LostSlice>& leaving) {
  Running& running = attempts_[index];
  if (!is_working(running.phase)) return;
  settle(running);
  running.left = leaving;
  running.stalled = true;
  // It failed before it was told to go: it is gone with the others.
  const auto failed = static_cast<std::uint32_t>(running.failed_rank);
  if (running.failed_rank >= 0 && is_among(leaving, failed)) running.failed_rank = -1;
  ++running.version;
}

}  // namespace mw
