// What past forecasts were worth: each is kept until its job has started, and then tells how far
// its p10, p50 and p90 were off. Later forecasts are moved by that much, so that a tenth, half and
// nine tenths of the true starts come before theirs, whatever the model of the future gets wrong:
// loads change, people change, and no estimate of run times knows it beforehand.
//
// "Off" is on a scale of logarithms of the wait, for it is by factors that forecasts are wrong.
// A forecast whose job still waits tells that it starts later than now, and without these only the
// quick starts would be known; so the distribution is that of Kaplan and Meier. Which share of it
// is taken moves with each start that came before or after what was told (adaptive conformal
// inference), because starts of one queue are not independent of each other. That a start comes
// after what was told is known as soon as that time has passed, and is not waited for.
// Sources: Romano, Patterson, Candes, "Conformalized Quantile Regression", NeurIPS 2019; Gibbs and
// Candes, "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 2021; for what is not
// over yet Candes, Lei, Ren, "Conformalized Survival Analysis", JRSS B 2023.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/state.h"
#include "twin/forecast.h"

namespace mw {

/// By when the job has started with these probabilities; never() where that is not foreseen.
struct StartInterval {
  Instant p10;
  Instant p50;
  Instant p90;
  /// Otherwise p10 and p90 are not known, for too few futures were run, and are never().
  bool has_spread = true;
  bool operator==(const StartInterval&) const = default;
};

class PastForecasts {
 public:
  /// Fewer moments at which was asked change nothing: of ten the tenth part is one.
  static constexpr std::size_t kEnough = 20;
  /// The oldest are forgotten; as many as are asked about in a week.
  static constexpr std::size_t kKept = 8000;
  /// Of how many jobs is asked in the same futures. Who waits at the front tells soonest what a
  /// forecast was worth, who waits at the end what those of long waits are.
  static constexpr std::size_t kJobsAtOnce = 8;

  /// Fewer futures have no tenth part: with n of them the earliest stands for a share of 1/(n+1).
  static constexpr std::size_t kFuturesEnough = 9;

  /// What is told of `starts` at `now`: never() when no future came to its end.
  [[nodiscard]] StartInterval told(const PossibleStarts& starts, Instant now) const;
  /// Remembers forecasts of jobs that wait at `now`, from the same futures: together they count as
  /// one. `now` is not before that of any call.
  /// Returns what is told of each.
  std::vector<StartInterval> note(std::span<const JobId> jobs,
                                  std::span<const PossibleStarts> starts, Instant now);

  /// The job has started.
  void started(JobId job, Instant at);
  /// The job will not start any more: it was taken back, or it is not known what became of it.
  void gone(JobId job, Instant at);
  /// Both of the above for all jobs that are known, from what has become of them.
  void look_at(const State& state);

  /// Of how many forecasts it is known when their jobs started.
  [[nodiscard]] std::size_t settled() const { return settled_; }
  /// Whether told() makes use of them.
  [[nodiscard]] bool adjusts() const { return settled_weight_ >= kEnough - 1e-6; }

 private:
  static constexpr std::size_t kLevels = 3;
  using Waits = std::array<double, kLevels>;  ///< logarithms

  struct Asked {
    JobId job;
    Instant at;
    double weight = 1;                    ///< all that were asked about at once have 1
    Waits raw{};                          ///< as the futures said
    std::array<Instant, kLevels> told{};  ///< after the adjustment
    std::array<bool, kLevels> judged{};
    std::optional<Instant> started{};
    std::optional<Instant> gone{};  ///< until then it had not started
  };

  static Waits raw_waits(const PossibleStarts& starts, Instant now);
  [[nodiscard]] std::optional<double> off(std::size_t level, double share, Instant now) const;
  void settle(Asked& asked, Instant at);
  void judge(Asked& asked, std::size_t level, bool was_before);
  void judge_passed(Instant now);

  std::deque<Asked> asked_;
  std::array<double, kLevels> shares_ = {0.1, 0.5, 0.9};
  std::size_t settled_ = 0;
  double settled_weight_ = 0;
};

/// Some of the jobs that stand in line and have never run, each as likely, in random order.
std::vector<JobId> some_waiting(const State& state, std::size_t most, Random& random);

}  // namespace mw
