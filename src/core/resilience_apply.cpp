// apply() of what is remembered of failures and kept for those that they hit. Nothing is decided
// here.
#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "core/allocation.h"
#include "core/replacement.h"
#include "core/resilience.h"
#include "core/state.h"

namespace mw {
namespace {

bool is_of(const NodeCrash& crash, const JobSpec& spec) {
  return crash.user == spec.user && crash.name == spec.name;
}

/// The job fails elsewhere as well: these nodes are not to blame.
void acquit(Resilience& memory, const std::vector<NodeId>& nodes, const JobSpec& spec) {
  for (const NodeId node : nodes) {
    const auto found = memory.node_crashes.find(node);
    if (found == memory.node_crashes.end()) continue;
    std::erase_if(found->second, [&](const NodeCrash& each) { return is_of(each, spec); });
    if (found->second.empty()) memory.node_crashes.erase(found);
  }
}

void blame(Resilience& memory, NodeId node, const JobSpec& spec, Instant at) {
  std::vector<NodeCrash>& crashes = memory.node_crashes[node];
  std::erase_if(crashes, [&](const NodeCrash& each) { return is_of(each, spec); });
  crashes.push_back({spec.user, spec.name, at});
  if (crashes.size() > kNodeCrashesKept) crashes.erase(crashes.begin());
}

/// One of these it was that could not start the attempt.
void narrow(CrashHistory& history, const Placement& placement, std::optional<NodeId> failed_on) {
  std::vector<NodeId> among;
  if (failed_on) {
    among = {*failed_on};
  } else {
    for (const NodeSlice& slice : placement) among.push_back(slice.node);
    std::sort(among.begin(), among.end());
    among.erase(std::unique(among.begin(), among.end()), among.end());
  }
  if (history.suspects) {
    std::vector<NodeId> both;
    std::set_intersection(among.begin(), among.end(), history.suspects->begin(),
                          history.suspects->end(), std::back_inserter(both));
    among = std::move(both);
  }
  history.suspects = std::move(among);
}

/// Where the attempt failed, as far as one can tell.
std::optional<NodeId> culprit_of(const Attempt& attempt, const AttemptEnded& event) {
  if (event.failed_on) return event.failed_on;
  const bool one = attempt.placement.size() == 1;
  if (event.cause == EndCause::kStartFailed && one) return attempt.placement.begin()->node;
  if (!attempt.first_failure) return std::nullopt;
  return node_under(attempt.placement, attempt.first_failure_rank);
}

void note_crash(State& state, const Attempt& attempt, const AttemptEnded& event) {
  const EndCause cause = event.cause;
  Resilience& memory = state.resilience;
  TaskExit exit = attempt.first_failure.value_or(TaskExit());
  exit.detail.clear();
  CrashHistory& history = memory.crashes[attempt.job];
  if (history.failures == 0 || history.cause != cause || history.exit != exit) {
    history = {cause, exit, 0, state.now, {}, 0, false};
  }
  ++history.failures;
  if (cause == EndCause::kStartFailed) narrow(history, attempt.placement, event.failed_on);
  const auto node = culprit_of(attempt, event);
  if (!node) return;
  if (!history.nodes.empty() && history.nodes.back() == *node) {
    ++history.on_last;
  } else {
    std::erase(history.nodes, *node);
    history.nodes.push_back(*node);
    if (history.nodes.size() > kCrashNodesKept) history.nodes.erase(history.nodes.begin());
    history.on_last = 1;
  }
  const JobSpec& spec = spec_of(state, attempt.job);
  if (history.nodes.size() > 1) {
    acquit(memory, history.nodes, spec);
  } else if (cause == EndCause::kTaskFailed || event.failed_on) {
    // That a start failed says nothing of the node, unless the engine says that it was the node.
    blame(memory, *node, spec, state.now);
  }
}

void set_spare(State& state, NodeId id, bool spare) {
  Node& node = state.nodes.at(id.value());
  const LedgerCategory before = free_category(state, node);
  node.spare = spare;
  if (spare) {
    MW_CHECK(state.resilience.spares.insert(id).second);
  } else {
    MW_CHECK(state.resilience.spares.erase(id) == 1);
  }
  state.free.update(*state.topology, node);
  state.ledger.shift(before, free_category(state, node), node.accelerators_free);
}

}  // namespace

void note_attempt_end(State& state, const Attempt& attempt, const AttemptEnded& event) {
  Resilience& memory = state.resilience;
  memory.paces.erase(attempt.job);
  memory.leaving.erase(attempt.job);
  memory.kept.erase(attempt.job);
  const bool failed = event.cause == EndCause::kTaskFailed || event.cause == EndCause::kStartFailed;
  if (event.cause == EndCause::kCompleted || attempt.saved.count() > 0) {
    memory.crashes.erase(attempt.job);
    // Where it failed, it may have been the node all the same.
    const auto culprit = failed ? node_under(attempt.placement, attempt.first_failure_rank)
                                : std::optional<NodeId>();
    if (!memory.node_crashes.empty()) {
      for (const NodeSlice& slice : attempt.placement) {
        if (slice.node != culprit) memory.node_crashes.erase(slice.node);
      }
    }
  }
  if (failed) note_crash(state, attempt, event);
}

void note_started(State& state, JobId job) {
  const auto found = state.resilience.crashes.find(job);
  if (found != state.resilience.crashes.end() && found->second.suspects) {
    state.resilience.crashes.erase(found);
  }
}

void note_incident(State& state, NodeId node) {
  std::vector<Instant>& incidents = state.resilience.incidents[node];
  if (!incidents.empty() && state.now - incidents.back() < kIncidentLength) return;
  incidents.push_back(state.now);
  if (incidents.size() > kIncidentsKept) incidents.erase(incidents.begin());
}

void apply_resilience(State& state, const CapacityKept& event) {
  take_capacity(state, event.job, event.placement, LedgerCategory::kHeld);
  const HeldCapacity hold{event.job, event.placement, accelerators_of(event.placement)};
  MW_CHECK(state.holds.emplace(event.job, hold).second);
  state.resilience.gaps[event.job] = {event.lost, event.until};
}

void apply_resilience(State& state, const CrashLoopFound& event) {
  state.resilience.crashes.at(event.job).looped = true;
}

void apply_resilience(State& state, const RanksCompared& event) {
  Pace& pace = state.resilience.paces[event.job];
  std::map<Rank, std::uint32_t> rounds;
  for (const Rank rank : event.outliers) {
    const auto before = pace.rounds.find(rank);
    rounds[rank] = before == pace.rounds.end() ? 1 : before->second + 1;
  }
  pace.rounds = std::move(rounds);
  pace.last = event;
  if (!state.attempts.at(event.job).stopping) note_heard(state, event.job);
}

void apply_resilience(State& state, const RanksLeaving& event) {
  const auto attempt = state.attempts.find(event.job);
  MW_CHECK(attempt != state.attempts.end() && attempt->second.number == event.attempt);
  Leaving& leaving = state.resilience.leaving[event.job];
  leaving.cause = event.cause;
  leaving.grace = event.grace;
  leaving.by = event.by;
  leaving.lost.insert(leaving.lost.end(), event.lost.begin(), event.lost.end());
  std::sort(leaving.lost.begin(), leaving.lost.end(),
            [](const LostSlice& a, const LostSlice& b) { return a.first_rank < b.first_rank; });
}

void apply_resilience(State& state, const SparesChanged& event) {
  for (const NodeId node : event.go) set_spare(state, node, false);
  for (const NodeId node : event.come) set_spare(state, node, true);
}

void drop_hold(State& state, JobId job) {
  state.resilience.gaps.erase(job);
  const auto hold = state.holds.find(job);
  if (hold == state.holds.end()) return;
  give_capacity(state, job, hold->second.placement, LedgerCategory::kHeld);
  state.holds.erase(hold);
}

void drop_holds_on(State& state, NodeId node) {
  std::vector<JobId> jobs;
  for (const auto& [job, hold] : state.holds) {
    const bool there = std::any_of(hold.placement.begin(), hold.placement.end(),
                                   [&](const NodeSlice& slice) { return slice.node == node; });
    if (there) jobs.push_back(job);
  }
  for (const JobId job : jobs) drop_hold(state, job);
}

void use_spares(State& state, const Placement& placement) {
  if (state.resilience.spares.empty()) return;
  for (const NodeSlice& slice : placement) drop_spare(state, slice.node);
}

void drop_spare(State& state, NodeId node) {
  if (state.resilience.spares.contains(node)) set_spare(state, node, false);
}

void forget_crashes(State& state, JobId job) {
  const auto found = state.resilience.crashes.find(job);
  if (found == state.resilience.crashes.end()) return;
  // What it was given up for is told for as long as the job is known.
  if (!found->second.looped || state.jobs.find(job) == nullptr) {
    state.resilience.crashes.erase(found);
  }
}

void restore_spares(State& state) {
  for (Node& node : state.nodes) node.spare = state.resilience.spares.contains(node.id);
}

}  // namespace mw
