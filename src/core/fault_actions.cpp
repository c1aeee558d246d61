// Judging faults by the policy, and acting on nodes and jobs. A node has one owner at a time: what
// is planned for it gives way only to something stronger, and only until it has begun; a node that
// a person has taken out of service is left to that person.
#include <algorithm>

#include "core/breaker_text.h"
#include "core/fault_verdict.h"
#include "core/node_lifecycle.h"
#include "core/replacement.h"

namespace mw {
namespace {

constexpr const char* kPolicyName = "the fault policy";

std::string times_text(std::uint64_t count) {
  return count == 1 ? "once" : std::to_string(count) + " times";
}

std::string length_text(Duration length) {
  const std::int64_t s = length.count() / seconds(1).count();
  if (s % 86'400 == 0) return std::to_string(s / 86'400) + "d";
  if (s % 3600 == 0) return std::to_string(s / 3600) + "h";
  if (s % 60 == 0) return std::to_string(s / 60) + "m";
  return std::to_string(s) + "s";
}

DrainMode drain_by_default(FaultAction action) {
  const bool gently = action == FaultAction::kDrain || action == FaultAction::kValidate;
  return gently ? DrainMode::kCheckpoint : DrainMode::kForce;
}

NodePhase phase_after_drain(FaultAction action) {
  switch (action) {
    case FaultAction::kValidate:
      return NodePhase::kValidating;
    case FaultAction::kResetAccelerator:
    case FaultAction::kReboot:
    case FaultAction::kReturnToVendor:
      return NodePhase::kRepairing;
    case FaultAction::kQuarantine:
      return NodePhase::kQuarantined;
    default:
      return NodePhase::kDraining;
  }
}

}  // namespace

void Core::Stepper::judge_all() {
  while (!judged_.empty() || !over_.empty()) {
    const auto over = std::exchange(over_, {});
    for (const FaultGone& gone : over) {
      for (const NodeId node : nodes_at(state_, *place_of(state_, gone.fault))) {
        give_back(node, gone.fault.code, gone.fault.device);
      }
    }
    const auto judged = std::exchange(judged_, {});
    for (const auto& [fault, is_news] : judged) judge(fault, is_news);
  }
}

void Core::Stepper::judge_again(const FaultPlace& place) {
  const auto found = state_.faults.find(place);
  if (found == state_.faults.end()) return;
  for (const FaultRecord& record : found->second.records) {
    if (record.active) judged_.try_emplace({place, record.code, record.device}, false);
  }
}

namespace {

std::string because_of(const FaultStep& step) {
  if (step.count == 1) return "it happened";
  return times_text(step.count) +
         (step.within.count() == 0 ? std::string() : " within " + length_text(step.within));
}

}  // namespace

/// `is_news`: it has just happened; else only what was not done by now is.
void Core::Stepper::judge(const Judged& judged, bool is_news) {
  const auto& [place, code, device] = judged;
  const FaultRecord* record = find_fault(state_, place, code, device);
  const FaultRule* rule = rule_for(*state_.health.policy, code);
  if (record == nullptr || !record->active || rule == nullptr) return;
  const FaultStep* step = reached_step(*rule, *record, now_);
  if (step == nullptr || step->action == FaultAction::kIgnore) return;
  const bool to_jobs = step->action == FaultAction::kRestartJob;
  const bool again = is_news && (step->action == FaultAction::kWatch || to_jobs);
  if (record->acted > step->action || (record->acted == step->action && !again)) return;
  Verdict verdict;
  verdict.scope = record->scope;
  verdict.code = code;
  verdict.device = device;
  verdict.action = step->action;
  verdict.drain = step->drain;
  const std::string because = because_of(*step);
  verdict.reason = code + (rule->what.empty() ? "" : " (" + rule->what + ")") + ", " + because;
  // What a check has found is a figure that whoever looks at the node wants to see first.
  if (code.starts_with("check.") && !record->detail.empty())
    verdict.reason += ": " + record->detail;
  // What is the job's own is done to the job, or to the node under the rank that it names.
  std::vector<NodeId> nodes = nodes_at(state_, place);
  if (place.scope == FaultReach::kJob && !to_jobs && record->rank) {
    const auto attempt = state_.attempts.find(JobId(place.id));
    if (attempt == state_.attempts.end()) return;
    if (const auto node = node_under(attempt->second.placement, *record->rank)) {
      nodes.push_back(*node);
    }
  }
  verdict.within = breakers_within(state_, place.scope, nodes);
  const bool of_node = place.scope == FaultReach::kNode;
  if (!is_news && !of_node) verdict.happened = record->last_at;
  const Deeds deeds = act(place, verdict, nodes);
  record = find_fault(state_, place, code, device);
  if (record == nullptr) return;  // its job is over
  FaultJudged told;
  if (of_node) told.node = NodeId(static_cast<std::uint32_t>(place.id));
  if (place.scope == FaultReach::kJob) told.job = JobId(place.id);
  told.scope = place.scope;
  told.place = of_node ? state_.topology->name(*told.node) : place.name;
  told.device = device;
  told.code = code;
  told.action = verdict.action;
  told.because = because;
  // What restarts jobs is told again where it counts for breakers again. The jobs that were spared
  // are not for somebody to restart later; nodes that were are to be taken.
  const bool counts = to_jobs && std::any_of(nodes.begin(), nodes.end(), [&](NodeId node) {
                        return state_.nodes[node.value()].slices > 0 &&
                               !(of_node && counts_for_breakers(state_, node));
                      });
  const bool done = deeds.done > 0 && (to_jobs || deeds.held_back == 0);
  if (done && (record->acted < verdict.action || counts)) emit(FaultJudged(told));
  const bool spared = !done || deeds.held_back > 0;
  record = find_fault(state_, place, code, device);
  if (!spared || record->withheld >= verdict.action) return;
  told.withheld = deeds.why;
  if (nodes.size() > 1 && deeds.held_back > 0) {
    told.withheld += ": " + std::to_string(deeds.held_back) + " of " +
                     std::to_string(nodes.size()) + " nodes are left as they are";
  }
  emit(std::move(told));
}

Core::Stepper::Deeds Core::Stepper::act(const FaultPlace& place, const Verdict& verdict,
                                        const std::vector<NodeId>& nodes) {
  Deeds deeds;
  if (place.scope == FaultReach::kJob && verdict.action == FaultAction::kRestartJob) {
    deeds.done = 1;
    const auto attempt = state_.attempts.find(JobId(place.id));
    if (attempt != state_.attempts.end() && !attempt->second.stopping) {
      stop_attempt(attempt->second, EndCause::kJobFault, verdict.reason);
    }
    return deeds;
  }
  if (nodes.empty()) deeds.why = "it is not known which node it is about";
  for (const NodeId node : nodes) {
    const Node& seen = state_.nodes[node.value()];
    const bool is_mended =
        verdict.happened && seen.phase == NodePhase::kReady && seen.phase_since > *verdict.happened;
    auto not_done = is_mended ? std::nullopt : act_on(node, verdict);
    if (!not_done) {
      ++deeds.done;
      continue;
    }
    // What a person is called for is what is told.
    if (not_done->by_breaker || deeds.held_back == 0) deeds.why = std::move(not_done->why);
    deeds.held_back += not_done->by_breaker ? 1 : 0;
  }
  return deeds;
}

/// Does it, and returns why not; none: it is done, or something as strong is.
std::optional<Core::Stepper::NotDone> Core::Stepper::act_on(NodeId node, const Verdict& verdict) {
  if (verdict.action == FaultAction::kWatch) return watch(node, verdict);
  if (verdict.action == FaultAction::kRestartJob) return restart_on(node, verdict);
  return take_out(node, verdict);
}

std::optional<Core::Stepper::NotDone> Core::Stepper::watch(NodeId id, const Verdict& verdict) {
  const NodePhase phase = state_.nodes[id.value()].phase;
  const Duration length = state_.health.policy->watch_for;
  if (phase == NodePhase::kSuspect) {
    // Not for each of many faults a second.
    const auto known = state_.health.watched.find(id);
    const bool much = known == state_.health.watched.end() ||
                      now_ + length > known->second + nanoseconds(length.count() / 8);
    if (much) emit(NodeWatched{id, now_ + length, verdict.code});
    return std::nullopt;
  }
  if (phase != NodePhase::kReady) {
    return NotDone{"the node is " + std::string(name_of(phase)) + " already"};
  }
  if (auto held = breaker_before(id, verdict)) return held;
  emit(NodeWatched{id, now_ + length, verdict.code});
  move_node(id, NodePhase::kSuspect, Mover::kFaultPolicy, verdict.reason, kPolicyName);
  return std::nullopt;
}

std::optional<Core::Stepper::NotDone> Core::Stepper::take_out(NodeId id, const Verdict& verdict) {
  const Node& node = state_.nodes[id.value()];
  FaultAction action = verdict.action;
  std::string reason = verdict.reason;
  if (!can_be_done(*state_.health.policy, action)) {
    reason += "; a person has to do it, for no program is set for " + std::string(name_of(action));
    action = FaultAction::kQuarantine;
  }
  const auto found = state_.health.remedies.find(id);
  if (found != state_.health.remedies.end()) {
    const Remedy& owner = found->second;
    if (owner.begun_at) return NotDone{std::string(name_of(owner.action)) + " is being done"};
    if (owner.action >= action) return std::nullopt;
    emit(RemedyCancelled{id, owner.id, "something stronger is to be done", kPolicyName});
  } else if (node.phase != NodePhase::kReady && node.phase != NodePhase::kSuspect) {
    return NotDone{"the node is " + std::string(name_of(node.phase)) + ", by " +
                   (node.phase_by.empty() ? std::string("nobody known") : node.phase_by)};
  } else if (auto held = breaker_before(id, verdict)) {
    return held;  // one that is watched only still does its work
  }
  plan_remedy(id, action, verdict.code, verdict.device, kPolicyName);
  DrainOrder order;
  order.mode = verdict.drain.value_or(drain_by_default(verdict.action));
  if (order.mode == DrainMode::kCheckpoint) {
    order.deadline = now_ + state_.health.policy->drain_deadline;
  }
  order.then = phase_after_drain(action);
  begin_drain(id, order, Mover::kFaultPolicy, reason, kPolicyName);
  return std::nullopt;
}

/// Which jobs that is, is looked up at once for all nodes, when all faults are judged.
std::optional<Core::Stepper::NotDone> Core::Stepper::restart_on(NodeId node,
                                                                const Verdict& verdict) {
  if (state_.nodes[node.value()].slices == 0) return std::nullopt;
  if (auto held = breaker_before(node, verdict)) return held;
  restarting_[node].push_back({verdict.device, verdict.reason});
  for (const BreakerPlace& place : breaker_places(state_, node)) ++verdict.restarted[place];
  return std::nullopt;
}

/// Why nothing may be done to a node there; none: it may.
std::optional<Core::Stepper::NotDone> Core::Stepper::breaker_before(NodeId node,
                                                                    const Verdict& verdict) {
  std::vector<BreakerPlace> places = breaker_places(state_, node);
  std::erase_if(places, [&](const BreakerPlace& each) { return verdict.within.contains(each); });
  const auto tripped = [](const BreakerPlace& place) {
    return NotDone{tripped_text(place.level, place.name), true};
  };
  // First what costs nothing: most ask where one has tripped.
  for (const BreakerPlace& place : places) {
    const auto found = state_.health.breakers.find(place);
    if (found != state_.health.breakers.end() && found->second.tripped_at) return tripped(place);
  }
  for (const BreakerPlace& place : places) {
    const auto found = state_.health.breakers.find(place);
    const Breaker none;
    const Breaker& breaker = found == state_.health.breakers.end() ? none : found->second;
    const BreakerRule& rule = *breaker_rule(*state_.health.policy, place.level);
    std::uint32_t taken = 0;
    bool known = false;
    for (const TakenNode& each : breaker.taken) {
      if (each.at <= now_ - rule.window) continue;
      ++taken;
      known = known || each.node == node;
    }
    const auto restarted = verdict.restarted.find(place);
    if (restarted != verdict.restarted.end()) taken += restarted->second;
    if (known || taken < rule.at_least) continue;
    // Only now, for the nodes of a rack have to be counted.
    const std::uint32_t nodes = nodes_around(state_, node, place.level);
    const std::uint32_t limit = breaker_limit(rule, nodes);
    if (taken < limit) continue;
    emit(BreakerTripped{place.level, place.name, taken, limit, nodes});
    return tripped(place);
  }
  return std::nullopt;
}

/// A fault of the node is gone: what was planned because of it is off, unless it has begun.
void Core::Stepper::give_back(NodeId id, const std::string& code,
                              std::optional<std::uint32_t> device) {
  const auto remedy = state_.health.remedies.find(id);
  const Node& node = state_.nodes[id.value()];
  if (remedy != state_.health.remedies.end()) {
    const Remedy& owner = remedy->second;
    if (owner.code != code || owner.device != device || owner.begun_at) return;
    emit(RemedyCancelled{id, owner.id, code + " is gone", kPolicyName});
  } else if (node.phase == NodePhase::kSuspect) {
    const auto faults = state_.faults.find(place_of(id));
    if (faults != state_.faults.end()) {
      for (const FaultRecord& each : faults->second.records) {
        if (each.active && each.acted >= FaultAction::kWatch) return;
      }
    }
  } else {
    return;
  }
  move_node(id, NodePhase::kReady, Mover::kFaultPolicy, code + " is gone", kPolicyName);
  // Something else may be wrong with it that this one stood before.
  judge_again(place_of(id));
}

}  // namespace mw
