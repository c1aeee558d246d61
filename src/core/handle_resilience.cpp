// What breaks below jobs, and how little of them goes with it: good nodes are kept while lost ones
// are replaced, jobs that fail wherever they run are given up, and nodes on which jobs fail, ranks
// are slow, or that fail too often, are told to the fault policy.
#include <algorithm>

#include "core/claims.h"
#include "core/lending.h"
#include "core/replacement.h"
#include "core/reservations.h"
#include "core/stepper.h"

namespace mw {
namespace {

std::string times_text(std::int64_t thousandths) {
  const std::string part = std::to_string(1000 + thousandths % 1000).substr(1);
  return std::to_string(thousandths / 1000) + "." + part;
}

std::uint32_t count_since(const std::vector<Instant>& incidents, Instant since) {
  return static_cast<std::uint32_t>(
      std::count_if(incidents.begin(), incidents.end(), [&](Instant at) { return at > since; }));
}

}  // namespace

// --- keeping the good nodes ---------------------------------------------------------------------

/// `lost`: what it has lost before.
void Core::Stepper::keep_good_nodes(JobId id, const Placement& placement,
                                    std::vector<LostSlice> lost, Instant until) {
  const std::vector<NodeId> suspects = suspects_of(state_, id);
  std::vector<NodeSlice> good;
  for (const NodeSlice& slice : placement) {
    const Node& node = state_.nodes[slice.node.value()];
    // What others are owed there is not kept from them, and what was lent is not its own.
    const bool suspect = std::find(suspects.begin(), suspects.end(), slice.node) != suspects.end();
    if (node.phase == NodePhase::kReady && !node.lost && !suspect && !node.spare &&
        !state_.others_short.contains(slice.node)) {
      good.push_back(slice);
    } else {
      lost.push_back({slice.node, slice.first_rank, slice.tasks});
    }
  }
  if (good.empty() || lost.empty()) return;
  std::sort(lost.begin(), lost.end(),
            [](const LostSlice& a, const LostSlice& b) { return a.first_rank < b.first_rank; });
  Placement kept(std::move(good));
  if (!may_be_held(state_, spec_of(state_, id), kept, until)) return;
  emit(CapacityKept{id, std::move(kept), std::move(lost), until});
}

/// Before the event is applied: for whom something is kept on a node that is lost now as well.
void Core::Stepper::note_kept(const EventBody& body) {
  const auto* moved = std::get_if<NodeMoved>(&body);
  const auto* contact = std::get_if<NodeContact>(&body);
  std::optional<NodeId> node;
  if (moved != nullptr && moved->phase != NodePhase::kReady) node = moved->node;
  if (contact != nullptr && contact->lost) node = contact->node;
  if (!node) return;
  lemons_.insert(*node);
  for (const auto& [job, hold] : state_.holds) {
    const bool there = std::any_of(hold.placement.begin(), hold.placement.end(),
                                   [&](const NodeSlice& slice) { return slice.node == *node; });
    if (!there) continue;
    const auto gap = state_.resilience.gaps.find(job);
    const bool known = gap != state_.resilience.gaps.end();
    const Duration length = state_.policy.keep_nodes_for.value_or(Duration());
    const Instant until = std::max(now_, state_.jobs.at(job).not_before) + length;
    broken_.push_back({job, hold.placement, known ? gap->second.lost : std::vector<LostSlice>(),
                       known ? gap->second.until : until});
  }
}

/// After it: the rest is kept on.
void Core::Stepper::mend_holds() {
  for (const BrokenHold& each : std::exchange(broken_, {})) {
    if (spec_of(state_, each.job).gang.tasks_min == 0 && each.until > now_) {
      keep_good_nodes(each.job, each.placement, each.lost, each.until);
    }
  }
}

void Core::Stepper::turn_gaps() {
  std::vector<JobId> over;
  for (const auto& [job, gap] : state_.resilience.gaps) {
    if (gap.until <= now_) over.push_back(job);
  }
  for (const JobId job : over) emit(CapacityLetGo{job, std::nullopt});
}

bool Core::Stepper::may_use_spares(JobId job) const {
  if (state_.resilience.spares.empty()) return false;
  if (lost_a_node(state_.jobs.at(job))) return true;
  return may_borrow(state_, spec_of(state_, job)) && !someone_waits_for_spares(state_);
}

/// Where the job may start now.
std::optional<Placement> Core::Stepper::find_place(JobId job, NoPlace& why) {
  if (state_.resilience.gaps.contains(job)) {
    if (auto whole = fill_gap(state_, job)) return whole;
  }
  const WithoutHold without(state_, job);
  const LiftedClaims own(state_, job);
  auto result = placer_.place(state_, job);
  if (auto* none = std::get_if<NoPlace>(&result)) {
    why = *none;
    if (!may_use_spares(job)) return std::nullopt;
    const SparesInUse seen(state_);
    result = placer_.place(state_, job);
    // What it lacks beyond them.
    if (auto* still = std::get_if<NoPlace>(&result)) why = *still;
  }
  auto* placement = std::get_if<Placement>(&result);
  if (placement == nullptr) return std::nullopt;
  return std::move(*placement);
}

// --- crash loops --------------------------------------------------------------------------------

/// The attempt's failure would be its second on the same node, or on the same nodes where the
/// engine could not start it, one after the other.
bool Core::Stepper::fails_there_again(const Attempt& attempt, EndCause cause) const {
  const auto found = state_.resilience.crashes.find(attempt.job);
  if (found == state_.resilience.crashes.end() || !state_.health.policy->crash_loops) return false;
  if (cause == EndCause::kStartFailed) return found->second.suspects.has_value();
  if (cause != EndCause::kTaskFailed || !attempt.first_failure || attempt.saved.count() > 0) {
    return false;
  }
  const std::uint32_t rank = attempt.first_failure_rank.value();
  return found->second.nodes.size() == 1 &&
         std::any_of(attempt.placement.begin(), attempt.placement.end(),
                     [&](const NodeSlice& slice) {
                       return slice.node == found->second.nodes.front() &&
                              rank - slice.first_rank < slice.tasks;
                     });
}

/// True: it was given up.
bool Core::Stepper::end_crash_loop(JobId job) {
  if (!is_crash_loop(state_, job, now_)) return false;
  const CrashHistory& history = state_.resilience.crashes.at(job);
  emit(CrashLoopFound{job, history.failures, history.exit, history.nodes});
  finish(job, JobState::kFailed, "");
  return true;
}

/// After a failure: the node is told of when it was not the first job to fail there.
void Core::Stepper::blame_node(JobId job) {
  const auto found = state_.resilience.crashes.find(job);
  if (found == state_.resilience.crashes.end() || found->second.nodes.size() != 1) return;
  const NodeId node = found->second.nodes.front();
  const std::uint32_t jobs = jobs_crashed_on(state_, node, now_);
  const auto& rules = state_.health.policy->crash_loops;
  if (!rules || jobs < rules->node_jobs) return;
  tell_of_node(node, kCrashingNodeCode,
               std::to_string(jobs) + " different jobs failed there, and none went well since");
}

/// Where the policy has a rule for it.
void Core::Stepper::tell_of_start(NodeId node, const std::string& detail) {
  const FaultRule* rule = rule_for(*state_.health.policy, kStartFailedCode);
  if (rule != nullptr && rule->code == kStartFailedCode) {
    tell_of_node(node, kStartFailedCode, detail);
  }
}

FaultReport Core::Stepper::own_report(NodeId node, std::string_view source, std::string_view code,
                                      const std::string& detail) const {
  FaultReport report;
  report.source = source;
  report.at = now_;
  report.code = code;
  report.place = state_.topology->name(node);
  report.detail = detail;
  return report;
}

void Core::Stepper::tell_of_node(NodeId node, std::string_view code, const std::string& detail,
                                 JobId job, std::optional<Rank> rank) {
  FaultReport report = own_report(node, kSelf, code, detail);
  report.job = job;
  report.rank = rank;
  note_fault(std::move(report));
}

// --- slow ranks ---------------------------------------------------------------------------------

void Core::Stepper::operator()(const ReportStepTimes& input) {
  const Attempt* attempt = reporting(input.job, input.attempt);
  const auto& rules = state_.health.policy->stragglers;
  if (attempt == nullptr || !rules || attempt->stopping) return;
  if (input.steps.size() != attempt->exited.size()) return;
  const JobId job = input.job;
  RankComparison result = compare_ranks(input.steps, *rules);
  if (result.ranks < rules->ranks_min) return;
  emit(RanksCompared{job, attempt->number, result.ranks, result.median, result.deviation,
                     result.slowest, result.slowest_step, result.outliers});
  const std::map<Rank, std::uint32_t> rounds = state_.resilience.paces.at(job).rounds;
  for (const auto& [rank, count] : rounds) {
    if (count % std::max<std::uint32_t>(rules->rounds, 1) != 0) continue;
    for (const NodeSlice& slice : state_.attempts.at(job).placement) {
      if (rank.value() - slice.first_rank >= slice.tasks) continue;
      tell_of_node(slice.node, kSlowNodeCode,
                   "rank " + std::to_string(rank.value()) + " of job " +
                       std::to_string(job.value()) + " in " + std::to_string(count) +
                       " rounds; the median of " + std::to_string(result.ranks) + " ranks is " +
                       times_text(result.median.count() / 1'000'000) + " s a step",
                   job, rank);
    }
  }
}

// --- nodes that fail too often ------------------------------------------------------------------

void Core::Stepper::find_lemons() {
  const std::set<NodeId> nodes = std::exchange(lemons_, {});
  const auto& rules = state_.health.policy->lemons;
  if (!rules) return;
  for (const NodeId node : nodes) find_lemon(node, *rules);
}

void Core::Stepper::find_lemon(NodeId id, const LemonRules& rules) {
  const Topology& topology = *state_.topology;
  const Instant since = now_ - rules.over;
  const auto own = state_.resilience.incidents.find(id);
  if (own == state_.resilience.incidents.end() || own->second.back() != now_) return;
  const std::uint32_t count = count_since(own->second, since);
  if (count < rules.incidents_min) return;
  const auto is_lemon = [&](NodeId node) {
    const FaultRecord* known = find_fault(state_, place_of(node), kLemonCode, {});
    return node != id && known != nullptr && known->active;
  };
  // Those that are known to be bad say nothing of how often good ones fail.
  std::uint64_t nodes = 0;
  std::uint64_t all = 0;
  for (const Node& node : state_.nodes) {
    const bool alike = topology.shape_of(node.id) == topology.shape_of(id) &&
                       topology.site_of(node.id) == topology.site_of(id);
    if (!alike || node.phase == NodePhase::kRetired || is_lemon(node.id)) continue;
    ++nodes;
    const auto found = state_.resilience.incidents.find(node.id);
    if (found != state_.resilience.incidents.end()) all += count_since(found->second, since);
  }
  // Any of them might have been the one.
  const std::uint64_t chance = chance_of(count, all, nodes);
  constexpr std::uint64_t kOnePpm = (std::uint64_t{1} << 62U) / 1'000'000;
  if (chance > kOnePpm * rules.false_alarms_ppm / std::max<std::uint64_t>(nodes, 1)) return;
  tell_of_node(id, kLemonCode,
               std::to_string(count) + " incidents, where the " + std::to_string(nodes) +
                   " nodes of its kind had " + std::to_string(all) +
                   " in all; by chance: " + chance_text(chance));
}

}  // namespace mw
