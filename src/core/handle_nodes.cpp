// A node's life: what people ask of nodes, and how a drain goes on until nothing is left on the
// node. Which phase may follow which is the table's to say (node_lifecycle.h).
#include <algorithm>

#include "core/node_lifecycle.h"
#include "core/stepper.h"

namespace mw {

namespace {

constexpr const char* kNobodySaid = "nobody said in time how it ended";

Refusal refusal(ErrorCode code, RefusalKind kind, const std::string& node, NodePhase phase) {
  Refusal refusal;
  refusal.code = code;
  refusal.kind = kind;
  refusal.node = node;
  refusal.phase = phase;
  return refusal;
}

std::optional<Instant> deadline_of(Instant now, const std::optional<Duration>& within) {
  if (!within) return std::nullopt;
  return now + *within;
}

}  // namespace

// --- asked --------------------------------------------------------------------------------------

std::optional<NodeId> Core::Stepper::node_named(const std::string& name) {
  const auto node = state_.topology->find(name);
  if (!node) {
    refuse(refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchNode, name, NodePhase::kReady));
  }
  return node;
}

void Core::Stepper::operator()(const DrainNode& input) {
  const auto id = node_named(input.node);
  if (!id) return;
  const Node& node = state_.nodes.at(id->value());
  const DrainOrder order{input.mode.value_or(DrainMode::kWait), deadline_of(now_, input.within),
                         NodePhase::kDraining};
  if (node.phase == NodePhase::kDraining && node.phase_mover == Mover::kOperator &&
      node.drain.value_or(DrainOrder()) == order) {
    return refuse(
        refusal(ErrorCode::kConflict, RefusalKind::kNodeDrainingAlready, input.node, node.phase));
  }
  if (!may_move(node.phase, NodePhase::kDraining, Mover::kOperator)) {
    Refusal fault =
        refusal(ErrorCode::kConflict, RefusalKind::kNodeCannotMove, input.node, node.phase);
    fault.wanted = name_of(NodePhase::kDraining);
    return refuse(std::move(fault));
  }
  drain_by_hand(*id, order, input.reason, input.by);
}

void Core::Stepper::operator()(const ResumeNode& input) {
  const auto id = node_named(input.node);
  if (!id) return;
  const Node& node = state_.nodes.at(id->value());
  if (node.phase == NodePhase::kReady) {
    return refuse(
        refusal(ErrorCode::kConflict, RefusalKind::kNodeNotDraining, input.node, node.phase));
  }
  if (!may_move(node.phase, NodePhase::kReady, Mover::kOperator)) {
    Refusal fault =
        refusal(ErrorCode::kConflict, RefusalKind::kNodeCannotMove, input.node, node.phase);
    fault.wanted = name_of(NodePhase::kReady);
    return refuse(std::move(fault));
  }
  if (!let_go_of(*id, "the node is resumed", input.by)) return;
  move_node(*id, NodePhase::kReady, Mover::kOperator, input.reason.value_or(""), input.by);
}

void Core::Stepper::operator()(const MoveNode& input) {
  if (input.to == NodePhase::kDraining) {
    return (*this)(DrainNode{input.node, input.reason, input.by, input.mode, input.within});
  }
  const auto id = node_named(input.node);
  if (!id) return;
  const Node& node = state_.nodes.at(id->value());
  if (node.phase == input.to) {
    return refuse(
        refusal(ErrorCode::kConflict, RefusalKind::kNodeThereAlready, input.node, node.phase));
  }
  if (may_move(node.phase, input.to, Mover::kOperator)) {
    // Whoever gives a repair up says how it ended.
    const auto remedy = state_.health.remedies.find(*id);
    const bool begun = remedy != state_.health.remedies.end() && remedy->second.begun_at;
    if (begun && input.to == NodePhase::kQuarantined) {
      emit(RemedyEnded{*id, remedy->second.id, false, "given up by " + input.by});
    } else if (!let_go_of(*id, "the node is taken out of it", input.by)) {
      return;
    }
    move_node(*id, input.to, Mover::kOperator, input.reason, input.by);
    if (input.to == NodePhase::kValidating) validate(*id, input.by);
    return;
  }
  // Out of service by way of a drain.
  if (may_move(node.phase, NodePhase::kDraining, Mover::kOperator) &&
      may_move(NodePhase::kDraining, input.to, Mover::kDrain) &&
      input.to != NodePhase::kRepairing) {
    const bool quarantine = input.to == NodePhase::kQuarantined;
    const DrainMode mode = input.mode.value_or(quarantine ? DrainMode::kForce : DrainMode::kWait);
    return drain_by_hand(*id, {mode, deadline_of(now_, input.within), input.to}, input.reason,
                         input.by);
  }
  Refusal fault =
      refusal(ErrorCode::kConflict, RefusalKind::kNodeCannotMove, input.node, node.phase);
  fault.wanted = name_of(input.to);
  refuse(std::move(fault));
}

