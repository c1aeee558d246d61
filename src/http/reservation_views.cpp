// How reservations are shown.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "core/reservations.h"
#include "http/views.h"

namespace mw::http {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& all) {
  return json::array(all.begin(), all.end());
}

json::object view_of(const State& state, const Reservation& reservation) {
  const ReservationSpec& spec = reservation.spec;
  json::array nodes;
  std::uint32_t out_of_use = 0;
  for (const NodeId id : reservation.nodes) {
    nodes.push_back(json::value(state.topology->name(id)));
    const Node& node = state.nodes[id.value()];
    out_of_use += node.phase != NodePhase::kReady || node.lost ? 1 : 0;
  }
  json::array running;
  json::array others;
  for (const auto& [job, attempt] : state.attempts) {
    const bool own = spec_of(state, job).reservation == spec.name;
    const bool there =
        std::any_of(attempt.placement.begin(), attempt.placement.end(),
                    [&](const NodeSlice& slice) { return has_node(reservation, slice.node); });
    if (own) running.push_back(job.value());
    if (!own && there) others.push_back(job.value());
  }
  std::uint64_t waiting = 0;
  for (auto at = state.of_reservations.lower_bound({spec.name, JobId()});
       at != state.of_reservations.end() && at->first == spec.name; ++at) {
    waiting += state.records.at(at->second).unfinished;
  }
  json::object view{{"name", spec.name}};
  view["start_ns"] = spec.start.count();
  view["end_ns"] = spec.end().count();
  view["begun"] = reservation.begun;
  view["nodes"] = std::move(nodes);
  view["nodes_out_of_use"] = out_of_use;
  view["chosen"] = spec.nodes > 0;
  view["type"] = spec.accelerator_type;
  view["site"] = spec.site;
  view["tenants"] = texts(spec.tenants);
  view["users"] = texts(spec.users);
  view["reason"] = spec.reason;
  view["by"] = reservation.by;
  view["made_at_ns"] = reservation.made_at.count();
  view["waiting"] = waiting - running.size();
  view["running"] = std::move(running);
  view["others"] = std::move(others);
  return view;
}

}  // namespace

json::array reservation_views(const State& state, const std::optional<std::string>& name) {
  std::vector<const Reservation*> order;
  for (const auto& [known, each] : state.reservations) {
    if (!name || known == *name) order.push_back(&each);
  }
  std::stable_sort(order.begin(), order.end(), [](const Reservation* a, const Reservation* b) {
    return a->spec.start < b->spec.start;
  });
  json::array views;
  for (const Reservation* each : order) views.push_back(view_of(state, *each));
  return views;
}

}  // namespace mw::http
