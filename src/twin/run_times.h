// How long jobs run, when nobody knows: from how long jobs like them ran before.
// Jobs are alike by templates, the closest first: same user, name, tenant and size class; then the
// same tenant and size; then the same size; then all. The closest template with enough past runs
// tells, and only runs that were at least as long as this one has run already.
//
// Runs that still go on are evidence, too: without them only what was quick to end would be known,
// and every forecast would be too early. One that has run for an hour counts as a run of unknown
// length beyond an hour, and its weight goes to the longer ones.
// Sources: Smith, Taylor, Foster, "Predicting Application Run Times Using Historical Information",
// JSSPP 1998 (templates); the whole distribution instead of a mean as in 3Sigma, EuroSys 2018;
// runs that go on by Kaplan and Meier, "Nonparametric Estimation from Incomplete Observations",
// 1958, in the form of Efron's redistribution to the right, 1967. What few runs leave open: Hill,
// "Posterior Distribution of Percentiles", JASA 1968 (each gap between n runs holds the next one
// with probability 1/(n+1)), so that one run alone is never taken for what all will be like.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/state.h"

namespace mw {

class RunTimes {
 public:
  static constexpr std::size_t kTemplates = 4;
  /// Runs of a template that are enough to tell.
  static constexpr std::size_t kEnough = 12;
  /// Without the numbers that people count their jobs by: train-17 is another train-16.
  [[nodiscard]] static std::string kind_of_name(const std::string& name);
  /// What jobs like this one have in common, the closest likeness first.
  [[nodiscard]] static std::array<std::string, kTemplates> templates(const JobSpec& spec);

  /// A job like this ran for so long, start to end.
  void learn(const JobSpec& spec, Duration run);
  /// One has run for so long, and its end is not known: it goes on, or was stopped for others.
  void learn_unended(const JobSpec& spec, Duration run);
  /// From the jobs that the state still keeps: those that have ended, and those that run at
  /// state.now. A time limit that was reached says only that the job would have run longer.
  void learn_from(const State& state);

  /// One possible run time of a job that has run for `elapsed`: larger than that. Never past the
  /// time limit.
  [[nodiscard]] Duration sample(const JobSpec& spec, Duration elapsed, Random& random) const;
  /// Of which the end is known.
  [[nodiscard]] std::size_t runs() const { return count_; }

 private:
  /// Each template keeps about that many runs.
  static constexpr std::size_t kKept = 4096;

  /// Lengths in ns, each list sorted.
  struct Past {
    std::vector<std::int64_t> ended;
    std::vector<std::int64_t> unended;
  };

  void insert(std::vector<std::int64_t>& runs, Duration run) const;
  [[nodiscard]] static Duration draw(const Past& past, Duration elapsed, Random& random);

  std::map<std::string, Past> past_;  ///< by template
  std::size_t count_ = 0;
};

}  // namespace mw
