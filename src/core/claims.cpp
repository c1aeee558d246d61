#include "core/claims.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "core/allocation.h"
#include "core/gang.h"

namespace mw {
namespace {

bool wants_nodes_alone(const JobSpec& spec) {
  return spec.gang.exclusive || std::any_of(spec.groups.begin(), spec.groups.end(),
                                            [](const GangShape& each) { return each.exclusive; });
}

NodeClaim claim_on(JobId job, bool exclusive, const ClaimedNode& node) {
  return {job, exclusive, node.whole_left, node.cpus_left, node.memory_left};
}

}  // namespace

void restore_claim(State& state, const Claim& claim) {
  const bool exclusive = wants_nodes_alone(spec_of(state, claim.job));
  for (const ClaimedNode& each : claim.nodes) {
    Node& node = state.nodes.at(each.node.value());
    MW_CHECK(node.claim.job == JobId());
    node.claim = claim_on(claim.job, exclusive, each);
    state.free.update(*state.topology, node);
  }
}

void lay_claim(State& state, const Claim& claim) {
  for (const ClaimedNode& each : claim.nodes) {
    const Node& node = state.nodes.at(each.node.value());
    state.ledger.shift(free_category(state, node), LedgerCategory::kHeld, node.accelerators_free);
  }
  restore_claim(state, claim);
}

void lift_claim(State& state, const Claim& claim) {
  for (const ClaimedNode& each : claim.nodes) {
    Node& node = state.nodes.at(each.node.value());
    MW_CHECK(node.claim.job == claim.job);
    node.claim = NodeClaim();
    state.free.update(*state.topology, node);
    state.ledger.shift(LedgerCategory::kHeld, free_category(state, node), node.accelerators_free);
  }
}

bool power_allows(const State& state, const Claim& claim) {
  const Topology& topology = *state.topology;
  const std::vector<Watts>& draw = state.free.room().draw;
  std::map<PowerId, Watts> more;
  for (const ClaimedNode& each : claim.nodes) {
    const Node& node = state.nodes[each.node.value()];
    const NodeShape& shape = topology.shape(each.node);
    const AcceleratorShare used = kWholeAccelerator * shape.accelerators - node.accelerators_free;
    const Watts change = counted_draw(shape, used, claim_on(claim.job, false, each)) - node.draw;
    if (change.count() > 0) more[topology.power_of(each.node)] += change;
  }
  // Children before their parents.
  while (!more.empty()) {
    const auto [at, change] = *more.rbegin();
    if (draw[at.value()] + change > topology.power(at).limit) return false;
    more.erase(at);
    const PowerId parent = topology.power(at).parent;
    if (parent != kNoId<PowerId>) more[parent] += change;
  }
  return true;
}

void use_up_claims(State& state, const JobSpec& spec, const Placement& placement, Instant end) {
  if (state.claims.empty()) return;
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    if (node.claim.job == JobId()) continue;
    Claim& claim = state.claims.at(node.claim.job);
    if (end <= claim.at) continue;
    const auto at = std::find_if(claim.nodes.begin(), claim.nodes.end(),
                                 [&](const ClaimedNode& each) { return each.node == slice.node; });
    MW_CHECK(at != claim.nodes.end());
    std::set<std::uint16_t> devices;
    for (const DeviceShare& each : slice.devices) devices.insert(each.device);
    const ResourceAmounts need = need_of(group_at(spec, slice.first_rank), slice.tasks);
    at->whole_left -= std::min(at->whole_left, static_cast<std::uint32_t>(devices.size()));
    at->cpus_left -= std::min(at->cpus_left, need.cpus);
    at->memory_left -= std::min(at->memory_left, need.memory);
    node.claim = claim_on(claim.job, node.claim.exclusive, *at);
  }
}

LiftedClaims::LiftedClaims(State& state)
    : state_(state), changes_before_(state.free.changes().count()) {}

LiftedClaims::~LiftedClaims() {
  std::uint64_t changes = 0;
  for (const Claim* claim : claims_) {
    lay_claim(state_, *claim);
    changes += 2 * claim->nodes.size();
  }
  state_.free.take_back(changes_before_, changes);
}

void LiftedClaims::lift(JobId job) {
  const auto found = state_.claims.find(job);
  if (found != state_.claims.end()) lift(found->second);
}

void LiftedClaims::lift_all() {
  for (const auto& [job, claim] : state_.claims) lift(claim);
}

void LiftedClaims::lift(const Claim& claim) {
  if (state_.nodes[claim.nodes.front().node.value()].claim.job != claim.job) return;
  claims_.push_back(&claim);
  lift_claim(state_, claim);
}

}  // namespace mw
