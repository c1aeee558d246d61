#include "core/fleet_apply.h"

#include <optional>
#include <utility>

#include "base/check.h"
#include "core/allocation.h"

namespace mw {
namespace {

void add_node(State& state, NodeId id, const std::optional<NodePhase>& phase, Instant at) {
  Node node;
  node.id = id;
  node.phase_since = at;
  node.empty_since = at;
  // It is the policy that wants it proven first.
  if (phase) node.phase_mover = Mover::kFaultPolicy;
  node.phase = phase.value_or(NodePhase::kReady);
  reset_capacity(node, state.topology->shape(id));
  state.nodes.push_back(std::move(node));
  Node& added = state.nodes.back();
  follow_checks(state, added);
  state.ledger.change_capacity(free_category(state, added), added.accelerators_free);
}

void index_fleet(State& state) {
  state.capacity = ResourceAmounts();
  for (const Node& node : state.nodes) {
    const NodeShape& shape = state.topology->shape(node.id);
    state.capacity += {kWholeAccelerator * shape.accelerators, shape.cpus, shape.memory};
  }
  state.free.rebuild(*state.topology, state.nodes);
}

}  // namespace

void declare_fleet(State& state, const FleetDeclared& event, Instant at) {
  MW_CHECK(state.nodes.empty());
  state.fleet.declared = event.fleet;
  state.topology.replace(make_topology(state.fleet));
  for (std::uint32_t i = 0; i < state.topology->size(); ++i) {
    add_node(state, NodeId(i), event.phase, at);
  }
  fleet_changed(state);
}

void join_fleet(State& state, const NodeJoined& event, Instant at) {
  MW_CHECK(event.node.value() == state.nodes.size());
  state.fleet.described.push_back({event.node, event.spec});
  state.topology.change().add(event.spec);
  add_node(state, event.node, event.phase, at);
  reconsider(state.demand);  // for each: how often is remembered there
}

void have_joined(State& state) {
  state.topology.change().arrange();
  index_fleet(state);
}

void fleet_changed(State& state) {
  index_fleet(state);
  reconsider(state.demand);
}

}  // namespace mw
