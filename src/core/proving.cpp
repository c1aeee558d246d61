// Proving nodes: those that are new before they serve, those that are idle from time to time. What
// a check finds is told as a fault, and what is done about it is the fault policy's to say.
// Nothing here stands in a job's way: jobs are placed first, and whatever takes an idle node, or
// takes it out of service, ends its check in the same step, before anything else is told.
#include <algorithm>

#include "core/health.h"
#include "core/stepper.h"

namespace mw {
namespace {

constexpr const char* kChecks = "checks";
constexpr const char* kPolicyName = "the fault policy";
/// How much longer than its programs may take a check is waited for: the way there and back.
constexpr Duration kCheckSlack = minutes(2);
/// Among so many of those that are due the one is taken that was checked longest ago: when a whole
/// fleet is due at once it need not be looked through each time.
constexpr std::size_t kLookedAt = 256;

Duration patience_for(const CheckRules& rules) {
  Duration length = kCheckSlack;
  for (const CheckProgram& each : rules.programs) {
    if (each.on_idle) length += each.timeout;
  }
  return length;
}

std::uint32_t nodes_of_site(const Topology& topology, SiteId site) {
  const FabricVertex& vertex = topology.fabric(topology.site(site).fabric);
  return vertex.last - vertex.first;
}

/// "memory.copy is 7.91 GB/s, 34% behind the median 12 GB/s of 40 others in its pool".
std::string slow_text(const Measure& measure, const PoolView& view) {
  const std::int64_t size = std::max<std::int64_t>(view.median < 0 ? -view.median : view.median, 1);
  const auto percent = static_cast<std::int64_t>(Int128{view.behind} * 100 / size);
  return measure.name + " is " + measure_text(measure.value, measure.unit) + ", " +
         std::to_string(percent) + "% behind the median " +
         measure_text(view.median, measure.unit) + " of " + std::to_string(view.others) +
         " others in its pool";
}

}  // namespace

std::optional<NodePhase> Core::Stepper::phase_of_new() const {
  const FaultPolicy& policy = *state_.health.policy;
  if (!check_rules(policy).new_nodes || !proves_nodes(policy)) return std::nullopt;
  return NodePhase::kProvisioning;
}

void Core::Stepper::turn_checks() {
  if (state_.health.checks.sites.empty()) return;
  prove_new_nodes();
  begin_checks();
}

void Core::Stepper::prove_new_nodes() {
  const FaultPolicy& policy = *state_.health.policy;
  const bool proves = phase_of_new().has_value();
  std::vector<NodeId> next;
  for (const auto& [id, site] : state_.health.checks.sites) {
    std::size_t room = site.waiting.size();
    if (proves) {
      const std::uint32_t most =
          nodes_at_once(check_rules(policy).entering, nodes_of_site(*state_.topology, id));
      room = most > site.proving.size() ? most - site.proving.size() : 0;
    }
    for (const NodeId node : site.waiting) {
      if (room-- == 0) break;
      next.push_back(node);
    }
  }
  for (const NodeId node : next) {
    if (proves) {
      move_node(node, NodePhase::kValidating, Mover::kFaultPolicy, "it is new", kPolicyName);
      validate(node, kPolicyName);
    } else {
      move_node(node, NodePhase::kReady, Mover::kFaultPolicy, "nothing proves nodes any more",
                kPolicyName);
    }
  }
}

std::optional<NodeId> Core::Stepper::next_idle(SiteId id) const {
  const auto found = state_.health.checks.sites.find(id);
  if (found == state_.health.checks.sites.end()) return std::nullopt;
  const CheckSite& site = found->second;
  const CheckRules& rules = check_rules(*state_.health.policy);
  if (site.checking >= nodes_at_once(rules.idle, nodes_of_site(*state_.topology, id))) {
    return std::nullopt;
  }
  std::optional<NodeId> oldest;
  Instant oldest_at;
  std::size_t looked_at = 0;
  for (const auto& [due, node] : site.due) {
    if (due > now_ || ++looked_at > kLookedAt) break;
    const Node& each = state_.nodes[node.value()];
    if (each.claim.job != JobId()) continue;  // somebody is about to come
    const Instant at = each.checked ? each.checked->at : Instant();
    if (oldest && oldest_at <= at) continue;
    oldest = node;
    oldest_at = at;
  }
  return oldest;
}

void Core::Stepper::begin_checks() {
  std::vector<SiteId> sites;
  for (const auto& [id, site] : state_.health.checks.sites) sites.push_back(id);
  for (const SiteId site : sites) {
    while (const auto node = next_idle(site)) {
      const Duration patience = patience_for(check_rules(*state_.health.policy));
      emit(CheckBegun{*node, state_.next_epoch, now_ + patience});
    }
  }
}

/// When a node becomes due that could be checked then.
std::optional<Instant> Core::Stepper::next_check() const {
  std::optional<Instant> next;
  const CheckRules& rules = check_rules(*state_.health.policy);
  for (const auto& [id, site] : state_.health.checks.sites) {
    if (site.checking >= nodes_at_once(rules.idle, nodes_of_site(*state_.topology, id))) continue;
    const auto later = site.due.upper_bound({now_, NodeId(~std::uint32_t{0})});
    if (later == site.due.end()) continue;
    if (!next || later->first < *next) next = later->first;
  }
  return next;
}

/// Before the event is applied: what it needs an idle node for goes before the node's check.
void Core::Stepper::yield_checks(const EventBody& body) {
  if (state_.health.checks.running.empty()) return;
  if (const auto* placed = std::get_if<AttemptPlaced>(&body)) {
    for (const NodeSlice& slice : placed->placement) {
      yield_check(slice.node, "job " + std::to_string(placed->job.value()) + " is placed there");
    }
  } else if (const auto* moved = std::get_if<NodeMoved>(&body)) {
    yield_check(moved->node, "the node is " + std::string(name_of(moved->phase)));
  } else if (const auto* contact = std::get_if<NodeContact>(&body)) {
    if (contact->lost) yield_check(contact->node, "the node is lost");
  } else if (const auto* used = std::get_if<NodeUseChanged>(&body)) {
    if (used->others) yield_check(used->node, "others use the node");
  } else if (const auto* changed = std::get_if<NodeChanged>(&body)) {
    yield_check(changed->node, "the node has changed");
  }
}

void Core::Stepper::yield_check(NodeId node, const std::string& why) {
  const auto found = state_.health.checks.running.find(node);
  if (found == state_.health.checks.running.end()) return;
  emit(CheckEnded{node, found->second.id, CheckMoment::kIdle, CheckOutcome::kStopped, why, {}});
}

/// REQUIRES: it is being checked while it is idle.
void Core::Stepper::end_check(NodeId node, CheckOutcome outcome, const std::string& detail,
                              const std::vector<Measure>& measures) {
  const Epoch check = state_.health.checks.running.at(node).id;
  emit(CheckEnded{node, check, CheckMoment::kIdle, outcome, detail, measures});
  judge_check(node, outcome, detail, measures);
}

/// What the check found of a node in service becomes a fault, or the end of one.
void Core::Stepper::judge_check(NodeId node, CheckOutcome outcome, const std::string& detail,
                                const std::vector<Measure>& measures) {
  if (outcome == CheckOutcome::kStopped) return;
  say_of_check(node, kCheckUnableCode, outcome == CheckOutcome::kUnable, detail);
  if (outcome == CheckOutcome::kUnable) return;
  say_of_check(node, kCheckFailedCode, outcome == CheckOutcome::kFailed, detail);
  if (outcome == CheckOutcome::kFailed) return;
  std::string slow;
  for (const Measure& measure : measures) {
    const auto view = compare_with_pool(state_, node, measure);
    if (view && view->slow) slow += (slow.empty() ? "" : "; ") + slow_text(measure, *view);
  }
  say_of_check(node, kCheckSlowCode, !slow.empty(), slow);
}

void Core::Stepper::say_of_check(NodeId node, std::string_view code, bool is_so,
                                 const std::string& detail) {
  FaultReport report = own_report(node, kChecks, code, detail);
  if (is_so) {
    note_fault(std::move(report));
    return;
  }
  const FaultRecord* known = find_fault(state_, place_of(node), report.code, std::nullopt);
  if (known == nullptr || !known->active) return;
  over_.push_back({node, JobId(), std::move(report), ""});
  emit(over_.back());
}

}  // namespace mw
