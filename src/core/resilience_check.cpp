#include "core/resilience_check.h"

#include <algorithm>
#include <map>

#include "core/lending.h"
#include "core/resilience.h"

namespace mw {
namespace {

class ResilienceInspector {
 public:
  ResilienceInspector(const State& state, std::vector<std::string>& found)
      : state_(state), memory_(state.resilience), found_(found) {
    for (const JobId job : borrowers(state)) {
      if (!may_borrow(state, spec_of(state, job))) continue;
      for (const NodeSlice& slice : state.attempts.at(job).placement) ++lent_[slice.node];
    }
  }

  void inspect() {
    for (const auto& [job, gap] : memory_.gaps) inspect_gap(job, gap);
    for (const auto& [job, history] : memory_.crashes) inspect_crashes(job, history);
    for (const auto& [node, crashes] : memory_.node_crashes) {
      expect(!crashes.empty() && crashes.size() <= kNodeCrashesKept, node, "its crashes are few");
    }
    for (const auto& [node, incidents] : memory_.incidents) {
      expect(!incidents.empty() && incidents.size() <= kIncidentsKept, node, "its incidents fit");
      expect(std::is_sorted(incidents.begin(), incidents.end()), node, "incidents are in order");
    }
    for (const auto& [job, pulse] : memory_.pulses) {
      expect(state_.health.heard.contains(job) && pulse.reports > 0, job, "it was heard");
    }
    for (const auto& [job, pace] : memory_.paces) inspect_pace(job, pace);
    for (const Node& node : state_.nodes) inspect_spare(node);
    for (const auto& [job, leaving] : memory_.leaving) inspect_leaving(job, leaving);
    for (const auto& [job, kept] : memory_.kept) inspect_kept(job, kept);
  }

 private:
  void expect(bool holds, const std::string& whose, const std::string& sentence) {
    if (!holds) found_.push_back(whose + ": not so: " + sentence);
  }
  void expect(bool holds, JobId job, const std::string& sentence) {
    expect(holds, "job " + std::to_string(job.value()), sentence);
  }
  void expect(bool holds, NodeId node, const std::string& sentence) {
    expect(holds, state_.topology->name(node), sentence);
  }

  /// What is kept and what is lost are the whole gang, each rank once.
  void inspect_gap(JobId job, const Gap& gap) {
    const auto hold = state_.holds.find(job);
    expect(hold != state_.holds.end(), job, "what is left of its place is held");
    expect(gap.until > state_.now, job, "its place is held until later");
    expect(!gap.lost.empty(), job, "something is missing of its place");
    if (hold == state_.holds.end()) return;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> parts;
    for (const NodeSlice& slice : hold->second.placement) {
      parts.emplace_back(slice.first_rank, slice.tasks);
    }
    for (const LostSlice& lost : gap.lost) parts.emplace_back(lost.first_rank, lost.tasks);
    std::sort(parts.begin(), parts.end());
    std::uint32_t next = 0;
    for (const auto& [first, tasks] : parts) {
      expect(first == next, job, "kept and lost ranks follow one another");
      next = first + tasks;
    }
  }

  void inspect_crashes(JobId job, const CrashHistory& history) {
    const Job* known = state_.jobs.find(job);
    expect(known != nullptr, job, "it is known, as its failures are");
    if (known == nullptr) return;
    expect(!is_final(known->state) || history.looped, job, "failures are forgotten at the end");
    expect(history.failures > 0 && history.nodes.size() <= kCrashNodesKept, job, "failures fit");
    const bool starts = history.cause == EndCause::kStartFailed;
    expect(history.suspects.has_value() == starts, job, "failed starts have nodes in common");
    if (history.suspects) {
      expect(std::is_sorted(history.suspects->begin(), history.suspects->end()), job,
             "nodes that were in all of its starts are in order");
    }
  }

  void inspect_pace(JobId job, const Pace& pace) {
    const auto attempt = state_.attempts.find(job);
    expect(attempt != state_.attempts.end(), job, "only a running job has a pace");
    if (attempt == state_.attempts.end()) return;
    const auto ranks = attempt->second.exited.size();
    expect(pace.last && pace.last->attempt == attempt->second.number, job, "its pace is known");
    expect(pace.rounds.empty() || pace.rounds.rbegin()->first.value() < ranks, job,
           "only ranks that it has are slow");
  }

  /// Of an attempt that runs, and not all of it.
  void inspect_leaving(JobId job, const Leaving& leaving) {
    const auto attempt = state_.attempts.find(job);
    expect(attempt != state_.attempts.end(), job, "only who runs loses ranks");
    if (attempt == state_.attempts.end()) return;
    expect(!attempt->second.stopping, job, "what stops as a whole has no ranks that leave");
    const Placement& placement = attempt->second.placement;
    expect(!leaving.lost.empty() && leaving.lost.size() < placement.size(), job,
           "some of its ranks leave, and not all");
    for (const LostSlice& lost : leaving.lost) {
      const bool there =
          std::any_of(placement.begin(), placement.end(), [&](const NodeSlice& slice) {
            return slice.node == lost.node && slice.first_rank == lost.first_rank &&
                   slice.tasks == lost.tasks;
          });
      expect(there, job, "what leaves is there");
    }
  }

  void inspect_kept(JobId job, const std::vector<KeptRanks>& kept) {
    const auto attempt = state_.attempts.find(job);
    expect(attempt != state_.attempts.end(), job, "only who runs has kept ranks");
    if (attempt == state_.attempts.end()) return;
    std::uint32_t next = 0;
    for (const KeptRanks& each : kept) {
      expect(each.tasks > 0 && each.first_rank >= next, job, "kept ranks are in order");
      expect(each.attempt < attempt->second.number && each.epoch < attempt->second.epoch, job,
             "kept ranks are of earlier attempts");
      next = each.first_rank + each.tasks;
    }
    expect(next <= attempt->second.exited.size(), job, "it has the ranks that it keeps");
  }

  /// A spare takes work, is promised to nobody, and has nothing but what may be stopped for a gang.
  void inspect_spare(const Node& node) {
    expect(node.spare == memory_.spares.contains(node.id), node.id,
           "it knows whether it is a spare");
    if (!node.spare) return;
    expect(node.phase == NodePhase::kReady && !node.lost, node.id, "a spare is ready");
    const auto lent = lent_.find(node.id);
    const std::uint32_t borrowed = lent == lent_.end() ? 0 : lent->second;
    expect(node.slices == borrowed, node.id, "nothing is on a spare but what it is lent to");
    expect(node.claim.job == JobId() && !node.hidden, node.id, "a spare is promised to nobody");
  }

  const State& state_;
  const Resilience& memory_;
  std::vector<std::string>& found_;
  std::map<NodeId, std::uint32_t> lent_;  ///< slices of those that borrow
};

}  // namespace

void inspect_resilience(const State& state, std::vector<std::string>& found) {
  ResilienceInspector(state, found).inspect();
}

}  // namespace mw
