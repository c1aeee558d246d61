#include "core/resilience_check.h"

#include <algorithm>

#include "core/resilience.h"

namespace mw {
namespace {

class ResilienceInspector {
 public:
  ResilienceInspector(const State& state, std::vector<std::string>& found)
      : state_(state), memory_(state.resilience), found_(found) {}

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
  }

  void inspect_pace(JobId job, const Pace& pace) {
    const auto attempt = state_.attempts.find(job);
    expect(attempt != state_.attempts.end(), job, "only a running job has a pace");
    if (attempt == state_.attempts.end()) return;
    expect(pace.steps.size() == attempt->second.exited.size(), job, "each rank has a step");
    const auto told = std::count_if(pace.steps.begin(), pace.steps.end(),
                                    [](Duration step) { return step.count() > 0; });
    expect(static_cast<std::uint32_t>(told) == pace.told, job, "so many ranks have told");
  }

  /// A spare takes work, has none, and is promised to nobody.
  void inspect_spare(const Node& node) {
    expect(node.spare == memory_.spares.contains(node.id), node.id,
           "it knows whether it is a spare");
    if (!node.spare) return;
    expect(node.phase == NodePhase::kReady && !node.lost, node.id, "a spare is ready");
    expect(node.slices == 0, node.id, "nothing is on a spare");
    expect(node.claim.job == JobId() && !node.hidden, node.id, "a spare is promised to nobody");
  }

  const State& state_;
  const Resilience& memory_;
  std::vector<std::string>& found_;
};

}  // namespace

void inspect_resilience(const State& state, std::vector<std::string>& found) {
  ResilienceInspector(state, found).inspect();
}

}  // namespace mw
