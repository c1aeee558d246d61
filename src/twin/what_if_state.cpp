// How a change becomes a beginning of futures: inputs, nodes that join, and drains for want of
// power.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "codec/text.h"
#include "core/accounting.h"
#include "core/core.h"
#include "twin/physics.h"
#include "twin/what_if.h"

namespace mw {
namespace {

/// The first of the nodes of `fleet` whose name, or whose site's name, is taken.
std::optional<Error> clash(const State& state, const FleetSpec& fleet, const Topology& added) {
  for (const SiteSpec& site : fleet.sites) {
    for (const Site& known : state.topology->sites()) {
      if (known.name == site.name) {
        return Error{ErrorCode::kConflict,
                     fmt::format("The fleet has a site \"{}\" already; give the site in the file "
                                 "another name to see what its nodes would change.",
                                 site.name)};
      }
    }
  }
  for (std::uint32_t i = 0; i < added.size(); ++i) {
    if (state.topology->find(added.name(NodeId(i)))) {
      return Error{ErrorCode::kConflict,
                   fmt::format("The fleet has a node \"{}\" already; names of nodes are unique.",
                               added.name(NodeId(i)))};
    }
  }
  return std::nullopt;
}

/// Shapes are told apart by name, so the file's get names of their own.
void append(FleetSpec& fleet, const FleetSpec& more) {
  std::set<std::string> taken;
  for (const NodeShape& shape : fleet.shapes) taken.insert(shape.name);
  std::map<std::string, std::string> names;
  for (NodeShape shape : more.shapes) {
    std::string name = shape.name;
    while (taken.contains(name)) name += "-added";
    taken.insert(name);
    names[shape.name] = name;
    shape.name = name;
    fleet.shapes.push_back(std::move(shape));
  }
  for (SiteSpec site : more.sites) {
    for (BlockSpec& block : site.blocks) block.shape = names.at(block.shape);
    fleet.sites.push_back(std::move(site));
  }
}

State declared_anew(State state, const FleetSpec& fleet) {
  append(*state.fleet.declared, fleet);
  const Topology topology = make_topology(state.fleet);
  state.ledger.advance(std::max(state.now, state.ledger.at()));
  for (auto i = static_cast<std::uint32_t>(state.nodes.size()); i < topology.size(); ++i) {
    Node node;
    node.id = NodeId(i);
    node.phase_since = state.now;
    node.empty_since = state.now;
    state.nodes.push_back(std::move(node));
    state.ledger.change_capacity(state.idle_cause,
                                 kWholeAccelerator * topology.shape(NodeId(i)).accelerators);
  }
  rebuild_indexes(state);
  return state;
}

/// A node of the site, what runs there, and what it may draw when it is busy.
struct SiteNode {
  NodeId id;
  Watts work;
  std::vector<JobId> jobs;
  AcceleratorTime lost;  ///< of those jobs, all of what they have not saved
};

}  // namespace

Result<State> after_inputs(const State& state, const std::vector<InputBody>& inputs) {
  Core core(state);
  std::vector<Input> all;
  for (const InputBody& body : inputs) all.push_back({RequestId(all.size() + 1), body});
  for (const Event& event : core.step(state.now, all)) {
    if (const auto* refused = std::get_if<Refused>(&event.body))
      return Error{refused->refusal.code, text(refused->refusal)};
  }
  return core.state();
}

Result<State> with_fleet(const State& state, const FleetSpec& fleet) {
  if (const std::string fault = fault_of(fleet); !fault.empty())
    return Error{ErrorCode::kInvalid, "The fleet cannot be used: " + fault};
  Topology added;
  added.declare(fleet);
  if (auto error = clash(state, fleet, added)) return std::move(*error);
  if (state.fleet.declared && state.fleet.described.empty()) return declared_anew(state, fleet);
  std::vector<InputBody> seen;
  for (std::uint32_t i = 0; i < added.size(); ++i)
    seen.emplace_back(NodeSeen{added.spec(NodeId(i))});
  return after_inputs(state, seen);
}

Result<std::vector<InputBody>> curtail(const State& state, const Curtailment& curtailment,
                                       std::vector<std::string>& notes) {
  const Topology& topology = *state.topology;
  const auto& sites = topology.sites();
  const auto site = std::find_if(sites.begin(), sites.end(),
                                 [&](const Site& each) { return each.name == curtailment.site; });
  if (site == sites.end()) {
    std::string names;
    for (const Site& each : sites) names += (names.empty() ? "" : ", ") + each.name;
    return Error{ErrorCode::kNotFound,
                 fmt::format("There is no site \"{}\"; there are: {}.", curtailment.site, names)};
  }
  const SiteId id(static_cast<std::uint32_t>(site - sites.begin()));
  const Physics physics;
  std::map<NodeId, SiteNode> nodes;
  Watts draw;
  for (const Node& node : state.nodes) {
    if (topology.site_of(node.id) != id) continue;
    const NodeShape& shape = topology.shape(node.id);
    draw += shape.idle;
    SiteNode one{node.id, {}, {}, {}};
    one.work = draw_at_load(physics, shape, kWholeAccelerator * shape.accelerators);
    nodes.emplace(node.id, std::move(one));
  }
  const Watts idle = draw;
  for (const auto& [job, attempt] : state.attempts) {
    const AcceleratorTime lost = split_work(attempt, EndCause::kRequeued, state.now).lost;
    for (const NodeSlice& slice : attempt.placement) {
      const auto found = nodes.find(slice.node);
      if (found == nodes.end() || (!found->second.jobs.empty() && found->second.jobs.back() == job))
        continue;
      found->second.jobs.push_back(job);
      found->second.lost += lost;
    }
  }
  std::vector<const SiteNode*> order;
  for (const auto& [node, one] : nodes) {
    const Node& known = state.nodes[node.value()];
    const bool stays_idle = one.jobs.empty() && (known.lost || known.phase != NodePhase::kReady);
    if (stays_idle) continue;
    draw += one.work;
    order.push_back(&one);
  }
  const auto megawatts = [](Watts watts) { return static_cast<double>(watts.count()) / 1e9; };
  if (draw.count() == 0) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("Nothing is known of what the nodes of site \"{}\" draw; a fleet file "
                             "says so.",
                             curtailment.site)};
  }
  if (idle > curtailment.limit) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("The nodes of site \"{}\" draw {:.3f} MW when nothing runs; drains "
                             "cannot bring it below that.",
                             curtailment.site, megawatts(idle))};
  }
  std::stable_sort(order.begin(), order.end(), [](const SiteNode* a, const SiteNode* b) {
    return std::pair(!a->jobs.empty(), a->lost) < std::pair(!b->jobs.empty(), b->lost);
  });
  std::vector<InputBody> inputs;
  std::set<JobId> requeued;
  std::size_t drained = 0;
  for (const SiteNode* node : order) {
    if (draw <= curtailment.limit) break;
    draw = draw - node->work;
    ++drained;
    if (state.nodes[node->id.value()].phase == NodePhase::kReady)
      inputs.emplace_back(DrainNode{topology.name(node->id), "curtailment", ""});
    for (const JobId job : node->jobs) {
      if (!state.attempts.at(job).stopping && requeued.insert(job).second)
        inputs.emplace_back(RequeueJob{job, ""});
    }
  }
  notes.push_back(
      fmt::format("{} of the {} nodes of {} are drained and {} jobs start again "
                  "elsewhere, so that the site draws at most {:.3f} MW",
                  drained, nodes.size(), curtailment.site, requeued.size(), megawatts(draw)));
  return inputs;
}

}  // namespace mw
