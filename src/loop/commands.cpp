#include "loop/commands.h"

namespace mw {

DesiredAttempt desired_attempt(const State& state, JobId job) {
  const Attempt& attempt = state.attempts.at(job);
  DesiredAttempt desired;
  desired.job = job;
  desired.record = state.jobs.at(job).record;
  desired.attempt = attempt.number;
  desired.epoch = attempt.epoch;
  desired.goal = attempt.stopping ? AttemptGoal::kStop : AttemptGoal::kRun;
  desired.grace = attempt.stop_grace;
  desired.spec = state.records.at(desired.record).spec;
  desired.placement = attempt.placement;
  for (const NodeSlice& slice : attempt.placement) {
    desired.node_names.push_back(state.topology->name(slice.node));
  }
  desired.resume_from = attempt.resumed_from;
  return desired;
}

std::vector<DesiredAttempt> desired_attempts(const State& state) {
  std::vector<DesiredAttempt> all;
  all.reserve(state.attempts.size());
  for (const auto& [job, attempt] : state.attempts) all.push_back(desired_attempt(state, job));
  return all;
}

DesiredRemedy desired_remedy(const State& state, NodeId node) {
  const Remedy& remedy = state.health.remedies.at(node);
  DesiredRemedy desired;
  desired.node = state.topology->name(node);
  desired.remedy = remedy.id;
  desired.action = remedy.action;
  desired.code = remedy.code;
  desired.device = remedy.device;
  if (const FaultHook* hook = hook_for(*state.health.policy, remedy.action)) desired.hook = *hook;
  return desired;
}

NodeDecision decision_on(const State& state, NodeId id) {
  const Node& node = state.nodes.at(id.value());
  return {state.topology->name(id), node.phase, node.phase_reason, node.phase_by};
}

Commander::Commander(Engine& engine, const State& state) : engine_(engine) {
  for (const auto& [job, attempt] : state.attempts) epochs_.emplace(job, attempt.epoch);
}

void Commander::tell(const State& state, const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
      epochs_[placed->job] = placed->epoch;
      // Ended again within the same step: never started, and forgotten below.
      if (!state.attempts.contains(placed->job)) continue;
      engine_.set(desired_attempt(state, placed->job));
    } else if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
      const auto attempt = state.attempts.find(stopping->job);
      if (attempt == state.attempts.end() || attempt->second.number != stopping->attempt) continue;
      engine_.set(desired_attempt(state, stopping->job));
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      const auto epoch = epochs_.find(ended->job);
      if (epoch == epochs_.end()) continue;
      engine_.forget(ended->job, epoch->second);
      epochs_.erase(epoch);
    } else if (const auto* begun = std::get_if<RemedyBegun>(&event.body)) {
      const auto remedy = state.health.remedies.find(begun->node);
      if (remedy == state.health.remedies.end() || remedy->second.id != begun->remedy) continue;
      engine_.remedy(desired_remedy(state, begun->node));
    } else if (const auto* moved = std::get_if<NodeMoved>(&event.body)) {
      engine_.node_is(decision_on(state, moved->node));
    } else if (const auto* over = std::get_if<RemedyEnded>(&event.body)) {
      engine_.forget_remedy(state.topology->name(over->node), over->remedy);
    }
  }
}

void Commander::repeat(const State& state) {
  for (const auto& [job, attempt] : state.attempts) engine_.set(desired_attempt(state, job));
  for (const auto& [node, remedy] : state.health.remedies) {
    if (remedy.begun_at) engine_.remedy(desired_remedy(state, node));
  }
  for (const Node& node : state.nodes) {
    if (node.phase != NodePhase::kReady) engine_.node_is(decision_on(state, node.id));
  }
}

std::vector<std::pair<std::string, Epoch>> Commander::unknown_remedies(
    const State& state, std::span<const Input> inputs) {
  std::vector<std::pair<std::string, Epoch>> found;
  for (const Input& input : inputs) {
    const auto* report = std::get_if<RemedyReported>(&input.body);
    if (report == nullptr) continue;
    const auto node = state.topology->find(report->node);
    const auto remedy = node ? state.health.remedies.find(*node) : state.health.remedies.end();
    const bool known = remedy != state.health.remedies.end() && remedy->second.id == report->remedy;
    if (!known) found.emplace_back(report->node, report->remedy);
  }
  return found;
}

std::vector<std::pair<JobId, Epoch>> Commander::unknown(const State& state,
                                                        std::span<const Input> inputs) {
  std::vector<std::pair<JobId, Epoch>> found;
  for (const Input& input : inputs) {
    std::visit(
        [&](const auto& body) {
          if constexpr (requires { body.epoch; }) {
            const auto attempt = state.attempts.find(body.job);
            if (attempt == state.attempts.end() || attempt->second.epoch != body.epoch) {
              found.emplace_back(body.job, body.epoch);
            }
          }
        },
        input.body);
  }
  return found;
}

}  // namespace mw
