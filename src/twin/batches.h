// Jobs that were handed in together and ask for the same: a sweep over a parameter, say. Their run
// times are alike, and a forecast that draws each by itself is far too sure of itself: the sum of a
// hundred independent runs hardly varies, that of a hundred equal ones does.
// How much alike is measured, not assumed: how much more often two of a batch run for nearly the
// same time than two that are no batch.
// Source: that a user's runs resemble the ones just before is what Tsafrir, Etsion and Feitelson
// predict by, "Backfilling Using System-Generated Predictions", IEEE TPDS 2007; within a batch
// their resemblance is that of Zakay and Feitelson's sessions, "Preserving User Behavior
// Characteristics in Trace-Based Simulation", MASCOTS 2014.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "core/state.h"

namespace mw {

class Batches {
 public:
  struct Batch {
    std::vector<std::int64_t> ended;  ///< lengths of runs, in ns, sorted
    Duration running_longest;         ///< of those that go on
    std::uint32_t number = 0;
  };

  /// There are none.
  Batches() = default;
  /// Of the jobs that the state still keeps.
  explicit Batches(const State& state);

  /// The batch of the job; null when it is alone.
  [[nodiscard]] const Batch* of(const State& state, JobId job) const;
  /// The probability, in thousandths, with which a job runs as another of its batch.
  [[nodiscard]] std::uint32_t likeness_milli() const { return likeness_milli_; }

 private:
  std::vector<Batch> batches_;
  std::map<JobId, std::uint32_t> batch_of_;  ///< by record, for batches of more than one
  std::uint32_t likeness_milli_ = 0;
};

}  // namespace mw