void Core::Stepper::drain_by_hand(NodeId node, DrainOrder order, const std::string& reason,
                                  const std::string& by) {
  if (!let_go_of(node, "the node is drained by hand", by)) return;
  begin_drain(node, order, Mover::kOperator, reason, by);
}

/// A person takes the node over: what was planned for it is off. False, and refused, when it has
/// begun.
bool Core::Stepper::let_go_of(NodeId node, const std::string& reason, const std::string& by) {
  const auto found = state_.health.remedies.find(node);
  if (found == state_.health.remedies.end()) return true;
  const Remedy& remedy = found->second;
  if (!remedy.begun_at) {
    emit(RemedyCancelled{node, remedy.id, reason, by});
    return true;
  }
  Refusal fault = refusal(ErrorCode::kConflict, RefusalKind::kNodeUnderRepair,
                          state_.topology->name(node), state_.nodes[node.value()].phase);
  fault.wanted = name_of(remedy.action);
  refuse(std::move(fault));
  return false;
}

// --- moving -------------------------------------------------------------------------------------

void Core::Stepper::move_node(NodeId node, NodePhase to, Mover mover, const std::string& reason,
                              const std::string& by, std::optional<DrainOrder> drain) {
  emit(NodeMoved{node, to, reason, by, state_.nodes.at(node.value()).phase, mover, drain});
}

void Core::Stepper::begin_drain(NodeId node, DrainOrder order, Mover mover,
                                const std::string& reason, const std::string& by) {
  move_node(node, NodePhase::kDraining, mover, reason, by, order);
  if (order.mode != DrainMode::kWait) to_clear_.insert(node);
}

void Core::Stepper::note_leaving(const EventBody& body) {
  if (const auto* ended = std::get_if<AttemptEnded>(&body)) {
    for (const NodeSlice& slice : state_.attempts.at(ended->job).placement) {
      if (state_.nodes[slice.node.value()].drain) emptied_.insert(slice.node);
    }
  } else if (const auto* use = std::get_if<NodeUseChanged>(&body)) {
    if (!use->others && state_.nodes[use->node.value()].drain) emptied_.insert(use->node);
  } else if (const auto* moved = std::get_if<NodeMoved>(&body)) {
    if (moved->phase == NodePhase::kDraining) emptied_.insert(moved->node);
  }
}

/// Once the inputs are handled: what has come by time, then what faults ask for, then what drains.
void Core::Stepper::turn_health() {
  silent_due();
  // What is judged may want no time at all for something.
  do {
    nodes_due();
    find_lemons();
    judge_all();
  } while (!lemons_.empty() ||
           (!state_.health.timers.empty() && state_.health.timers.begin()->first <= now_));
  leave_for_drains();
  replace_lost_ranks();
  while (!emptied_.empty()) {
    const NodeId node = *emptied_.begin();
    emptied_.erase(emptied_.begin());
    finish_drain(node);
  }
}

void Core::Stepper::nodes_due() {
  while (!state_.health.timers.empty() && state_.health.timers.begin()->first <= now_) {
    const NodeId id = state_.health.timers.begin()->second;
    const Node& node = state_.nodes[id.value()];
    const auto watched = state_.health.watched.find(id);
    if (node.drain && node.drain->deadline && *node.drain->deadline <= now_) {
      const DrainOrder order{DrainMode::kForce, std::nullopt, node.drain->then};
      begin_drain(id, order, Mover::kDrain, node.phase_reason, node.phase_by);
    } else if (watched != state_.health.watched.end() && watched->second <= now_) {
      move_node(id, NodePhase::kReady, Mover::kFaultPolicy, "nothing more has happened", "");
    } else if (state_.health.checks.running.contains(id)) {
      end_check(id, CheckOutcome::kUnable, kNobodySaid, {});
    } else {
      end_remedy(id, false, kNobodySaid);
    }
  }
}

