// The server about itself: health, figures, documentation, and the end.
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "http/goodput_views.h"
#include "http/openapi.h"
#include "http/routes.h"

namespace mw::http {
namespace {

constexpr std::size_t kJobsPerRead = 4096;  ///< counted while the state's lock is held

void health(const ApiContext& context, const Reply& reply) {
  const LoopStats stats = context.loop.stats();
  if (stats.store_available) return reply(json_response({{"status", "ok"}}));
  reply(json_response({{"status", "store unavailable"}, {"error", stats.store_error}}, 503));
}

void server(const ApiContext& context, const Reply& reply) {
  const LoopStats stats = context.loop.stats();
  boost::json::object view;
  view["version"] = context.options.version;
  view["pid"] = ::getpid();
  view["home"] = context.options.home;
  view["url"] = context.url;
  view["containment"] = context.engine.containment();
  view["several_machines"] = context.engine.has_several_machines();
  view["started_at_ns"] = context.started_at.count();
  view["store"] = {{"available", stats.store_available},
                   {"error", stats.store_available ? boost::json::value(nullptr)
                                                   : boost::json::value(stats.store_error)},
                   {"path", context.options.store_path}};
  view["loop"] = {{"batches", stats.batches},
                  {"inputs", stats.inputs},
                  {"events", stats.events},
                  {"refused", stats.refused},
                  {"store_failures", stats.store_failures},
                  {"step_ns", stats.step_ns},
                  {"append_ns", stats.append_ns},
                  {"queue_length", stats.queue_length}};
  reply(json_response(std::move(view)));
}

void write_loop(MetricsWriter& writer, const LoopStats& stats) {
  const auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  writer.one("mw_loop_batches_total", "counter", "Batches stored.", stats.batches);
  writer.one("mw_loop_inputs_total", "counter", "Inputs stepped.", stats.inputs);
  writer.one("mw_loop_events_total", "counter", "Events that came of them.", stats.events);
  writer.one("mw_loop_refused_total", "counter", "Inputs that were refused.", stats.refused);
  writer.one("mw_loop_store_failures_total", "counter", "Writes that the store did not take.",
             stats.store_failures);
  writer.one("mw_loop_step_seconds_total", "counter", "Time in which decisions were made.",
             seconds(stats.step_ns));
  writer.one("mw_loop_append_seconds_total", "counter", "Time in which the store was written.",
             seconds(stats.append_ns));
  writer.one("mw_loop_queue_length", "gauge", "Inputs that wait.",
             static_cast<std::uint64_t>(stats.queue_length));
  writer.one("mw_store_available", "gauge", "1 while the store takes writes.",
             std::uint64_t{stats.store_available});
}

/// Counts in several short reads: the sum is of nearly one moment, and nobody waits for it.
void write_jobs(MetricsWriter& writer, const ApiContext& context) {
  std::array<std::uint64_t, EnumNames<JobState>::value.size()> by_state{};
  JobId from;
  for (bool more = true; more;) {
    more = false;
    context.loop.read([&](const State& state) {
      std::size_t seen = 0;
      state.jobs.visit(from, [&](const Job& job) {
        ++by_state[static_cast<std::size_t>(job.state)];
        from = job.id.next();
        more = ++seen == kJobsPerRead;
        return !more;
      });
    });
  }
  writer.family("mw_jobs", "gauge", "Jobs by state: unfinished, and the last 10,000 finished.");
  for (std::size_t i = 0; i < by_state.size(); ++i) {
    writer.sample(by_state[i], {{"state", EnumNames<JobState>::value[i]}});
  }
}

void write_fleet(MetricsWriter& writer, const ApiContext& context) {
  ByCategory<AcceleratorTime> totals;
  ByCategory<AcceleratorShare> rates;
  std::map<std::pair<NodePhase, bool>, std::uint64_t> nodes;
  for (std::size_t i = 0; i < kNodePhases; ++i) {
    for (const bool lost : {false, true}) nodes[{static_cast<NodePhase>(i), lost}] = 0;
  }
  read_state(context, [&](const State& state, Instant now) {
    totals = ledger_totals(state, now);
    rates = state.ledger.rates();
    for (const Node& node : state.nodes) ++nodes[{node.phase, node.lost}];
  });
  writer.family("mw_nodes", "gauge",
                "Nodes by what was decided about them and whether their engine has them.");
  for (const auto& [key, count] : nodes)
    writer.sample(count, {{"phase", name_of(key.first)}, {"lost", key.second ? "true" : "false"}});
  writer.family("mw_accelerators", "gauge", "Accelerators by what they do now.");
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    writer.sample(static_cast<double>(rates.values[i].count()) / 1e3,
                  {{"category", EnumNames<LedgerCategory>::value[i]}});
  }
  // A gauge although it is a total: work that turns out lost moves from productive to lost_work,
  // and a counter that falls would be taken for one that began anew.
  writer.family("mw_accelerator_seconds_total", "gauge",
                "Accelerator-seconds by category; may fall when work is found lost, so use "
                "delta(), not rate().");
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    writer.sample(static_cast<double>(totals.values[i].count()) / 1e12,
                  {{"category", EnumNames<LedgerCategory>::value[i]}});
  }
}

