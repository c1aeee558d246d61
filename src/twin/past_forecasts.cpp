#include "twin/past_forecasts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "twin/portable_math.h"

namespace mw {
namespace {

constexpr std::array<double, 3> kShares = {0.1, 0.5, 0.9};
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

/// Of a possible start.
double log_wait(Instant at, Instant now) {
  return log_of(at == Instant::never() ? kWaitMax : at - now);
}

Instant at_wait(double log_wait, Instant now) {
  if (log_wait >= log_of(kWaitMax)) return Instant::never();
  const double wait = portable_exp(log_wait) - static_cast<double>(kGrain.count());
  return now + Duration(std::llround(std::max(0.0, wait)));
}

/// A place between the first and the last of `total` independent ones, as a part of them. Each gap
/// between them is as likely for the next one, and so are the two outside (Hill 1968).
double inner_share(double share, double total) {
  return std::clamp((share * (total + 1) - 0.5) / total, 0.0, 1.0);
}

/// The open ends of times, and how many are open in between.
struct Edge {
  Instant at;
  double change = 0;
};

/// The integral of 1 / open over time, up to each instant at which `open` changes.
class SharedTime {
 public:
  explicit SharedTime(std::vector<Edge> edges) {
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
      return std::pair(a.at, a.change) < std::pair(b.at, b.change);
    });
    double open = 0;
    double sum = 0;
    for (std::size_t i = 0; i < edges.size(); ++i) {
      // Weights are thirds and the like, whose sums are not quite zero.
      if (i > 0 && open > 1e-9)
        sum += static_cast<double>((edges[i].at - edges[i - 1].at).count()) / open;
      open += edges[i].change;
      if (at_.empty() || at_.back() != edges[i].at) {
        at_.push_back(edges[i].at);
        sum_.push_back(sum);
      }
    }
  }
  /// REQUIRES: both are edges.
  [[nodiscard]] double between(Instant from, Instant to) const { return up_to(to) - up_to(from); }

 private:
  [[nodiscard]] double up_to(Instant at) const {
    return sum_[static_cast<std::size_t>(std::lower_bound(at_.begin(), at_.end(), at) -
                                         at_.begin())];
  }
  std::vector<Instant> at_;
  std::vector<double> sum_;
};

}  // namespace

Instant PastForecasts::last_seen(const Asked& asked, Instant now) {
  return std::min(now, asked.started.value_or(asked.gone.value_or(now)));
}

std::vector<double> PastForecasts::weights(Instant now) const {
  const auto end_of = [&](const Asked& each) {
    return std::max(last_seen(each, now), each.at + kGrain);
  };
  std::vector<Edge> edges;
  edges.reserve(2 * asked_.size());
  for (const Asked& each : asked_) {
    edges.push_back({each.at, each.weight});
    edges.push_back({end_of(each), -each.weight});
  }
  const SharedTime shared(std::move(edges));
  std::vector<double> weights;
  weights.reserve(asked_.size());
  for (const Asked& each : asked_) {
    const Instant end = end_of(each);
    weights.push_back(each.weight * shared.between(each.at, end) /
                      static_cast<double>((end - each.at).count()));
  }
  return weights;
}

double PastForecasts::independent(Instant now) const {
  double sum = 0;
  for (const double each : weights(now)) sum += each;
  return sum;
}

std::vector<PastForecasts::Off> PastForecasts::offs(Instant now) const {
  const std::vector<double> weight = weights(now);
  std::vector<Off> offs;
  offs.reserve(asked_.size());
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    const Asked& each = asked_[i];
    offs.push_back({log_of(last_seen(each, now) - each.at) - each.middle, weight[i],
                    each.started.has_value() && *each.started <= now});
  }
  return offs;
}

StartInterval PastForecasts::told(const PossibleStarts& starts, const std::vector<Off>& offs,
                                  Instant now) {
  if (starts.at.size() < kFuturesEnough) {
    const Instant middle = starts.at.empty() ? Instant::never() : starts.quantile(0.5);
    return {Instant::never(), middle, Instant::never(), false};
  }
  // Logarithms of possible waits.
  std::vector<Off> all = offs;
  const double middle = log_wait(starts.quantile(0.5), now);
  double total = kFuturesWeight;
  for (Off& each : all) {
    each.by += middle;
    total += each.weight;
  }
  for (const Instant at : starts.at) {
    all.push_back(
        {log_wait(at, now), kFuturesWeight / static_cast<double>(starts.at.size()), true});
  }
  // What is known comes before what is more than the same.
  std::sort(all.begin(), all.end(), [](const Off& a, const Off& b) {
    return std::tuple(a.by, !a.is_known, a.weight) < std::tuple(b.by, !b.is_known, b.weight);
  });
  std::array<Instant, kShares.size()> at{};
  at.fill(Instant::never());
  std::size_t level = 0;
  double beyond = 1;
  double left = total;
  for (const Off& each : all) {
    if (each.is_known) beyond *= std::max(0.0, 1 - each.weight / left);
    left -= each.weight;
    if (!each.is_known) continue;
    for (; level < kShares.size(); ++level) {
      if (1 - beyond < inner_share(kShares[level], total) - 1e-9) break;
      at[level] = at_wait(each.by, now);
    }
  }
  return {at[0], at[1], at[2], true};
}

StartInterval PastForecasts::told(const PossibleStarts& starts, Instant now) const {
  return told(starts, offs(now), now);
}

std::vector<StartInterval> PastForecasts::note(std::span<const JobId> jobs,
                                               std::span<const PossibleStarts> starts,
                                               Instant now) {
  forget(now);
  const std::vector<Off> known = offs(now);
  std::vector<StartInterval> intervals;
  for (const PossibleStarts& each : starts) intervals.push_back(told(each, known, now));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const double middle = log_wait(starts[i].quantile(0.5), now);
    asked_.push_back({jobs[i], now, 1 / static_cast<double>(jobs.size()), middle, {}, {}});
  }
  return intervals;
}

// Questions that follow each other closely tell nearly the same, and the more so the longer ago
// they were asked; so of too many go those that were asked soonest after another, for their age.
void PastForecasts::forget(Instant now) {
  while (!asked_.empty() && asked_.front().at < now - kMemory) asked_.pop_front();
  while (asked_.size() + kJobsAtOnce > kKept) {
    Instant victim = asked_.front().at;
    Instant before = victim;
    double closest = 0;
    for (const Asked& each : asked_) {
      if (each.at == before) continue;
      const double nearness = static_cast<double>((now - each.at).count()) /
                              static_cast<double>((each.at - before).count());
      before = each.at;
      if (nearness <= closest) continue;
      closest = nearness;
      victim = each.at;
    }
    std::erase_if(asked_, [&](const Asked& each) { return each.at == victim; });
  }
}

void PastForecasts::started(JobId job, Instant at) {
  for (Asked& each : asked_) {
    if (each.job == job && !each.started && !each.gone) each.started = at;
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
      each.started = *job->started_at;
    } else if (job == nullptr || is_final(job->state) || job->held) {
      // Of one that is gone from the state it is not known here; that it waited when it was asked
      // about is all that is sure.
      each.gone = job == nullptr ? each.at : job->finished_at.value_or(state.now);
    }
  }
}

std::size_t PastForecasts::settled() const {
  return static_cast<std::size_t>(std::count_if(
      asked_.begin(), asked_.end(), [](const Asked& each) { return each.started.has_value(); }));
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
