#include "http/fault_views.h"

#include <boost/json/value.hpp>

#include "codec/json.h"
#include "codec/text_faults.h"

namespace mw::http {
namespace {

namespace json = boost::json;

json::string text_value(std::string_view text) { return json::string(text.data(), text.size()); }

/// The report that a record is of, as far as its place goes.
FaultReport place_report(const State& state, const FaultPlace& place, const FaultRecord& record) {
  FaultReport report;
  report.scope = record.scope;
  report.device = record.device;
  report.rank = record.rank;
  if (place.scope == FaultReach::kJob) {
    report.job = JobId(place.id);
  } else if (place.scope == FaultReach::kNode) {
    report.place = state.topology->name(NodeId(static_cast<std::uint32_t>(place.id)));
  } else {
    report.place = place.name;
  }
  return report;
}

json::object fault_view(const State& state, const FaultPlace& place, const FaultRecord& record) {
  const FaultReport report = place_report(state, place, record);
  json::array sources;
  for (const FaultMark& mark : record.marks) sources.emplace_back(mark.source);
  json::object view{
      {"code", record.code},
      {"scope", text_value(name_of(record.scope))},
      {"place", words::fault_place(report)},
      {"node", place.scope == FaultReach::kNode ? json::value(report.place) : json::value(nullptr)},
      {"device", record.device ? json::value(*record.device) : json::value(nullptr)},
      {"job", place.scope == FaultReach::kJob ? json::value(place.id) : json::value(nullptr)},
      {"component", text_value(name_of(record.component))},
      {"severity", text_value(name_of(record.severity))},
      {"active", record.active},
      {"occurrences", record.occurrences},
      {"first_at_ns", record.first_at.count()},
      {"last_at_ns", record.last_at.count()},
      {"done", text_value(name_of(record.acted))},
      {"withheld", text_value(name_of(record.withheld))},
      {"sources", std::move(sources)},
      {"detail", record.detail}};
  return view;
}

std::string step_text(const FaultStep& step) {
  std::string text = std::string(name_of(step.action));
  if (step.count > 1) text += " after " + std::to_string(step.count) + " times";
  if (step.within.count() > 0) text += " within " + duration_text(step.within);
  if (step.drain) text += " (drain: " + std::string(name_of(*step.drain)) + ")";
  return text;
}

}  // namespace

json::object fault_list(const State& state, const FaultFilter& filter) {
  json::array faults;
  std::uint64_t count = 0;
  std::optional<FaultPlace> only;
  if (filter.node) {
    const auto node = state.topology->find(*filter.node);
    if (!node) return {{"faults", json::array()}, {"count", 0}};
    only = place_of(*node);
  }
  for (const auto& [place, known] : state.faults) {
    if (only && place != *only) continue;
    for (const FaultRecord& record : known.records) {
      if (filter.active_only && !record.active) continue;
      ++count;
      if (faults.size() < filter.limit) faults.push_back(fault_view(state, place, record));
    }
  }
  return {{"faults", std::move(faults)}, {"count", count}};
}

json::object fault_places(const State& state, std::optional<FaultReach> scope, std::size_t limit) {
  const Topology& topology = *state.topology;
  json::array places;
  std::uint64_t count = 0;
  const auto add = [&](FaultReach kind, const std::string& name, std::string_view level) {
    if (scope && *scope != kind) return;
    if (++count > limit) return;
    places.push_back(
        {{"scope", text_value(name_of(kind))}, {"name", name}, {"level", text_value(level)}});
  };
  const auto add_fabric = [&](FaultReach kind, FabricLevel level) {
    for (const FabricId id : topology.at_level(level)) {
      add(kind, topology.fabric(id).name, name_of(level));
    }
  };
  for (const PowerVertex& vertex : topology.power()) {
    if (vertex.level == PowerLevel::kRack) add(FaultReach::kRack, vertex.name, "rack");
  }
  add_fabric(FaultReach::kLeaf, FabricLevel::kLeaf);
  for (const PowerVertex& vertex : topology.power()) {
    add(FaultReach::kPower, vertex.name, name_of(vertex.level));
  }
  add_fabric(FaultReach::kSite, FabricLevel::kSite);
  return {{"places", std::move(places)}, {"count", count}};
}

json::array breaker_views(const State& state) {
  json::array views;
  for (const auto& [place, breaker] : state.health.breakers) {
    const BreakerRule* rule = breaker_rule(*state.health.policy, place.level);
    if (rule == nullptr) continue;
    std::uint64_t taken = 0;
    for (const TakenNode& each : breaker.taken) {
      taken += each.at > state.now - rule->window ? 1 : 0;
    }
    const std::uint32_t nodes = nodes_of(state, place);
    views.push_back({{"level", text_value(name_of(place.level))},
                     {"place", place.name},
                     {"tripped_at_ns", breaker.tripped_at ? json::value(breaker.tripped_at->count())
                                                          : json::value(nullptr)},
                     {"taken", taken},
                     {"limit", breaker_limit(*rule, nodes)},
                     {"nodes", nodes}});
  }
  return views;
}

json::object explain_fault(const FaultPolicy& policy, const std::string& code) {
  const FaultRule* rule = rule_for(policy, code);
  if (rule == nullptr) {
    return {{"code", code},
            {"rule", nullptr},
            {"text",
             "The fault policy has no rule for " + code + ": it is noted, and nothing is done."}};
  }
  json::array steps;
  for (const FaultStep& step : rule->steps) {
    const bool by_hand = !can_be_done(policy, step.action);
    steps.push_back({{"action", text_value(name_of(step.action))},
                     {"count", step.count},
                     {"within_ns", step.within.count()},
                     {"drain", step.drain ? json::value(text_value(name_of(*step.drain)))
                                          : json::value(nullptr)},
                     {"text", step_text(step)},
                     {"by_hand", by_hand}});
  }
  return {{"code", code},
          {"rule", rule->code},
          {"what", rule->what},
          {"component", text_value(name_of(rule->component))},
          {"severity", text_value(name_of(rule->severity))},
          {"scope", text_value(name_of(rule->scope))},
          {"advice", rule->advice},
          {"source", rule->source},
          {"steps", std::move(steps)},
          {"text", code + ": " + rule->what}};
}

}  // namespace mw::http