double part_of(AcceleratorTime part, AcceleratorTime whole) {
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

double seconds_in(NodeTime time) { return static_cast<double>(time.count()) / 1e9; }

using Totals = std::map<std::string, GoodputTotals>;

/// Productive time, of what was given and, of tenants, waited for again; nothing where that is
/// none.
void write_ratio(MetricsWriter& writer, std::string_view name, std::string_view help,
                 std::string_view label, const Totals& totals, bool of_waiting = false) {
  writer.family(name, "gauge", help);
  for (const auto& [of, each] : totals) {
    if (each.given().count() == 0) continue;
    const AcceleratorTime whole = of_waiting ? each.given() + each.waiting : each.given();
    writer.sample(part_of(each.productive, whole), {{label, of}});
  }
}

template <class Value>
void write_counter(MetricsWriter& writer, std::string_view name, std::string_view help,
                   std::string_view label, const Totals& totals, Value value) {
  writer.family(name, "counter", help);
  for (const auto& [of, each] : totals) writer.sample(value(each), {{label, of}});
}

/// What attempts had, of the whole fleet and of each tenant.
void write_tenants(MetricsWriter& writer, const Totals& tenants) {
  GoodputTotals fleet;
  for (const auto& [name, each] : tenants) fleet += each;
  const AcceleratorTime given = fleet.given();
  if (given.count() > 0) {
    writer.one("mw_goodput_ratio", "gauge", "Productive time, of what attempts were given.",
               part_of(fleet.productive, given));
    writer.one("mw_ettr_ratio", "gauge",
               "Productive time, of that and the time of waiting to start again.",
               part_of(fleet.productive, given + fleet.waiting));
  }
  write_ratio(writer, "mw_tenant_goodput_ratio", "The same of each tenant.", "tenant", tenants);
  write_ratio(writer, "mw_tenant_ettr_ratio", "The same of each tenant.", "tenant", tenants, true);
  writer.family("mw_attempts_ended_total", "counter", "Attempts that ended, by cause.");
  for (const auto& [name, each] : tenants) {
    for (const CauseTotals& cause : each.causes) {
      writer.sample(cause.attempts, {{"cause", name_of(cause.cause)}, {"tenant", name}});
    }
  }
  writer.family("mw_lost_work_accelerator_seconds_total", "counter",
                "Accelerator-seconds of work that has to be done again, by cause.");
  for (const auto& [name, each] : tenants) {
    for (const CauseTotals& cause : each.causes) {
      writer.sample(static_cast<double>(cause.lost_work.count()) / 1e12,
                    {{"cause", name_of(cause.cause)}, {"tenant", name}});
    }
  }
  const auto counter = [&](std::string_view name, std::string_view help, auto value) {
    write_counter(writer, name, help, "tenant", tenants, value);
  };
  counter("mw_interruptions_total",
          "Attempts that ended, and neither was asked for nor was their work done.",
          [](const GoodputTotals& each) { return each.interruptions; });
  counter("mw_attempt_running_seconds_total",
          "Seconds of attempts; for each interruption that is their MTTF.",
          [](const GoodputTotals& each) { return seconds_in(each.running); });
  counter("mw_attempt_repair_seconds_total",
          "Seconds from interruptions until jobs ran again; for each that is their MTTR.",
          [](const GoodputTotals& each) { return seconds_in(each.repaired); });
}

void write_sites(MetricsWriter& writer, const Totals& sites) {
  write_ratio(writer, "mw_site_goodput_ratio",
              "Productive time, of what attempts were given on the site's nodes.", "site", sites);
  const auto counter = [&](std::string_view name, std::string_view help, auto value) {
    write_counter(writer, name, help, "site", sites, value);
  };
  counter("mw_node_failures_total",
          "Times that a node was lost, or taken out of service by the fault policy.",
          [](const GoodputTotals& each) { return each.failures; });
  counter("mw_node_service_seconds_total",
          "Node-seconds in service; for each failure that is the nodes' MTTF.",
          [](const GoodputTotals& each) { return seconds_in(each.in_service); });
  counter("mw_node_broken_seconds_total",
          "Node-seconds out of service because of failures; for each that is the MTTR.",
          [](const GoodputTotals& each) { return seconds_in(each.broken); });
}

void write_racks(MetricsWriter& writer, const Totals& racks) {
  write_ratio(writer, "mw_rack_goodput_ratio",
              "Productive time, of what attempts were given on the rack's nodes.", "rack", racks);
  write_counter(writer, "mw_rack_node_failures_total", "Failures of the rack's nodes.", "rack",
                racks, [](const GoodputTotals& each) { return each.failures; });
}

/// Nothing of it while the history is still being read: no figure is better than a wrong one.
void write_goodput(MetricsWriter& writer, const ApiContext& context) {
  Totals tenants;
  std::vector<GoodputTotals> nodes;
  std::uint64_t incidents = 0;
  std::uint64_t open = 0;
  std::uint64_t waiting = 0;
  const Instant now = context.loop.now();
  const auto read = context.history.read([&](const Goodput& goodput, const Incidents& all) {
    tenants = goodput.by_tenant(now);
    nodes = goodput.by_node(now);
    incidents = all.count();
    open = all.open();
    for (const auto& [id, each] : all.all()) waiting += each.withheld && !each.ended_at ? 1 : 0;
  });
  if (!read) return;
  write_tenants(writer, tenants);
  Totals sites;
  Totals racks;
  read_state(context, [&](const State& state, Instant) {
    sites = grouped(nodes, state, NodeGroup::kSite);
    racks = grouped(nodes, state, NodeGroup::kRack);
  });
  write_sites(writer, sites);
  write_racks(writer, racks);
  writer.one("mw_incidents_total", "counter", "Incidents so far.", incidents);
  writer.one("mw_incidents_open", "gauge", "Incidents that are not over.", open);
  writer.one("mw_incidents_waiting", "gauge", "Of those, such as wait for a person to decide.",
             waiting);
}

/// Where automatic action has stopped and calls for a person.
void write_breakers(MetricsWriter& writer, const ApiContext& context) {
  std::vector<BreakerPlace> tripped;
  read_state(context, [&](const State& state, Instant) {
    for (const auto& [place, breaker] : state.health.breakers) {
      if (breaker.tripped_at) tripped.push_back(place);
    }
  });
  writer.family("mw_breaker_tripped", "gauge",
                "1 where nothing more is done about faults until a person resets the breaker.");
  for (const BreakerPlace& place : tripped) {
    writer.sample(std::uint64_t{1}, {{"level", name_of(place.level)}, {"place", place.name}});
  }
}

void metrics(const ApiContext& context, const Reply& reply) {
  MetricsWriter writer;
  writer.family("mw_build_info", "gauge", "Always 1; the version is in the label.");
  writer.sample(std::uint64_t{1}, {{"version", context.options.version}});
  write_jobs(writer, context);
  write_fleet(writer, context);
  write_goodput(writer, context);
  write_breakers(writer, context);
  write_loop(writer, context.loop.stats());
  if (context.listener_stats) {
    const ListenerStats stats = context.listener_stats();
    writer.one("mw_http_connections", "gauge", "Open connections.",
               static_cast<std::uint64_t>(stats.connections));
    writer.one("mw_http_connections_total", "counter", "Connections accepted.", stats.accepted);
    writer.one("mw_http_connections_refused_total", "counter", "Connections over the limit.",
               stats.refused);
    writer.one("mw_http_streams_dropped_total", "counter", "Streams whose reader took nothing.",
               stats.streams_dropped);
  }
  context.metrics.write(writer);
  write_process_metrics(writer);
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = writer.release();
  reply(std::move(response));
}

Route simple_route(std::string_view path, std::string_view operation, std::string_view summary,
                   Access access, DocumentedResponse response, Handler handler) {
  Route route;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  route.access = access;
  route.responses = {response};
  route.handler = std::move(handler);
  return route;
}

}  // namespace