void Core::Stepper::leave_for_drains() {
  std::map<NodeId, Leave> leaving;
  for (const NodeId id : to_clear_) {
    const Node& node = state_.nodes[id.value()];
    if (!node.drain || node.slices == 0) continue;
    const bool faulty = state_.health.remedies.contains(id);
    leaving[id] = {faulty ? EndCause::kFaulty : EndCause::kDrained, node.phase_by,
                   node.drain->mode == DrainMode::kCheckpoint, false};
  }
  to_clear_.clear();
  leave_nodes(leaving);
}

/// Why what is in the slice is to start again; null: it is not.
const std::string* Core::Stepper::restart_of(const NodeSlice& slice) const {
  const auto found = restarting_.find(slice.node);
  if (found == restarting_.end()) return nullptr;
  for (const Restart& each : found->second) {
    if (!each.device) return &each.reason;
    for (const DeviceShare& used : slice.devices) {
      if (used.device == *each.device) return &each.reason;
    }
  }
  return nullptr;
}

/// One look at all attempts, whatever the number of nodes.
void Core::Stepper::leave_nodes(const std::map<NodeId, Leave>& leaving) {
  if (leaving.empty() && restarting_.empty()) return;
  std::vector<std::pair<JobId, Leave>> hit;
  for (const auto& [job, attempt] : state_.attempts) {
    if (attempt.stopping) continue;
    std::optional<Leave> most;
    for (const NodeSlice& slice : attempt.placement) {
      const auto found = leaving.find(slice.node);
      if (found != leaving.end() && (!most || (most->asked && !found->second.asked))) {
        most = found->second;
      }
      const std::string* reason = restart_of(slice);
      if (reason != nullptr && (!most || most->asked)) {
        most = Leave{EndCause::kFaulty, *reason, false, true};
      }
      // It goes on nowhere there.
      if (most && reason != nullptr) most->stays = true;
    }
    if (most) hit.emplace_back(job, *most);
  }
  restarting_.clear();
  if (hit.empty()) return;
  std::set<NodeId> to_leave;
  for (const auto& [node, each] : leaving) {
    if (!each.asked) to_leave.insert(node);
  }
  for (const auto& [job, leave] : hit) {
    if (leave.asked) {
      want_checkpoint(state_.attempts.at(job));
    } else {
      lose_ranks(job, leave, to_leave);
    }
  }
}

/// Says so when the attempt is on a node that it is to leave.
void Core::Stepper::want_checkpoint(const Attempt& attempt) {
  if (!is_asked_to_save(state_, attempt)) return;
  emit(CheckpointWanted{attempt.job, attempt.number, save_deadline(state_, attempt)});
}

/// It has saved: now it leaves at no loss.
void Core::Stepper::leave_after_checkpoint(const Attempt& attempt) {
  if (state_.health.asking.empty() || attempt.stopping) return;
  for (const NodeSlice& slice : attempt.placement) {
    if (!state_.health.asking.contains(slice.node)) continue;
    const bool faulty = state_.health.remedies.contains(slice.node);
    const std::string by = state_.nodes[slice.node.value()].phase_by;
    const Leave leave{faulty ? EndCause::kFaulty : EndCause::kDrained, by, false, false};
    return lose_ranks(attempt.job, leave,
                      {state_.health.asking.begin(), state_.health.asking.end()});
  }
}

void Core::Stepper::finish_drain(NodeId id) {
  const Node& node = state_.nodes[id.value()];
  if (!node.drain || node.slices > 0) return;
  const NodePhase then = node.drain->then;
  if (then == NodePhase::kDraining) return;
  const std::string reason = node.phase_reason;
  const std::string by = node.phase_by;
  if (then == NodePhase::kRepairing) begin_remedy(id);
  move_node(id, then, Mover::kDrain, reason, by);
  const auto remedy = state_.health.remedies.find(id);
  if (then == NodePhase::kQuarantined && remedy != state_.health.remedies.end()) {
    emit(RemedyEnded{id, remedy->second.id, true, "the node is quarantined"});
  }
  if (then == NodePhase::kValidating) validate(id, by);
}

}  // namespace mw
