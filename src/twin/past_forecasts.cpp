#include "twin/past_forecasts.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "twin/portable_math.h"

namespace mw {
namespace {

constexpr std::array<double, 3> kShares = {0.1, 0.5, 0.9};
/// How far one start moves the share that is taken. After n starts the coverage is off its aim by
/// 1 / (kStep n) at most (Gibbs and Candes, proposition 4.1), whatever happens: 0.05 makes that a
/// few percent after some hundred starts. It is the largest of those that Zaffran and others
/// compare, "Adaptive Conformal Predictions for Time Series", ICML 2022; a smaller one is too slow
/// for a control plane that sees some ten jobs a day wait, a larger one makes the bounds jump.
constexpr double kStep = 0.05;
/// Differences below that are of no matter to anybody, and those of short waits must not count by
/// their logarithm.
constexpr Duration kGrain = minutes(1);
/// A wait that is not over within the horizon of a forecast counts as one of it; see
/// ForecastOptions.
constexpr Duration kWaitMax = hours(24 * 14);

double log_of(Duration wait) {
  const Duration bounded = std::clamp(wait, Duration(), kWaitMax);
  return portable_log(static_cast<double>((bounded + kGrain).count()));
}

Instant at_wait(double log_wait, Instant now) {
  const double wait = portable_exp(std::min(log_wait, 43.0)) - static_cast<double>(kGrain.count());
  return now + Duration(std::llround(std::max(0.0, wait)));
}

struct Off {
  double by = 0;
  double weight = 1;
  bool is_known = false;  ///< otherwise it is more than that
};

/// By which that share of all lie. Nothing: so many are not known.  Kaplan and Meier's estimate.
std::optional<double> quantile(std::vector<Off>& offs, double share) {
  std::sort(offs.begin(), offs.end(), [](const Off& a, const Off& b) {
    return a.by < b.by || (a.by == b.by && a.is_known && !b.is_known);
  });
  double beyond = 1;
  double left = 0;
  for (const Off& each : offs) left += each.weight;
  for (const Off& each : offs) {
    if (each.is_known) beyond *= std::max(0.0, 1 - each.weight / left);
    if (each.is_known && 1 - beyond >= share - 1e-12) return each.by;
    left -= each.weight;
  }
  return std::nullopt;
}

}  // namespace

PastForecasts::Waits PastForecasts::raw_waits(const PossibleStarts& starts, Instant now) {
  Waits waits{};
  for (std::size_t level = 0; level < kLevels; ++level) {
    const Instant at = starts.quantile(kShares[level]);
    waits[level] = log_of(at == Instant::never() ? kWaitMax : at - now);
  }
  return waits;
}

std::optional<double> PastForecasts::off(std::size_t level, double share, Instant now) const {
  std::vector<Off> offs;
  for (const Asked& each : asked_) {
    const Instant seen = each.started.value_or(each.gone.value_or(now));
    offs.push_back(
        {log_of(seen - each.at) - each.raw[level], each.weight, each.started.has_value()});
  }
  return quantile(offs, share);
}

StartInterval PastForecasts::told(const PossibleStarts& starts, Instant now) const {
  if (starts.at.size() < kFuturesEnough) {
    const Instant middle = starts.at.empty() ? Instant::never() : starts.quantile(0.5);
    return {Instant::never(), middle, Instant::never(), false};
  }
  std::array<Instant, kLevels> at{};
  for (std::size_t level = 0; level < kLevels; ++level) at[level] = starts.quantile(kShares[level]);
  if (adjusts()) {
    const Waits raw = raw_waits(starts, now);
    const double longest = log_of(kWaitMax);
    for (std::size_t level = 0; level < kLevels; ++level) {
      // A share of nothing is before all starts, one of everything after all of them.
      const double share = shares_[level];
      const auto by = off(level, std::clamp(share, 0.0, 1.0), now);
      if (share <= 0) {
        at[level] = now;
      } else if (share >= 1 || !by || raw[level] + *by >= longest) {
        at[level] = Instant::never();
      } else {
        at[level] = at_wait(raw[level] + *by, now);
      }
    }
    std::sort(at.begin(), at.end());
  }
  return {at[0], at[1], at[2], true};
}

std::vector<StartInterval> PastForecasts::note(std::span<const JobId> jobs,
                                               std::span<const PossibleStarts> starts,
                                               Instant now) {
  judge_passed(now);
  std::vector<StartInterval> intervals;
  for (const PossibleStarts& each : starts) intervals.push_back(told(each, now));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Asked& asked = asked_.emplace_back();
    asked.job = jobs[i];
    asked.at = now;
    asked.weight = 1 / static_cast<double>(jobs.size());
    asked.raw = raw_waits(starts[i], now);
    asked.told = {intervals[i].p10, intervals[i].p50, intervals[i].p90};
  }
  for (; asked_.size() > kKept; asked_.pop_front()) {
    if (!asked_.front().started) continue;
    --settled_;
    settled_weight_ -= asked_.front().weight;
  }
  return intervals;
}

void PastForecasts::judge(Asked& asked, std::size_t level, bool was_before) {
  if (asked.judged[level]) return;
  asked.judged[level] = true;
  shares_[level] += kStep * asked.weight * (kShares[level] - (was_before ? 1 : 0));
}

void PastForecasts::settle(Asked& asked, Instant at) {
  asked.started = at;
  ++settled_;
  settled_weight_ += asked.weight;
  for (std::size_t level = 0; level < kLevels; ++level)
    judge(asked, level, at <= asked.told[level]);
}

void PastForecasts::judge_passed(Instant now) {
  for (Asked& each : asked_) {
    if (each.started || each.gone) continue;
    for (std::size_t level = 0; level < kLevels; ++level) {
      if (each.told[level] < now) judge(each, level, false);
    }
  }
}

void PastForecasts::started(JobId job, Instant at) {
  for (Asked& each : asked_) {
    if (each.job == job && !each.started && !each.gone) settle(each, at);
  }
}

void PastForecasts::gone(JobId job, Instant at) {
  for (Asked& each : asked_) {
    if (each.job == job && !each.started && !each.gone) each.gone = at;
  }
}

void PastForecasts::look_at(const State& state) {
  for (Asked& each : asked_) {
    if (each.started || each.gone) continue;
    const Job* job = state.jobs.find(each.job);
    if (job != nullptr && job->started_at) {
      settle(each, *job->started_at);
    } else if (job == nullptr || is_final(job->state) || job->held) {
      // Of one that is gone from the state it is not known here; that it waited when it was asked
      // about is all that is sure.
      each.gone = job == nullptr ? each.at : job->finished_at.value_or(state.now);
    }
  }
  judge_passed(state.now);
}

std::vector<JobId> some_waiting(const State& state, std::size_t most, Random& random) {
  std::vector<JobId> waiting;
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (job.state == JobState::kPending && job.in_line && !job.started_at)
      waiting.push_back(job.id);
    return true;
  });
  most = std::min(most, waiting.size());
  for (std::size_t i = 0; i < most; ++i)
    std::swap(waiting[i], waiting[i + random.below(waiting.size() - i)]);
  waiting.resize(most);
  return waiting;
}

}  // namespace mw
