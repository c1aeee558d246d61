#include "http/step_rounds.h"

#include <utility>

namespace mw::http {

std::optional<ReportStepTimes> StepRounds::add(const State& state, const Attempt& attempt,
                                               Rank rank, Duration step) {
  const std::lock_guard lock(mutex_);
  if (!rounds_.contains(attempt.job)) forget_ended(state);
  Round& round = rounds_[attempt.job];
  if (round.attempt != attempt.number || round.steps.size() != attempt.exited.size()) {
    round = {attempt.number, std::vector<Duration>(attempt.exited.size()), 0, false};
  }
  Duration& known = round.steps.at(rank.value());
  if (known.count() == 0) {
    ++round.told;
  } else {
    round.repeated = true;
  }
  known = step;
  const std::uint64_t live = attempt.exited.size() - attempt.exited_count;
  const bool most = round.repeated && std::uint64_t{round.told} * 4 >= live * 3;
  if (round.told < live && !most) return std::nullopt;
  ReportStepTimes whole{attempt.job, attempt.number, std::move(round.steps)};
  rounds_.erase(attempt.job);
  return whole;
}

std::size_t StepRounds::size() const {
  const std::lock_guard lock(mutex_);
  return rounds_.size();
}

void StepRounds::forget_ended(const State& state) {
  std::erase_if(rounds_, [&](const auto& each) { return !state.attempts.contains(each.first); });
}

}  // namespace mw::http