std::vector<Route> server_routes(ApiContext* context) {
  Route healthz =
      simple_route("/healthz", "health", "Whether the server lives and its store takes writes.",
                   Access::kOpen, {200, "All is well.", "Health"},
                   [context](const auto&, const Reply& reply) { health(*context, reply); });
  healthz.responses.push_back(
      {503, "The store takes no writes; what is asked is refused until it does.", "Health"});

  Route figures =
      simple_route("/metrics", "metrics", "Figures in Prometheus' text format.", Access::kToken,
                   {200, "The figures.", "", "text/plain"},
                   [context](const auto&, const Reply& reply) { metrics(*context, reply); });
  figures.runs = Runs::kOnWorker;

  Route document = simple_route(
      "/openapi.json", "openapi", "This document.", Access::kToken,
      {200, "An OpenAPI 3.1 document.", "Document"}, [context](const auto&, const Reply& reply) {
        reply(json_response(openapi_document(context->router->routes(), context->options.version)));
      });
  document.runs = Runs::kOnWorker;

  Route about =
      simple_route("/v1/server", "show_server", "The server and its loop.", Access::kToken,
                   {200, "What it is and how it does.", "Server"},
                   [context](const auto&, const Reply& reply) { server(*context, reply); });

  Route stop = simple_route(
      "/v1/server/stop", "stop_server",
      "Ends the control plane. Jobs go on, and are found again when it is back.", Access::kToken,
      {202, "It will.", "Ok"}, [context](const auto&, const Reply& reply) {
        reply(json_response({{"ok", true}}, 202));
        if (context->options.on_stop) context->options.on_stop();
      });
  stop.method = Method::kPost;
  return {healthz, figures, document, about, stop};
}

}  // namespace mw::http
