#include "core/reservations.h"

#include <algorithm>

#include "base/check.h"
#include "core/allocation.h"
#include "core/queueing.h"

namespace mw {
namespace {

bool is_reserved(const State& state, NodeId node) {
  return std::any_of(state.reservations.begin(), state.reservations.end(),
                     [&](const auto& each) { return has_node(each.second, node); });
}

bool has_begun_on(const State& state, NodeId node) {
  return std::any_of(state.reservations.begin(), state.reservations.end(), [&](const auto& each) {
    return each.second.begun && has_node(each.second, node);
  });
}

/// Sets what a node's reservations make of it, for the index and for the ledger.
void settle_node(State& state, NodeId id) {
  Node& node = state.nodes.at(id.value());
  const LedgerCategory before = free_category(state, node);
  node.hidden = is_reserved(state, id);
  node.reserved = has_begun_on(state, id);
  state.free.update(*state.topology, node);
  state.ledger.shift(before, free_category(state, node), node.accelerators_free);
}

/// Attempts that name the reservation, while when they are stopped changes with it.
template <class Change>
void with_deadlines(State& state, const std::string& name, Change change) {
  std::vector<JobId> jobs;
  for (const auto& [job, attempt] : state.attempts) {
    if (spec_of(state, job).reservation == name && !attempt.stopping) jobs.push_back(job);
  }
  for (const JobId job : jobs) unwatch_deadline(state, state.attempts.at(job));
  change();
  for (const JobId job : jobs) watch_deadline(state, state.attempts.at(job));
}

/// When a job that starts then has let go at the latest, its reservation's end included.
Instant latest_end(const State& state, const JobSpec& spec, Instant start) {
  const Reservation* own = reservation_of(state, spec);
  const Instant end = expected_end(spec, start);
  return own == nullptr ? end : std::min(end, own->spec.end());
}

}  // namespace

const Reservation* find_reservation(const State& state, std::string_view name) {
  const auto found = state.reservations.find(std::string(name));
  return found == state.reservations.end() ? nullptr : &found->second;
}

const Reservation* reservation_of(const State& state, const JobSpec& spec) {
  return spec.reservation ? find_reservation(state, *spec.reservation) : nullptr;
}

bool has_node(const Reservation& reservation, NodeId node) {
  return std::binary_search(reservation.nodes.begin(), reservation.nodes.end(), node);
}

bool is_open_to(const State& state, const Reservation& reservation, const JobSpec& spec) {
  const std::vector<std::string>& tenants = reservation.spec.tenants;
  const std::vector<std::string>& users = reservation.spec.users;
  if (tenants.empty() && users.empty()) return true;
  if (std::find(users.begin(), users.end(), spec.user) != users.end()) return true;
  // Whoever is below a tenant is of it.
  std::string name = spec.tenant;
  for (std::size_t steps = 0; steps <= state.policy.tenants.size(); ++steps) {
    if (std::find(tenants.begin(), tenants.end(), name) != tenants.end()) return true;
    const auto at = std::find_if(state.policy.tenants.begin(), state.policy.tenants.end(),
                                 [&](const TenantPolicy& each) { return each.name == name; });
    if (at == state.policy.tenants.end()) return false;
    name = at->parent;
  }
  return false;
}

bool ends_within(const Reservation& reservation, const JobSpec& spec, Instant start) {
  const Instant end = reservation.spec.end();
  // Stopped so that it is gone by then, but not before it has begun.
  if (spec.time_limit.count() == 0) return start + spec.grace < end;
  return expected_end(spec, start) <= end;
}

bool reservation_has_begun(const State& state, const JobSpec& spec) {
  const Reservation* own = reservation_of(state, spec);
  return own == nullptr || own->begun;
}

std::optional<View> view_of(const State& state, const JobSpec& spec, Instant now) {
  if (spec.reservation) {
    const Reservation* own = reservation_of(state, spec);
    if (own == nullptr || !own->begun || !ends_within(*own, spec, now)) return std::nullopt;
    return View{*spec.reservation, Instant::never()};
  }
  View view;
  if (state.reservations.empty()) return view;
  const Instant end = expected_end(spec, now);
  for (const auto& [name, each] : state.reservations) {
    if (end <= each.spec.start) view.until = std::min(view.until, each.spec.start);
  }
  return view;
}

void see(State& state, const View& view) {
  if (view == state.view) return;
  const bool one_alone = !view.reservation.empty();
  std::vector<bool> hidden(state.nodes.size(), one_alone);
  for (const auto& [name, each] : state.reservations) {
    const bool hides = !one_alone && each.spec.start < view.until;
    if (!hides && name != view.reservation) continue;
    for (const NodeId node : each.nodes) hidden[node.value()] = hides;
  }
  const auto settle = [&](Node& node) {
    if (node.hidden == hidden[node.id.value()]) return;
    node.hidden = !node.hidden;
    state.free.update(*state.topology, node);
  };
  if (one_alone || !state.view.reservation.empty()) {
    for (Node& node : state.nodes) settle(node);
  } else {
    for (const auto& [name, each] : state.reservations) {
      for (const NodeId node : each.nodes) settle(state.nodes[node.value()]);
    }
  }
  state.view = view;
}

bool keeps_clear(const State& state, const JobSpec& spec, const std::vector<ClaimedNode>& nodes,
                 Instant start) {
  const Reservation* own = reservation_of(state, spec);
  if (spec.reservation && (own == nullptr || !ends_within(*own, spec, start))) return false;
  const Instant end = latest_end(state, spec, start);
  for (const auto& [name, each] : state.reservations) {
    if (&each == own || end <= each.spec.start) continue;
    for (const ClaimedNode& node : nodes) {
      if (has_node(each, node.node)) return false;
    }
  }
  return own == nullptr || std::all_of(nodes.begin(), nodes.end(), [&](const ClaimedNode& node) {
           return has_node(*own, node.node);
         });
}

bool may_be_held(const State& state, const JobSpec& spec, const Placement& placement,
                 Instant start) {
  if (state.reservations.empty() && !spec.reservation) return true;
  const Reservation* own = reservation_of(state, spec);
  if (own != nullptr && !own->begun) return false;
  std::vector<ClaimedNode> nodes;
  for (const NodeSlice& slice : placement) nodes.push_back({slice.node, 0, 0, {}, {}});
  return keeps_clear(state, spec, nodes, start);
}

bool is_seen(const State& state, const Placement& placement) {
  return std::none_of(placement.begin(), placement.end(), [&](const NodeSlice& slice) {
    return state.nodes[slice.node.value()].hidden;
  });
}

void add_reservation(State& state, Reservation reservation) {
  MW_CHECK(state.view == View());
  const std::string name = reservation.spec.name;
  const auto [at, added] = state.reservations.emplace(name, std::move(reservation));
  MW_CHECK(added);
  for (const NodeId node : at->second.nodes) settle_node(state, node);
}

void begin_reservation(State& state, const std::string& name) {
  Reservation& reservation = state.reservations.at(name);
  MW_CHECK(state.view == View() && !reservation.begun);
  reservation.begun = true;
  for (const NodeId node : reservation.nodes) settle_node(state, node);
}

void mend_reservation(State& state, const ReservationMended& event) {
  MW_CHECK(state.view == View());
  std::vector<NodeId>& nodes = state.reservations.at(event.reservation).nodes;
  for (const NodeId node : event.gone) MW_CHECK(std::erase(nodes, node) == 1);
  nodes.insert(nodes.end(), event.come.begin(), event.come.end());
  std::sort(nodes.begin(), nodes.end());
  for (const NodeId node : event.gone) settle_node(state, node);
  for (const NodeId node : event.come) settle_node(state, node);
}

void end_reservation(State& state, const std::string& name) {
  MW_CHECK(state.view == View());
  const std::vector<NodeId> nodes = state.reservations.at(name).nodes;
  with_deadlines(state, name, [&] { state.reservations.erase(name); });
  for (const NodeId node : nodes) settle_node(state, node);
}

void restore_reservations(State& state) {
  state.view = View();
  for (Node& node : state.nodes) node.hidden = node.reserved = false;
  for (const auto& [name, each] : state.reservations) {
    for (const NodeId id : each.nodes) {
      Node& node = state.nodes.at(id.value());
      node.hidden = true;
      node.reserved = node.reserved || each.begun;
    }
  }
}

}  // namespace mw
