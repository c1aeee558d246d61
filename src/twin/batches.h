// Jobs that were handed in together and ask for the same: a sweep over a parameter, say. Their run
// times are alike, and a forecast that draws each by itself is far too sure of itself: the sum of a
// hundred independent runs hardly varies, that of a hundred equal ones does.
// How much alike is measured, not assumed. Logarithms of run times are taken to be the sum of what
// is common to a batch and of what is a job's own, and the variances of both are estimated; so is
// the gap in time that ends a batch. A batch of which some have ended then tells of its others as
// often as its credibility says; otherwise all of it is as one batch of the past was, another one
// in each future.
// Sources: the analysis of variance with random effects, and the credibility n r / (1 + (n - 1) r)
// of n runs with correlation r: Buehlmann, "Experience Rating and Credibility", ASTIN 1967. Drawing
// whole batches of the past: Davison and Hinkley, "Bootstrap Methods and Their Application", 1997,
// 3.8. That users hand in batches of like jobs: Zakay and Feitelson, MASCOTS 2014.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/state.h"

namespace mw {

class Batches {
 public:
  struct Batch {
    std::vector<std::int64_t> ended;    ///< lengths of runs, in ns, sorted
    std::vector<std::int64_t> unended;  ///< so far, of those whose end is not known; sorted
    std::uint32_t number = 0;           ///< from 1
    std::uint32_t jobs = 0;
    [[nodiscard]] std::size_t runs() const { return ended.size() + unended.size(); }
  };

  /// There are none.
  Batches() = default;
  /// Of the jobs that the state still keeps.
  explicit Batches(const State& state);

  /// The batch of the job; null when it is alone.
  [[nodiscard]] const Batch* of(const State& state, JobId job) const;
  /// A batch of the past that jobs of `spec` may be like: that of a random run. Null: none known.
  [[nodiscard]] const Batch* any_like(const JobSpec& spec, Random& random) const;
  /// The probability, in thousandths, with which another job of a batch runs as one of its `runs`.
  [[nodiscard]] std::uint32_t credibility_milli(std::size_t runs) const;
  /// The correlation of two runs of a batch, in thousandths.
  [[nodiscard]] std::uint32_t likeness_milli() const { return likeness_milli_; }
  /// Longer apart, jobs are not of one batch.
  [[nodiscard]] Duration gap() const { return gap_; }

 private:
  std::vector<Batch> batches_;
  std::map<JobId, std::uint32_t> batch_of_;  ///< by record, for batches of more than one
  /// By template of RunTimes: the batch of each run.
  std::map<std::string, std::vector<std::uint32_t>> runs_like_;
  Duration gap_{};
  std::uint32_t likeness_milli_ = 0;
};

}  // namespace mw
