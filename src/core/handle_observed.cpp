// What engines and jobs report. Reports are lost, repeated, late and out of order as a matter of
// course: each is held against the state, and what is not news changes nothing.
#include <algorithm>
#include <set>
#include <string_view>

#include "base/check.h"
#include "core/stepper.h"

namespace mw {
namespace {

/// Of an attempt whose tasks have all ended; `rest_ok`: so did those that were not told one by one.
EndCause how_it_ended(const Attempt& attempt, bool rest_ok) {
  if (attempt.stopping) return *attempt.stopping;
  return attempt.first_failure || !rest_ok ? EndCause::kTaskFailed : EndCause::kCompleted;
}

/// Who is told by a fault that a node is not well does not blame the job for a task that fails
/// there: the job starts again at once, and it does not count. `rank`: of the task; none: any.
EndCause blamed(const State& state, const Attempt& attempt, EndCause cause,
                std::optional<Rank> rank) {
  if (cause != EndCause::kTaskFailed) return cause;
  for (const NodeSlice& slice : attempt.placement) {
    const std::uint32_t first = slice.first_rank;
    if (rank && (rank->value() < first || rank->value() >= first + slice.tasks)) continue;
    const Node& node = state.nodes[slice.node.value()];
    const bool taken_out =
        node.phase != NodePhase::kReady && node.phase_mover == Mover::kFaultPolicy;
    if (taken_out) return EndCause::kFaulty;
  }
  return cause;
}

}  // namespace

void Core::Stepper::operator()(const ControllerStarted& input) {
  emit(ControllerTookOver{input.version, input.replaces_ranks});
  if (state_.resilience.replaces_ranks) return;
  // This engine would never end the ranks that leave.
  const std::map<JobId, Leaving> leaving = state_.resilience.leaving;
  for (const auto& [job, each] : leaving) {
    stop_attempt(state_.attempts.at(job), each.cause, each.by);
  }
}

/// Together, since each changes what there is of the whole fleet: an engine may tell of tens of
/// thousands when it starts.
std::size_t Core::Stepper::join(std::span<const Input> inputs) {
  std::set<std::string_view> names;
  const std::size_t first = events_.size();
  auto next = static_cast<std::uint32_t>(state_.nodes.size());
  for (const Input& input : inputs) {
    const auto* seen = std::get_if<NodeSeen>(&input.body);
    if (seen == nullptr || state_.topology->find(seen->spec.name)) break;
    if (!names.insert(seen->spec.name).second) break;  // twice: by then it is known
    NodeJoined joined{NodeId(next++), seen->spec, phase_of_new()};
    note_spares(joined);
    events_.push_back({now_, input.request, std::move(joined)});
  }
  if (names.empty()) return 0;
  apply_all(state_, std::span(events_).subspan(first));
  note_waiting(events_.back().body);
  return names.size();
}

void Core::Stepper::operator()(const NodeSeen& input) {
  const auto known = state_.topology->find(input.spec.name);
  MW_CHECK(known.has_value());  // else it has joined
  const Node& node = state_.nodes.at(known->value());
  if (node.lost) {
    emit(NodeContact{node.id, false});
    note_lost(node.id, false);
  }
  // A busy node keeps its old description until it is free: its engine will say so again.
  NodeSpec known_as = state_.topology->spec(node.id);
  if (!input.spec.fabric) known_as.fabric.reset();  // of where it stands nothing is said
  const bool same = known_as == input.spec;
  if (!same && node.slices == 0) emit(NodeChanged{node.id, input.spec});
}

void Core::Stepper::operator()(const NodeLost& input) {
  const auto known = state_.topology->find(input.node);
  if (!known) return;
  const NodeId id = *known;
  if (state_.nodes.at(id.value()).lost) return;
  emit(NodeContact{id, true});
  note_lost(id, true);
  // Tasks there will not be heard of again; the rest of their gangs is stopped.
  std::vector<std::pair<JobId, NodeSlice>> hit;
  for (const auto& [job, attempt] : state_.attempts) {
    for (const NodeSlice& slice : attempt.placement) {
      if (slice.node == id) hit.emplace_back(job, slice);
    }
  }
  for (const auto& [job, slice] : hit) {
    const auto found = state_.attempts.find(job);
    if (found == state_.attempts.end()) continue;  // all of it was there, another group's slice
    const Attempt& attempt = found->second;
    const AttemptNumber number = attempt.number;
    lose_ranks(job, {EndCause::kNodeLost, "", false, false}, {id});
    for (std::uint32_t i = 0; i < slice.tasks; ++i) {
      const Rank rank(slice.first_rank + i);
      if (state_.attempts.at(job).exited[rank.value()]) continue;
      TaskExit exit;
      exit.detail = "node " + input.node + " was lost";
      emit(TaskEnded{job, number, rank, exit});
    }
    const Attempt& after = state_.attempts.at(job);
    if (after.exited_count == after.exited.size()) {
      end_attempt(job, after.stopping.value_or(EndCause::kNodeLost),
                  "node " + input.node + " was lost");
    }
  }
}

void Core::Stepper::operator()(const AttemptStarted& input) {
  const Attempt* attempt = current(input.job, input.epoch);
  if (attempt == nullptr || attempt->stopping || attempt->running_at) return;
  const std::vector<NodeId> left = left_behind(state_, *attempt);
  emit(AttemptRunning{input.job, attempt->number});
  for (const NodeId node : left) {
    tell_of_start(node, "job " + std::to_string(input.job.value()) + " did not start " +
                            (left.size() == 1 ? "there" : "on this and some other nodes") +
                            ", twice or more, and did elsewhere");
  }
}

void Core::Stepper::operator()(const TaskExited& input) {
  const Attempt* attempt = current(input.job, input.epoch);
  if (attempt == nullptr || input.rank.value() >= attempt->exited.size()) return;
  if (attempt->exited[input.rank.value()]) return;
  emit(TaskEnded{input.job, attempt->number, input.rank, input.exit});
  attempt = current(input.job, input.epoch);  // as it is now
  const bool all_ended = attempt->exited_count == attempt->exited.size();
  if (all_ended) {
    // Ranks that had to leave may have been killed in their work: then it is not done.
    const auto leaving = state_.resilience.leaving.find(input.job);
    const EndCause cause = leaving != state_.resilience.leaving.end()
                               ? leaving->second.cause
                               : how_it_ended(*attempt, true);
    end_attempt(input.job, blamed(state_, *attempt, cause, attempt->first_failure_rank), "");
  } else if (!input.exit.ok() && !attempt->stopping) {
    if (leaves(state_, input.job, input.rank.value())) return;
    stop_attempt(*attempt, blamed(state_, *attempt, EndCause::kTaskFailed, input.rank), "");
  }
}

void Core::Stepper::operator()(const AttemptExited& input) {
  const Attempt* attempt = current(input.job, input.epoch);
  if (attempt == nullptr) return;
  const EndCause cause = input.over_time.value_or(false)
                             ? attempt->stopping.value_or(EndCause::kTimeLimit)
                             : how_it_ended(*attempt, input.exit.ok());
  end_attempt(input.job, blamed(state_, *attempt, cause, std::nullopt), input.exit.detail);
}

void Core::Stepper::operator()(const AttemptGone& input) {
  const Attempt* attempt = current(input.job, input.epoch);
  if (attempt == nullptr) return;
  const EndCause by_itself = input.start_failed ? EndCause::kStartFailed : EndCause::kEngineLost;
  const EndCause cause = attempt->stopping.value_or(by_itself);
  auto failed_on = input.node ? state_.topology->find(*input.node) : std::nullopt;
  const bool its_own = std::any_of(attempt->placement.begin(), attempt->placement.end(),
                                   [&](const NodeSlice& slice) { return slice.node == failed_on; });
  if (cause != EndCause::kStartFailed || !its_own) failed_on.reset();
  end_attempt(input.job, cause, input.detail, failed_on);
}

void Core::Stepper::operator()(const ReportProgress& input) {
  const Attempt* attempt = reporting(input.job, input.attempt, input.rank);
  if (attempt == nullptr) return;
  emit(ProgressNoted{input.job, attempt->number, input.rank, input.progress});
  want_checkpoint(state_.attempts.at(input.job));
}

void Core::Stepper::operator()(const CheckpointBegun& input) {
  const Attempt* attempt = reporting(input.job, input.attempt, input.rank);
  if (attempt == nullptr) return;
  emit(CheckpointStarted{input.job, attempt->number});
}

void Core::Stepper::operator()(const CheckpointSaved& input) {
  const Attempt* attempt = reporting(input.job, input.attempt, input.rank);
  if (attempt == nullptr) return;
  emit(CheckpointKept{input.job, attempt->number, input.checkpoint});
  leave_after_checkpoint(state_.attempts.at(input.job));
}

}  // namespace mw
