// Goodput and incidents: what the time came to, and what broke.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "base/fields.h"
#include "http/goodput_views.h"
#include "http/routes.h"

namespace mw::http {
namespace {

namespace json = boost::json;

constexpr std::size_t kRowsMax = 100'000;
constexpr std::size_t kRowsShown = 100;
constexpr std::size_t kIncidentsMax = 10'000;
constexpr std::size_t kIncidentsShown = 50;

enum class GoodputBy : std::uint8_t { kFleet, kSite, kRack, kNode, kTenant, kJob };

}  // namespace
}  // namespace mw::http

template <>
struct mw::EnumNames<mw::http::GoodputBy> {
  static constexpr std::array<std::string_view, 6> value = {"fleet", "site",   "rack",
                                                            "node",  "tenant", "job"};
};

namespace mw::http {
namespace {

void add_rows(json::array& rows, const std::map<std::string, GoodputTotals>& all,
              FailuresOf failures, std::size_t limit) {
  for (const auto& [name, totals] : all) {
    if (rows.size() == limit) return;
    rows.push_back(goodput_row(name, totals, failures));
  }
}

/// The rows, and how many there are in all.
std::size_t add_nodes(json::array& rows, const std::vector<GoodputTotals>& nodes,
                      const State& state, GoodputBy by, std::size_t limit) {
  if (by == GoodputBy::kNode) {
    const std::size_t known = std::min<std::size_t>(nodes.size(), state.topology->size());
    for (std::uint32_t i = 0; i < known && rows.size() < limit; ++i) {
      rows.push_back(goodput_row(state.topology->name(NodeId(i)), nodes[i], FailuresOf::kNodes));
    }
    return known;
  }
  const auto groups =
      grouped(nodes, state, by == GoodputBy::kSite ? NodeGroup::kSite : NodeGroup::kRack);
  add_rows(rows, groups, FailuresOf::kNodes, limit);
  return groups.size();
}

void show_goodput(const ApiContext& context, const Request& request, const Reply& reply) {
  GoodputBy by = GoodputBy::kFleet;
  if (request.has("by")) {
    const auto named = enum_from_name<GoodputBy>(request.text("by"));
    if (!named) {
      return reply(error_response(
          Error{ErrorCode::kInvalid,
                "Query parameter by: expected fleet, site, rack, node, tenant or job."}));
    }
    by = *named;
  }
  const std::size_t limit = request.number("limit").value_or(kRowsShown);
  json::array rows;
  std::size_t count = 0;
  std::vector<GoodputTotals> nodes;
  const Instant now = context.loop.now();
  const auto read = context.history.read([&](const Goodput& goodput, const Incidents&) {
    if (by == GoodputBy::kFleet) {
      count = 1;
      rows.push_back(goodput_row("fleet", goodput.fleet(now), FailuresOf::kNodes));
    } else if (by == GoodputBy::kTenant) {
      const auto tenants = goodput.by_tenant(now);
      count = tenants.size();
      add_rows(rows, tenants, FailuresOf::kAttempts, limit);
    } else if (by == GoodputBy::kJob) {
      count = goodput.jobs();
      for (const auto& [id, job] : goodput.newest_jobs(now, limit)) {
        json::object row =
            goodput_row("job " + std::to_string(id.value()), job.totals, FailuresOf::kAttempts);
        row["job"] = id.value();
        rows.push_back(std::move(row));
      }
    } else {
      nodes = goodput.by_node(now);
    }
  });
  if (!read) return reply(error_response(read.error()));
  if (!nodes.empty()) {
    read_state(context, [&](const State& state, Instant) {
      count = add_nodes(rows, nodes, state, by, limit);
    });
  }
  reply(json_response({{"at_ns", now.count()},
                       {"by", json::string(name_of(by).data(), name_of(by).size())},
                       {"rows", std::move(rows)},
                       {"count", count}}));
}

void list_incidents(const ApiContext& context, const Request& request, const Reply& reply) {
  std::optional<NodeId> node;
  const bool of_node = request.has("node");
  if (of_node) {
    read_state(context, [&](const State& state, Instant) {
      node = state.topology->find(request.text("node"));
    });
    if (!node) {
      return reply(
          error_response(Error{ErrorCode::kNotFound,
                               "There is no node \"" + std::string(request.text("node")) + "\"."}));
    }
  }
  const std::size_t limit = request.number("limit").value_or(kIncidentsShown);
  std::vector<Incident> found;
  std::size_t count = 0;
  const auto read = context.history.read([&](const Goodput&, const Incidents& incidents) {
    for (auto each = incidents.all().rbegin(); each != incidents.all().rend(); ++each) {
      const Incident& incident = each->second;
      if (request.flag("open") && incident.ended_at) continue;
      if (of_node && incident.node != node) continue;
      ++count;
      if (found.size() < limit) found.push_back(incident);
    }
  });
  if (!read) return reply(error_response(read.error()));
  json::array views;
  read_state(context, [&](const State& state, Instant) {
    for (const Incident& incident : found) views.push_back(incident_view(incident, state));
  });
  reply(json_response({{"incidents", std::move(views)}, {"count", count}}));
}

void show_incident(ApiContext& context, EventSeq id, const Reply& reply) {
  std::optional<Incident> found;
  const auto read = context.history.read([&](const Goodput&, const Incidents& incidents) {
    const auto known = incidents.all().find(id);
    if (known != incidents.all().end()) found = known->second;
  });
  if (!read) return reply(error_response(read.error()));
  if (!found) {
    return reply(error_response(
        Error{ErrorCode::kNotFound,
              "There is no incident " + std::to_string(id.value()) +
                  ", or it was long ago; mw incidents lists those that are known."}));
  }
  json::array events;
  for (const EventSeq seq : found->events) {
    EventQuery query;
    query.after = EventSeq(seq.value() - 1);
    query.limit = 1;
    const auto stored = context.journal.events(query);
    if (!stored) return reply(error_response(stored.error()));
    for (const StoredEvent& each : *stored) {
      events.push_back(event_view(each.seq, each.event, context.names.namer()));
    }
  }
  json::object view;
  read_state(context, [&](const State& state, Instant) { view = incident_view(*found, state); });
  view["events"] = std::move(events);
  view["events_left_out"] = found->events_left_out;
  reply(json_response(std::move(view)));
}

Route look(std::string_view path, std::string_view operation, std::string_view summary) {
  Route route;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  route.runs = Runs::kOnWorker;
  return route;
}

}  // namespace

std::vector<Route> goodput_routes(ApiContext* context) {
  const DocumentedResponse not_yet = {503, "The history is still being read.", "Error"};
  Route goodput = look("/v1/goodput", "show_goodput",
                       "What was work that is kept, what was lost and why, and how often things "
                       "fail: exact sums over the ledger.");
  goodput.parameters = {{"by", ParameterPlace::kQuery, ParameterType::kString,
                         "fleet (when not given), site, rack, node, tenant or job."},
                        {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
                         "At most so many rows; 100 when not given.", 1, kRowsMax}};
  goodput.responses = {{200, "The rows, by name; jobs the newest first.", "GoodputList"}, not_yet};
  goodput.handler = [context](const auto& request, const Reply& reply) {
    show_goodput(*context, *request, reply);
  };

  Route incidents = look("/v1/incidents", "list_incidents",
                         "What broke, the newest first: all open incidents "
                         "and the last 1,000 that are over.");
  incidents.parameters = {
      {"open", ParameterPlace::kQuery, ParameterType::kBoolean, "Only what is not over."},
      {"node", ParameterPlace::kQuery, ParameterType::kString, "Only of this node."},
      {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
       "At most so many; 50 when not given.", 1, kIncidentsMax}};
  incidents.responses = {
      {200, "The incidents.", "IncidentList"}, {404, "There is no such node.", "Error"}, not_yet};
  incidents.handler = [context](const auto& request, const Reply& reply) {
    list_incidents(*context, *request, reply);
  };

  Route one = look("/v1/incidents/{incident}", "show_incident",
                   "One incident with all that happened, in order.");
  one.parameters = {{"incident", ParameterPlace::kPath, ParameterType::kInteger, "Its number.", 1}};
  one.responses = {{200, "The incident.", "Incident"},
                   {404, "There is no such incident.", "Error"},
                   {400, "It is no number.", "Error"},
                   not_yet};
  one.handler = [context](const auto& request, const Reply& reply) {
    show_incident(*context, EventSeq(*request->number("incident")), reply);
  };
  return {goodput, incidents, one};
}

}  // namespace mw::http
