// Step times of ranks, gathered until most of a gang have told: a round. Ten thousand ranks that
// tell every few seconds are then one input a round and not ten thousand, in the brain and in the
// journal. What a round has so far is remembered here alone, and a control plane that starts begins
// anew: of something that is told again within a minute nothing need be durable.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "core/state.h"
#include "model/input.h"

namespace mw::http {

class StepRounds {
 public:
  /// Notes how long the rank's steps take.
  /// Result: the round, when it is whole: all ranks that live have told, or three quarters of them
  /// and one of those twice.
  /// REQUIRES: the state has this attempt, and so many ranks.
  std::optional<ReportStepTimes> add(const State& state, const Attempt& attempt, Rank rank,
                                     Duration step);

  /// Of so many gangs something is remembered.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Round {
    AttemptNumber attempt;
    std::vector<Duration> steps;  ///< by rank; 0: not yet
    std::uint32_t told = 0;       ///< of them, those that are not 0
    bool repeated = false;        ///< one has told twice
  };
  void forget_ended(const State& state);

  mutable std::mutex mutex_;
  std::map<JobId, Round> rounds_;
};

}  // namespace mw::http
