#include "twin/time_split.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace mw {

BrokenTimes::BrokenTimes(const std::vector<NodeFault>& faults) {
  for (const NodeFault& fault : faults) {
    const bool stops = fault.effect == FaultEffect::kDown || fault.effect == FaultEffect::kBroken;
    if (!stops) continue;
    for (const NodeId node : fault.nodes) {
      spans_[node].push_back({fault.at, fault.at + fault.repair});
    }
  }
  for (auto& [node, spans] : spans_) {
    std::sort(spans.begin(), spans.end(),
              [](const Span& a, const Span& b) { return a.begin < b.begin; });
    std::vector<Span> whole;
    for (const Span& each : spans) {
      if (!whole.empty() && each.begin <= whole.back().end) {
        whole.back().end = std::max(whole.back().end, each.end);
      } else {
        whole.push_back(each);
      }
    }
    spans = std::move(whole);
  }
}

std::optional<Instant> BrokenTimes::first(NodeId node, Instant from, Instant to) const {
  const auto found = spans_.find(node);
  if (found == spans_.end()) return std::nullopt;
  for (const Span& each : found->second) {
    if (each.end < from) continue;
    if (each.begin > to) break;
    return std::max(each.begin, from);
  }
  return std::nullopt;
}

void TimeSplit::note(const Event& event) {
  const Instant at = event.at;
  if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
    if (placed->job != job_) return;
    if (!first_) first_ = at;
    if (ended_) parts_.requeue += at - *ended_;
    ended_.reset();
    current_ = Current();
    current_->placed = at;
    for (const NodeSlice& slice : placed->placement) current_->nodes.push_back(slice.node);
    return;
  }
  if (!current_ || job_of(event) != job_) return;
  if (std::holds_alternative<AttemptRunning>(event.body)) {
    current_->running = at;
    current_->saved = at;
  } else if (std::holds_alternative<CheckpointStarted>(event.body)) {
    if (!current_->stopping) current_->saving = at;
  } else if (std::holds_alternative<CheckpointKept>(event.body)) {
    if (current_->stopping) return;  // it counts for the next attempt, but is no part of this time
    const Duration saving = current_->saving ? at - *current_->saving : Duration();
    parts_.checkpointing += saving + current_->saving_since_saved;
    parts_.productive += at - current_->saved - saving - current_->saving_since_saved;
    parts_.productive += std::exchange(carried_, Duration());
    current_->saving.reset();
    current_->saving_since_saved = Duration();
    current_->saved = at;
  } else if (std::holds_alternative<ProgressNoted>(event.body)) {
    if (current_->saving) current_->saving_since_saved += at - *current_->saving;
    current_->saving.reset();
  } else if (std::holds_alternative<AttemptStopping>(event.body)) {
    if (!current_->stopping) current_->stopping = at;
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    const bool done = ended->cause == EndCause::kCompleted || ended->cause == EndCause::kCancelled;
    end(at, !done, ended->carried_work.has_value());
  }
}

/// `goes_on`: what is not saved goes on in the next attempt.
void TimeSplit::end(Instant at, bool interrupted, bool goes_on) {
  const Current now = std::move(*current_);
  current_.reset();
  ended_ = at;
  if (interrupted) ++interruptions_;
  Duration& unsaved = goes_on ? carried_ : interrupted ? parts_.lost_work : parts_.productive;
  if (!goes_on) unsaved += std::exchange(carried_, Duration());
  const Instant stopped = now.stopping.value_or(at);
  Instant halted = stopped;
  for (const NodeId node : now.nodes) {
    halted = std::min(halted, broken_.first(node, now.placed, stopped).value_or(stopped));
  }
  // A checkpoint that was finished on the way may have been heard of a moment after the fault.
  const Instant worked_from = now.running ? now.saved : stopped;
  if (now.running) halted = std::max(halted, worked_from);
  parts_.draining += at - stopped;
  parts_.detection += stopped - halted;
  if (!now.running) {
    parts_.start_up += halted - now.placed;
    return;
  }
  parts_.start_up += *now.running - now.placed;
  Duration saving = now.saving_since_saved;
  if (now.saving && *now.saving < halted) saving += halted - *now.saving;
  saving = std::min(saving, halted - worked_from);
  parts_.checkpointing += saving;
  unsaved += halted - worked_from - saving;
}

void TimeSplit::finish(Instant now) {
  if (!first_) return;
  if (current_) {
    // As if it were done: what it has not saved is not lost.
    const bool waits = !current_->running.has_value();
    if (waits && !current_->stopping) {
      parts_.start_up += now - current_->placed;
      current_.reset();
    } else {
      end(now, false, false);
    }
  } else if (ended_) {
    parts_.requeue += now - *ended_;
  }
  parts_.productive += std::exchange(carried_, Duration());
  elapsed_ = now - *first_;
  MW_CHECK(parts_.sum() == elapsed_);
}

}  // namespace mw
