// What events do to checks, and when an idle node may be checked. Nothing is decided here.
#include "core/checks.h"

#include <algorithm>

#include "base/check.h"
#include "core/allocation.h"
#include "core/state.h"

namespace mw {
namespace {

bool is_idle(const Node& node) {
  return node.phase == NodePhase::kReady && !node.lost && node.slices == 0;
}

/// New nodes are moved by the policy; what a person is setting up is that person's.
bool is_new(const Node& node, NodePhase phase) {
  return node.phase == phase && node.phase_mover == Mover::kFaultPolicy;
}

std::optional<Instant> due_of(const State& state, const Node& node) {
  const CheckRules& rules = check_rules(*state.health.policy);
  if (!checks_idle_nodes(*state.health.policy)) return std::nullopt;
  if (!is_idle(node) || node.checking) return std::nullopt;
  const Instant rested = node.empty_since + rules.idle_for;
  return node.checked ? std::max(rested, node.checked->at + rules.every) : rested;
}

void keep_member(std::set<NodeId>& members, NodeId node, bool belongs) {
  if (belongs) {
    members.insert(node);
  } else {
    members.erase(node);
  }
}

void note_sample(State& state, NodeId node, const Measure& measure) {
  if (measure.better == BetterValue::kNeither) return;
  auto& pools = state.health.checks.pools;
  const PoolKey key = pool_of(state, node, measure.name);
  if (pools.size() >= kPoolsKept && !pools.contains(key)) return;
  auto& samples = pools[key];
  std::erase_if(samples, [&](const PoolSample& each) { return each.node == node; });
  if (samples.size() == kPoolSamplesKept) samples.erase(samples.begin());
  samples.push_back({node, measure.value});
}

/// Changes whether the node is being checked, and what its free accelerators are counted as.
void set_checking(State& state, Node& node, bool checking) {
  const LedgerCategory before = free_category(state, node);
  node.checking = checking;
  state.ledger.shift(before, free_category(state, node), node.accelerators_free);
  CheckSite& site = state.health.checks.sites[state.topology->site_of(node.id)];
  site.checking += checking ? 1 : 0;
  site.checking -= checking ? 0 : 1;
}

}  // namespace

void follow_checks(State& state, Node& node) {
  const std::optional<Instant> due = due_of(state, node);
  const bool waits = is_new(node, NodePhase::kProvisioning) && !node.lost;
  const bool proves = is_new(node, NodePhase::kValidating);
  Checks& checks = state.health.checks;
  // Nearly always: nobody checks, and nobody ever did.
  if (due == node.check_due && !waits && !proves && checks.sites.empty()) return;
  const SiteId id = state.topology->site_of(node.id);
  CheckSite& site = checks.sites[id];
  if (due != node.check_due) {
    if (node.check_due) site.due.erase({*node.check_due, node.id});
    if (due) site.due.insert({*due, node.id});
    node.check_due = due;
  }
  keep_member(site.waiting, node.id, waits);
  keep_member(site.proving, node.id, proves);
  if (site.empty()) checks.sites.erase(id);
}

void rebuild_checks(State& state) {
  state.health.checks.sites.clear();
  for (Node& node : state.nodes) {
    node.check_due.reset();
    node.checking = state.health.checks.running.contains(node.id);
    if (node.checking) ++state.health.checks.sites[state.topology->site_of(node.id)].checking;
    follow_checks(state, node);
  }
}

void apply_health(State& state, const CheckBegun& event) {
  Node& node = state.nodes.at(event.node.value());
  MW_CHECK(is_idle(node) && !node.checking);
  state.next_epoch = event.check.next();
  const RunningCheck check{event.check, state.now, event.deadline};
  MW_CHECK(state.health.checks.running.emplace(event.node, check).second);
  state.health.timers.insert({event.deadline, event.node});
  set_checking(state, node, true);
  follow_checks(state, node);
}

void apply_health(State& state, const CheckEnded& event) {
  Node& node = state.nodes.at(event.node.value());
  if (event.moment == CheckMoment::kIdle) {
    const auto found = state.health.checks.running.find(event.node);
    MW_CHECK(found != state.health.checks.running.end() && found->second.id == event.check);
    state.health.timers.erase({found->second.deadline, event.node});
    state.health.checks.running.erase(found);
    set_checking(state, node, false);
  }
  if (event.outcome != CheckOutcome::kStopped) {
    node.checked = CheckMark{state.now, event.moment, event.outcome};
  }
  if (event.outcome == CheckOutcome::kPassed) {
    for (const Measure& measure : event.measures) note_sample(state, event.node, measure);
  }
  follow_checks(state, node);
}

PoolKey pool_of(const State& state, NodeId node, const std::string& measure) {
  const Topology& topology = *state.topology;
  const NodeShape& shape = topology.shape(node);
  const std::string name = shape.name.empty()
                               ? std::to_string(shape.accelerators) + " x " + shape.accelerator_type
                               : shape.name;
  return {topology.site(topology.site_of(node)).name, name, measure};
}

}  // namespace mw
