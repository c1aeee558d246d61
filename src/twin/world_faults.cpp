// What breaks under the simulated attempts, and how it comes back.
#include <algorithm>

#include "twin/world.h"

namespace mw {

void World::apply(const NodeFault& fault) {
  ++happened_;
  now_ = std::max(now_, fault.at);
  for (const NodeId node : fault.nodes) {
    const std::int64_t slower = 1000 - std::clamp<std::int64_t>(fault.speed_milli, 1, 1000);
    const std::uint32_t number = next_fault_++;
    Duration repair = fault.repair;
    switch (fault.effect) {
      case FaultEffect::kDown:
        node_down(node);
        // A node is not back before it was missed: an engine that polls would not have noticed.
        repair = std::max(repair, physics_.detection + seconds(1));
        break;
      case FaultEffect::kSlow:
        change_speed(node, -slower);
        break;
      case FaultEffect::kTask:
        task_fails(node);
        break;
      case FaultEffect::kBroken:
        node_broken(node);
        break;
      case FaultEffect::kNoStart:
        ++nodes_[node.value()].no_start;
        break;
      case FaultEffect::kNone:
        break;
    }
    if (fault.effect != FaultEffect::kTask && fault.effect != FaultEffect::kNone) {
      open_.emplace(number, OpenFault{node, fault.effect, slower, fault.code, fault.component,
                                      fault.mended_by});
      calendar_.enter(now_ + repair, {Kind::kRepaired, number, 0, 0});
    }
    if (!fault.code.empty()) tell(node, fault.code, fault.component);
  }
}

/// Whoever watches the node says so in a while: of one that is down its board controller, through
/// alerts; else the agent.
void World::tell(NodeId node, const std::string& code, const std::string& component) {
  FaultReport report;
  report.source =
      (nodes_[node.value()].down > 0 ? "alertmanager:" : "agent:") + topology_.name(node);
  report.at = now_;
  report.code = code;
  report.place = topology_.name(node);
  report.detail = component;
  tellings_.emplace(next_telling_, std::move(report));
  calendar_.enter(now_ + physics_.told, {Kind::kTold, next_telling_++, 0, 0});
}

/// Gangs with a task there come to a halt, long before anybody knows why.
void World::node_down(NodeId id) {
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
}

void World::node_broken(NodeId id) {
  ++nodes_[id.value()].broken;
  for (const std::uint32_t index : std::vector<std::uint32_t>(nodes_[id.value()].attempts)) {
    halt(index, id, physics_.detection);
  }
}

/// It does nothing more; after a while one of its tasks sees that and fails.
void World::halt(std::uint32_t index, NodeId node, Duration until_it_gives_up) {
  Running& running = attempts_[index];
  if (running.phase == Phase::kStopping || running.phase == Phase::kEnded) return;
  settle(running);
  running.stalled = true;
  running.broken = node;
  ++running.version;
  calendar_.enter(now_ + until_it_gives_up,
                  {Kind::kCrashes, index, 0, static_cast<std::int64_t>(running.epoch.value())});
}

void World::crashes(std::uint32_t index, Epoch epoch) {
  const Running& running = attempts_[index];
  const bool waits = running.phase == Phase::kStarting || is_working(running.phase);
  if (!waits || running.epoch != epoch || running.failed_rank >= 0) return;
  const NodeId node = running.broken;
  fail_task(index, node);
  // Whatever is wrong there shows itself once more.
  for (const auto& [number, fault] : open_) {
    if (fault.node == node && fault.effect == FaultEffect::kBroken && !fault.code.empty()) {
      return tell(node, fault.code, fault.component);
    }
  }
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

void World::repaired(std::uint32_t number) {
  const auto found = open_.find(number);
  if (found == open_.end()) return;  // it was mended before
  const OpenFault fault = std::move(open_.extract(found).mapped());
  NodeState& node = nodes_[fault.node.value()];
  if (fault.effect == FaultEffect::kSlow) return change_speed(fault.node, fault.slower);
  if (fault.effect == FaultEffect::kBroken) {
    --node.broken;
    return;
  }
  if (fault.effect == FaultEffect::kNoStart) {
    --node.no_start;
    return;
  }
  if (--node.down > 0) return;
  node.told_lost = false;
  hear(NodeSeen{topology_.spec(fault.node)});
}

/// What was done to the node mends what no more than that was needed for.
void World::mend_by(NodeId node, FaultAction action) {
  std::vector<std::uint32_t> mended;
  for (const auto& [number, fault] : open_) {
    if (fault.node == node && fault.mended_by && *fault.mended_by <= action) {
      mended.push_back(number);
    }
  }
  for (const std::uint32_t number : mended) repaired(number);
}

bool World::works(NodeId id) const {
  const NodeState& node = nodes_[id.value()];
  return node.down == 0 && node.broken == 0 && node.no_start == 0;
}

bool World::is_well(NodeId id) const { return works(id) && nodes_[id.value()].speed_milli >= 1000; }

void World::task_fails(NodeId id) {
  for (const std::uint32_t index : std::vector<std::uint32_t>(nodes_[id.value()].attempts)) {
    const Running& running = attempts_[index];
    if (is_working(running.phase) && !running.stalled) return fail_task(index, id);
  }
}

/// The attempt's task on that node ends with an error; the others wait for it until they are told.
void World::fail_task(std::uint32_t index, NodeId id) {
  Running& running = attempts_[index];
  const auto is_there = [&](const LostSlice& each) { return each.node == id; };
  // Who was told to leave it is gone.
  if (std::any_of(running.left.begin(), running.left.end(), is_there)) return;
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
