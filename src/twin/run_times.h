// How long jobs run, when nobody knows: from how long jobs like them ran before.
// Jobs are alike by templates, the closest first: same user, name, tenant and size class; then the
// same tenant and size; then the same size; then all. The closest template with enough past runs
// tells, and only runs that were at least as long as this one has run already.
// Source: Smith, Taylor, Foster, "Predicting Application Run Times Using Historical Information",
// JSSPP 1998 (templates); the whole distribution instead of a mean as in 3Sigma, EuroSys 2018.
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
  /// A job like this ran for so long, start to end, by itself.
  void learn(const JobSpec& spec, Duration run);
  /// From the jobs that the state still keeps: those that came to their end by themselves.
  void learn_from(const State& state);

  /// One possible run time of a job that has run for `elapsed`: larger than that. Never past the
  /// time limit.
  [[nodiscard]] Duration sample(const JobSpec& spec, Duration elapsed, Random& random) const;
  [[nodiscard]] std::size_t runs() const { return count_; }

 private:
  static constexpr std::size_t kTemplates = 4;
  static constexpr std::size_t kEnough = 12;
  /// Each template keeps that many of the latest runs.
  static constexpr std::size_t kKept = 4096;

  [[nodiscard]] static std::array<std::string, kTemplates> templates(const JobSpec& spec);

  std::map<std::string, std::vector<std::int64_t>> past_;  ///< by template, each sorted
  std::size_t count_ = 0;
};

}  // namespace mw
