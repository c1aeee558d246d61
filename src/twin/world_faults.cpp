// What breaks under the simulated attempts, and how it comes back.
#include <algorithm>

#include "twin/world.h"

namespace mw {

void World::apply(const NodeFault& fault) {
  ++happened_;
  now_ = std::max(now_, fault.at);
  for (const NodeId node : fault.nodes) {
    switch (fault.effect) {
      case FaultEffect::kDown:
        node_down(fault, node);
        break;
      case FaultEffect::kSlow: {
        const std::int64_t by = 1000 - std::clamp<std::int64_t>(fault.speed_milli, 1, 1000);
        change_speed(node, -by);
        calendar_.enter(now_ + fault.repair, {Kind::kFaster, node.value(), 0, by});
        break;
      }
      case FaultEffect::kTask:
        task_fails(node);
        break;
    }
  }
}

/// Gangs with a task there come to a halt, long before anybody knows why.
void World::node_down(const NodeFault& fault, NodeId id) {
  NodeState& node = nodes_[id.value()];
  ++node.down;
  for (const std::uint32_t index : node.attempts) {
    Running& running = attempts_[index];
    settle(running);
    running.stalled = true;
    // What is left of one that stops goes on stopping.
    if (running.phase != Phase::kStopping) ++running.version;
    for (std::size_t i = 0; i < running.placement.size(); ++i) {
      if (running.placement[i].node == id) running.gone[i] = true;
    }
  }
  for (const std::uint32_t index : std::vector<std::uint32_t>(node.attempts)) vanish_if_gone(index);
  if (node.down == 1)
    calendar_.enter(now_ + physics_.detection, {Kind::kDetected, id.value(), 0, 0});
  // A node is not back before it was missed: an engine that polls would not have noticed.
  const Duration shortest = physics_.detection + seconds(1);
  calendar_.enter(now_ + std::max(fault.repair, shortest), {Kind::kRepaired, id.value(), 0, 0});
}

/// With the last of its nodes goes whoever could report it.
void World::vanish_if_gone(std::uint32_t index) {
  Running& running = attempts_[index];
  const bool over = running.phase == Phase::kEnded || running.phase == Phase::kUnused;
  const auto& gone = running.gone;
  if (over || std::find(gone.begin(), gone.end(), false) != gone.end()) return;
  running.vanished = true;
  end(index, TaskExit());
}

/// The first task that was on a node which went down, and is up again without it.
std::optional<Rank> World::first_gone(const Running& running) const {
  for (std::size_t i = 0; i < running.gone.size(); ++i) {
    const NodeSlice& slice = running.placement[i];
    if (running.gone[i] && nodes_[slice.node.value()].down == 0) return Rank(slice.first_rank);
  }
  return std::nullopt;
}

void World::repaired(NodeId id) {
  NodeState& node = nodes_[id.value()];
  if (--node.down > 0) return;
  node.told_lost = false;
  hear(NodeSeen{topology_.spec(id)});
}

void World::task_fails(NodeId id) {
  NodeState& node = nodes_[id.value()];
  for (const std::uint32_t index : node.attempts) {
    Running& running = attempts_[index];
    const bool works = running.phase == Phase::kRunning || running.phase == Phase::kSaving;
    if (!works || running.stalled) continue;
    settle(running);
    if (running.spec->groups.empty() && running.spec->gang.tasks == 1) {
      TaskExit exit;
      exit.exit_code = 1;
      return end(index, exit);
    }
    running.stalled = true;
    ++running.version;
    for (const NodeSlice& slice : running.placement) {
      if (slice.node == id) running.failed_rank = static_cast<std::int32_t>(slice.first_rank);
    }
    return report(index);
  }
}

void World::change_speed(NodeId id, std::int64_t by_milli) {
  NodeState& node = nodes_[id.value()];
  node.speed_milli += by_milli;
  for (const std::uint32_t index : node.attempts) {
    Running& running = attempts_[index];
    settle(running);
    running.speed = speed_now(running);
    if (running.phase == Phase::kRunning && !running.stalled) {
      plan(index, time_for(running.goal - running.done, running.speed));
    }
  }
}

}  // namespace mw
