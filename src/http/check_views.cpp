#include "http/check_views.h"

#include <boost/json/value.hpp>
#include <string>

#include "codec/text_faults.h"

namespace mw::http {
namespace {

namespace json = boost::json;

json::string text_value(std::string_view text) { return json::string(text.data(), text.size()); }

json::value running_view(const State& state, NodeId node) {
  const auto found = state.health.checks.running.find(node);
  if (found == state.health.checks.running.end()) return nullptr;
  return json::object{{"node", state.topology->name(node)},
                      {"check", found->second.id.value()},
                      {"begun_at_ns", found->second.begun_at.count()},
                      {"deadline_ns", found->second.deadline.count()}};
}

json::value last_view(const Node& node) {
  if (!node.checked) return nullptr;
  return json::object{{"at_ns", node.checked->at.count()},
                      {"moment", text_value(name_of(node.checked->moment))},
                      {"outcome", text_value(name_of(node.checked->outcome))}};
}

json::object measure_view(const Measure& measure) {
  return {{"name", measure.name},
          {"value", measure.value},
          {"unit", measure.unit},
          {"better", text_value(name_of(measure.better))},
          {"text", measure_text(measure.value, measure.unit)}};
}

}  // namespace

json::object node_check_view(const State& state, NodeId id) {
  const Node& node = state.nodes.at(id.value());
  return {
      {"node", state.topology->name(id)},
      {"phase", text_value(name_of(node.phase))},
      {"running", running_view(state, id)},
      {"due_at_ns", node.check_due ? json::value(node.check_due->count()) : json::value(nullptr)},
      {"last", last_view(node)}};
}

json::object check_list(const State& state, NodeId first, std::size_t limit) {
  json::array running;
  for (const auto& [node, check] : state.health.checks.running) {
    running.push_back(running_view(state, node));
  }
  json::array programs;
  for (const CheckProgram& each : check_rules(*state.health.policy).programs) {
    json::array when;
    if (each.on_entry) when.emplace_back("entry");
    if (each.on_idle) when.emplace_back("idle");
    programs.push_back(json::object{{"name", each.name}, {"when", std::move(when)}});
  }
  std::uint64_t never = 0;
  for (const Node& node : state.nodes) never += node.checked ? 0 : 1;
  json::array nodes;
  std::size_t next = first.value();
  for (; next < state.nodes.size() && nodes.size() < limit; ++next) {
    nodes.push_back(node_check_view(state, NodeId(static_cast<std::uint32_t>(next))));
  }
  const bool more = next < state.nodes.size();
  return {{"programs", std::move(programs)},
          {"running", std::move(running)},
          {"nodes", std::move(nodes)},
          {"count", state.nodes.size()},
          {"never", never},
          {"next", more ? json::value(next) : json::value(nullptr)}};
}

json::object check_view(const Event& event, const CheckEnded& ended) {
  json::array measures;
  for (const Measure& each : ended.measures) measures.push_back(measure_view(each));
  return {{"check", ended.check.value()},
          {"at_ns", event.at.count()},
          {"moment", text_value(name_of(ended.moment))},
          {"outcome", text_value(name_of(ended.outcome))},
          {"detail", ended.detail},
          {"measures", std::move(measures)}};
}

json::array pool_views(const State& state, NodeId node, const std::vector<Measure>& measures) {
  json::array views;
  for (const Measure& each : measures) {
    const auto view = compare_with_pool(state, node, each);
    if (!view) continue;
    json::object out = measure_view(each);
    out["others"] = view->others;
    out["median"] = view->median;
    out["median_text"] = measure_text(view->median, each.unit);
    out["deviation"] = view->deviation;
    out["behind"] = view->behind;
    out["slow"] = view->slow;
    views.push_back(std::move(out));
  }
  return views;
}

}  // namespace mw::http
