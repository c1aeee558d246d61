#include "http/goodput_views.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <map>

#include "codec/json.h"
#include "codec/text_faults.h"

namespace mw::http {
namespace {

namespace json = boost::json;

json::string text_value(std::string_view text) { return json::string(text.data(), text.size()); }

double accelerator_seconds(AcceleratorTime time) {
  return static_cast<double>(time.count()) / 1e12;
}

json::value part_of(AcceleratorTime part, AcceleratorTime whole) {
  if (whole.count() == 0) return nullptr;
  return 100.0 * static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

/// Seconds in the mean; null when it has never happened.
json::value mean_s(double ns, std::uint64_t count) {
  if (count == 0) return nullptr;
  return ns / 1e9 / static_cast<double>(count);
}

json::value moment(const std::optional<Instant>& at) {
  return at ? json::value(at->count()) : json::value(nullptr);
}

}  // namespace

json::object goodput_row(const std::string& name, const GoodputTotals& totals,
                         FailuresOf failures) {
  json::array causes;
  for (const CauseTotals& each : totals.causes) {
    causes.push_back({{"cause", text_value(name_of(each.cause))},
                      {"attempts", each.attempts},
                      {"time", to_json(each.lost_work)},
                      {"accelerator_s", accelerator_seconds(each.lost_work)}});
  }
  json::object row{{"name", name},
                   {"goodput_percent", part_of(totals.productive, totals.given())},
                   {"ettr_percent", part_of(totals.productive, totals.given() + totals.waiting)},
                   {"interruptions", totals.interruptions},
                   {"failures", totals.failures},
                   {"lost_by_cause", std::move(causes)}};
  const auto put = [&](const std::string& field, AcceleratorTime time) {
    row[field + "_time"] = to_json(time);
    row[field + "_accelerator_s"] = accelerator_seconds(time);
  };
  put("productive", totals.productive);
  put("starting", totals.starting);
  put("checkpointing", totals.checkpointing);
  put("lost_work", totals.lost_work);
  put("waiting", totals.waiting);
  if (failures == FailuresOf::kAttempts) {
    row["mttf_s"] = mean_s(static_cast<double>(totals.running.count()), totals.interruptions);
    row["mttr_s"] = mean_s(static_cast<double>(totals.repaired.count()), totals.interruptions);
    return row;
  }
  put("capacity", totals.capacity);
  put("out_of_service", totals.out_of_service);
  put("used_by_others", totals.used_by_others);
  put("idle", totals.idle());
  row["mttf_s"] = mean_s(static_cast<double>(totals.in_service.count()), totals.failures);
  row["mttr_s"] = mean_s(static_cast<double>(totals.broken.count()), totals.failures);
  return row;
}

std::map<std::string, GoodputTotals> grouped(const std::vector<GoodputTotals>& nodes,
                                             const State& state, NodeGroup group) {
  const Topology& topology = *state.topology;
  std::map<std::string, GoodputTotals> groups;
  for (std::uint32_t i = 0; i < nodes.size() && i < topology.size(); ++i) {
    const NodeId node(i);
    if (group == NodeGroup::kSite) {
      groups[topology.site(topology.site_of(node)).name] += nodes[i];
    } else if (const auto rack = power_above(topology, node, PowerLevel::kRack)) {
      groups[topology.power(*rack).name] += nodes[i];
    }
  }
  return groups;
}

json::object incident_view(const Incident& incident, const State& state) {
  json::array jobs;
  for (const IncidentJob& hit : incident.jobs) {
    jobs.push_back({{"job", hit.job.value()},
                    {"attempt", hit.attempt.value()},
                    {"cause", text_value(name_of(hit.cause))},
                    {"stopped_at_ns", hit.stopped_at.count()},
                    {"ended_at_ns", moment(hit.ended_at)},
                    {"running_at_ns", moment(hit.running_at)},
                    {"lost_work_accelerator_s", accelerator_seconds(hit.lost_work)}});
  }
  FaultReport place;
  if (incident.node) {
    const bool known = incident.node->value() < state.topology->size();
    place.scope = FaultReach::kNode;
    place.place = known ? state.topology->name(*incident.node) : "";
  } else {
    place.scope = incident.place.empty() ? FaultReach::kJob : incident.scope;
    place.place = incident.place;
    place.job = incident.job;
  }
  const bool of_job = !incident.node && incident.place.empty();
  return {{"incident", incident.id.value()},
          {"code", incident.code},
          {"place", words::fault_place(place)},
          {"node", incident.node ? json::value(place.place) : json::value(nullptr)},
          {"job", of_job ? json::value(incident.job.value()) : json::value(nullptr)},
          {"action", text_value(name_of(incident.action))},
          {"withheld", incident.withheld},
          {"happened_at_ns", incident.happened_at.count()},
          {"begun_at_ns", incident.begun_at.count()},
          {"acted_at_ns", moment(incident.acted_at)},
          {"back_at_ns", moment(incident.back_at)},
          {"ended_at_ns", moment(incident.ended_at)},
          {"jobs_hit", incident.jobs_hit},
          {"jobs", std::move(jobs)},
          {"lost_work_time", to_json(incident.lost_work)},
          {"lost_work_accelerator_s", accelerator_seconds(incident.lost_work)}};
}

}  // namespace mw::http
