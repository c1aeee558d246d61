#include "loop/commands.h"

#include <algorithm>

namespace mw {

DesiredAttempt desired_attempt(const State& state, JobId job) {
  const Attempt& attempt = state.attempts.at(job);
  DesiredAttempt desired;
  desired.job = job;
  desired.record = state.jobs.at(job).record;
  desired.attempt = attempt.number;
  desired.epoch = attempt.epoch;
  desired.goal = attempt.stopping ? AttemptGoal::kStop : AttemptGoal::kRun;
  desired.cause = attempt.stopping;
  desired.grace = attempt.stop_grace;
  const JobRecord& record = state.records.at(desired.record);
  desired.spec = record.spec;
  desired.client_key = record.client_key;
  desired.placement = attempt.placement;
  for (const NodeSlice& slice : attempt.placement) {
    desired.node_names.push_back(state.topology->name(slice.node));
  }
  desired.resume_from = attempt.resumed_from;
  const Resilience& resilience = state.resilience;
  if (const auto kept = resilience.kept.find(job); kept != resilience.kept.end()) {
    desired.kept = kept->second;
  }
  if (const auto leaving = resilience.leaving.find(job); leaving != resilience.leaving.end()) {
    desired.leaving = leaving->second.lost;
    desired.leaving_grace = leaving->second.grace;
  }
  return desired;
}

std::vector<DesiredAttempt> desired_attempts(const State& state) {
  std::vector<DesiredAttempt> all;
  all.reserve(state.attempts.size());
  for (const auto& [job, attempt] : state.attempts) all.push_back(desired_attempt(state, job));
  return all;
}

namespace {

void add_shape(DesiredRemedy& desired, const NodeShape& shape) {
  desired.accelerators = shape.accelerators;
  desired.accelerator_type = shape.accelerator_type;
}

/// In the power tree; none: it stands in none.
PowerId rack_of(const Topology& topology, NodeId node) {
  PowerId at = topology.power_of(node);
  while (at != kNoId<PowerId> && topology.power(at).level != PowerLevel::kRack) {
    at = topology.power(at).parent;
  }
  return at;
}

/// The largest vertex that is no more than a leaf; none: it stands higher.
FabricId leaf_of(const Topology& topology, NodeId node) {
  FabricId leaf = kNoId<FabricId>;
  for (FabricId at = topology.fabric_of(node);
       at != kNoId<FabricId> && topology.fabric(at).level <= FabricLevel::kLeaf;
       at = topology.fabric(at).parent) {
    leaf = at;
  }
  return leaf;
}

/// The others in the node's rack, where the fleet has no racks at its leaf switch, that serve; so
/// many at most, the nearest. A fleet file numbers the nodes of a rack one after the other, so the
/// fleet is not searched.
std::vector<std::string> rack_nodes(const State& state, NodeId node) {
  constexpr std::size_t kMost = 256;
  const Topology& topology = *state.topology;
  std::vector<std::string> names;
  const auto add = [&](NodeId other) {
    const Node& there = state.nodes[other.value()];
    const bool serves = there.phase == NodePhase::kReady && !there.lost;
    if (serves && other != node && names.size() < kMost) names.push_back(topology.name(other));
  };
  const PowerId rack = rack_of(topology, node);
  if (rack == kNoId<PowerId>) {
    const FabricId leaf = leaf_of(topology, node);
    if (leaf == kNoId<FabricId>) return names;
    const FabricVertex& stand = topology.fabric(leaf);
    for (Position at = stand.first; at < stand.last; ++at) add(topology.at(at));
    return names;
  }
  const auto is_there = [&](std::uint32_t id) { return rack_of(topology, NodeId(id)) == rack; };
  for (std::uint32_t id = node.value(); id > 0 && is_there(id - 1); --id) add(NodeId(id - 1));
  for (std::uint32_t id = node.value() + 1; id < topology.size() && is_there(id); ++id) {
    add(NodeId(id));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void add_programs(DesiredRemedy& desired, const FaultPolicy& policy, CheckMoment moment) {
  for (const CheckProgram& each : check_rules(policy).programs) {
    const bool runs = moment == CheckMoment::kEntry ? each.on_entry : each.on_idle;
    if (runs) desired.checks.push_back(each);
  }
}

}  // namespace

DesiredRemedy desired_check(const State& state, NodeId node) {
  DesiredRemedy desired;
  desired.node = state.topology->name(node);
  desired.remedy = state.health.checks.running.at(node).id;
  desired.action = FaultAction::kValidate;
  desired.yields = true;
  add_shape(desired, state.topology->shape(node));
  add_programs(desired, *state.health.policy, CheckMoment::kIdle);
  desired.rack_nodes = rack_nodes(state, node);
  return desired;
}

DesiredRemedy desired_remedy(const State& state, NodeId node) {
  const Remedy& remedy = state.health.remedies.at(node);
  DesiredRemedy desired;
  desired.node = state.topology->name(node);
  desired.remedy = remedy.id;
  desired.action = remedy.action;
  desired.code = remedy.code;
  desired.device = remedy.device;
  add_shape(desired, state.topology->shape(node));
  if (const FaultHook* hook = hook_for(*state.health.policy, remedy.action)) desired.hook = *hook;
  if (remedy.action == FaultAction::kValidate) {
    add_programs(desired, *state.health.policy, CheckMoment::kEntry);
    desired.rack_nodes = rack_nodes(state, node);
  }
  return desired;
}

NodeDecision decision_on(const State& state, NodeId id) {
  const Node& node = state.nodes.at(id.value());
  return {state.topology->name(id), node.phase, node.phase_reason, node.phase_by};
}

void tell_phases(const State& state, Engine& engine) {
  for (const Node& node : state.nodes) {
    if (node.phase != NodePhase::kReady) engine.node_is(decision_on(state, node.id));
  }
}

void tell_remedies(const State& state, Engine& engine) {
  for (const auto& [node, remedy] : state.health.remedies) {
    if (remedy.begun_at) engine.remedy(desired_remedy(state, node));
  }
  for (const auto& [node, check] : state.health.checks.running) {
    engine.remedy(desired_check(state, node));
  }
  engine.all_remedies_told();
}

AdoptedFate fate_of(const State& state, JobId id) {
  const Job& job = state.jobs.at(id);
  const JobRecord& record = state.records.at(job.record);
  AdoptedFate fate;
  fate.client_key = record.client_key;
  fate.job = id;
  fate.spec = record.spec;
  fate.state = job.state;
  fate.finished_at = job.finished_at;
  return fate;
}

void tell_adopted(const State& state, Engine& engine) {
  if (!engine.adopts()) return;
  for (const auto& [id, record] : state.records) {
    if (is_adopted(record.client_key) && state.jobs.find(id) != nullptr) {
      engine.adopted_is(fate_of(state, id));
    }
  }
}

namespace {

void tell_fate(const State& state, Engine& engine, JobId id) {
  if (!engine.adopts()) return;
  // A step that ends more jobs than are kept has let go of some already.
  if (state.jobs.find(id) != nullptr && is_adopted(record_of(state, id).client_key)) {
    engine.adopted_is(fate_of(state, id));
  }
}

}  // namespace

Commander::Commander(Engine& engine, const State& state) : engine_(engine) {
  for (const auto& [job, attempt] : state.attempts) epochs_.emplace(job.value(), attempt.epoch);
}

void Commander::tell(const State& state, const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
      epochs_[placed->job.value()] = placed->epoch;
      // Ended again within the same step: never started, and forgotten below.
      if (!state.attempts.contains(placed->job)) continue;
      engine_.set(desired_attempt(state, placed->job));
    } else if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
      const auto attempt = state.attempts.find(stopping->job);
      if (attempt == state.attempts.end() || attempt->second.number != stopping->attempt) continue;
      engine_.set(desired_attempt(state, stopping->job));
    } else if (const auto* leaving = std::get_if<RanksLeaving>(&event.body)) {
      // Replaced within the same step: told where it is placed, after whatever gave way to it.
      const auto attempt = state.attempts.find(leaving->job);
      if (attempt == state.attempts.end() || attempt->second.number != leaving->attempt) continue;
      engine_.set(desired_attempt(state, leaving->job));
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      const auto epoch = epochs_.find(ended->job.value());
      if (epoch == epochs_.end()) continue;
      // Some of it goes on in another attempt: the newer epoch says so, and leaves nobody behind.
      if (state.resilience.kept.contains(ended->job)) continue;
      engine_.forget(ended->job, epoch->second);
      epochs_.erase(epoch);
    } else if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
      if (is_adopted(submitted->client_key)) tell_fate(state, engine_, submitted->job);
    } else if (const auto* finished = std::get_if<JobFinished>(&event.body)) {
      tell_fate(state, engine_, finished->job);
    } else if (const auto* begun = std::get_if<RemedyBegun>(&event.body)) {
      const auto remedy = state.health.remedies.find(begun->node);
      if (remedy == state.health.remedies.end() || remedy->second.id != begun->remedy) continue;
      engine_.remedy(desired_remedy(state, begun->node));
    } else if (const auto* moved = std::get_if<NodeMoved>(&event.body)) {
      engine_.node_is(decision_on(state, moved->node));
    } else if (const auto* over = std::get_if<RemedyEnded>(&event.body)) {
      engine_.forget_remedy(state.topology->name(over->node), over->remedy);
    } else if (const auto* check = std::get_if<CheckBegun>(&event.body)) {
      const auto& all = state.health.checks.running;
      const auto running = all.find(check->node);
      if (running == all.end() || running->second.id != check->check) continue;
      engine_.remedy(desired_check(state, check->node));
    } else if (const auto* done = std::get_if<CheckEnded>(&event.body)) {
      // Of a node that is to serve it is the remedy that ends.
      if (done->moment != CheckMoment::kIdle) continue;
      engine_.forget_remedy(state.topology->name(done->node), done->check);
    }
  }
}

void Commander::repeat(const State& state) {
  for (const auto& [job, attempt] : state.attempts) engine_.set(desired_attempt(state, job));
  tell_remedies(state, engine_);
  tell_phases(state, engine_);
  tell_adopted(state, engine_);
}

std::vector<std::pair<std::string, Epoch>> Commander::unknown_remedies(
    const State& state, std::span<const Input> inputs) {
  std::vector<std::pair<std::string, Epoch>> found;
  for (const Input& input : inputs) {
    const auto* report = std::get_if<RemedyReported>(&input.body);
    if (report == nullptr) continue;
    const auto node = state.topology->find(report->node);
    const Health& health = state.health;
    const auto remedy = node ? health.remedies.find(*node) : health.remedies.end();
    const auto check = node ? health.checks.running.find(*node) : health.checks.running.end();
    const bool known = (remedy != health.remedies.end() && remedy->second.id == report->remedy) ||
                       (check != health.checks.running.end() && check->second.id == report->remedy);
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
