#include "calibration_figures.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>
#include <span>
#include <utility>

#include "base/random.h"

namespace mw {
namespace {

/// Outside of it are two in ten; what the score takes for each that is.
constexpr double kOutside = 0.2;

struct Told {
  const Answer* answer = nullptr;
  StartInterval interval{};
  std::pair<std::size_t, std::int64_t> day;  ///< of a workload
};

template <typename Interval>
std::vector<Told> told_of(const std::vector<Answers>& workloads, const Interval& interval) {
  std::vector<Told> all;
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    for (const Answer& each : workloads[i].all) {
      if (!each.started) continue;
      const std::int64_t day = (each.asked - Instant()).count() / hours(24).count();
      all.push_back({&each, interval(each), {i, day}});
    }
  }
  return all;
}

struct Weighed {
  double value = 0;
  double weight = 0;
};

double middle_of(std::vector<Weighed> all) {
  std::sort(all.begin(), all.end(),
            [](const Weighed& a, const Weighed& b) { return a.value < b.value; });
  double left = 0;
  for (const Weighed& each : all) left += each.weight / 2;
  for (const Weighed& each : all) {
    left -= each.weight;
    if (left <= 0) return each.value;
  }
  return 0;
}

/// A minute more, and no more than the horizon.
double log_wait(Instant at, Instant asked) {
  const Duration horizon = ForecastOptions().horizon;
  const Duration wait =
      at == Instant::never() ? horizon : std::clamp(at - asked, Duration(), horizon);
  return std::log(static_cast<double>((wait + minutes(1)).count()));
}

double score_of(const Told& told) {
  const Instant asked = told.answer->asked;
  const double low = log_wait(told.interval.p10, asked);
  const double high = log_wait(told.interval.p90, asked);
  const double truth = log_wait(*told.answer->started, asked);
  return high - low + 2 / kOutside * (std::max(0.0, low - truth) + std::max(0.0, truth - high));
}

std::optional<Figures> figures_of(const std::vector<Answers>& workloads,
                                  const std::vector<Told>& all) {
  if (all.empty()) return std::nullopt;
  Figures result;
  for (const Told& each : all) result.asked += each.answer->weight;
  std::vector<Weighed> widths;
  struct Day {
    double asked = 0;
    double covered = 0;
  };
  std::map<std::pair<std::size_t, std::int64_t>, Day> days;
  for (const Told& each : all) {
    const Instant start = *each.answer->started;
    const double weight = each.answer->weight;
    const double part = 100 * weight / result.asked;
    const StartInterval& told = each.interval;
    const bool before = start < told.p10;
    const bool after = start > told.p90;
    result.before += before ? part : 0;
    result.after += after ? part : 0;
    result.later_than_p50 += start > told.p50 ? part : 0;
    result.beyond_horizon += told.p90 == Instant::never() ? part : 0;
    result.score += score_of(each) * part / 100;
    Day& day = days[each.day];
    day.asked += weight;
    day.covered += before || after ? 0 : weight;
    if (told.p90 != Instant::never())
      widths.push_back({static_cast<double>((told.p90 - told.p10).count()) / 3.6e12, weight});
  }
  result.covered = 100 - result.before - result.after;
  const double share = result.covered / 100;
  double independent = 0;
  for (const Answers& each : workloads) independent += each.independent;
  result.error = 100 * std::sqrt(share * (1 - share) / std::max(1.0, independent));
  double squares = 0;
  for (const auto& [number, day] : days) {
    const double off = day.covered - share * day.asked;
    squares += off * off;
  }
  result.error_by_days = 100 * std::sqrt(squares) / result.asked;
  result.width_h = middle_of(std::move(widths));
  return result;
}

/// Where the true start is among the futures, 0 to 1.
double rank_of(const Answer& answer, Random& random) {
  std::size_t below = 0;
  std::size_t equal = 0;
  for (const Instant at : answer.futures.at) {
    below += at < *answer.started ? 1 : 0;
    equal += at == *answer.started ? 1 : 0;
  }
  // Among equals any place is as good as another.
  const auto place = below + random.below(equal + 1);
  return (static_cast<double>(place) + 0.5) / static_cast<double>(answer.futures.at.size() + 1);
}

}  // namespace

void tell(Answers& of) {
  std::vector<Answer>& answers = of.all;
  PastForecasts past;
  std::map<JobId, Instant> coming;
  for (std::size_t first = 0; first < answers.size();) {
    const Instant now = answers[first].asked;
    std::erase_if(coming, [&](const auto& each) {
      if (each.second > now) return false;
      past.started(each.first, each.second);
      return true;
    });
    std::vector<JobId> jobs;
    std::vector<PossibleStarts> starts;
    std::size_t last = first;
    for (; last < answers.size() && answers[last].asked == now; ++last) {
      jobs.push_back(answers[last].job);
      starts.push_back(answers[last].futures);
    }
    const std::vector<StartInterval> told = past.note(jobs, starts, now);
    for (std::size_t i = first; i < last; ++i) {
      answers[i].told = told[i - first];
      answers[i].weight = 1 / static_cast<double>(last - first);
      if (answers[i].started) coming[answers[i].job] = *answers[i].started;
    }
    first = last;
  }
  Instant end;
  for (const auto& [job, at] : coming) {
    past.started(job, at);
    end = std::max(end, at);
  }
  if (!answers.empty()) of.independent = past.independent(std::max(end, answers.back().asked));
}

std::optional<Figures> figures_of_futures(const std::vector<Answers>& workloads) {
  return figures_of(
      workloads, told_of(workloads, [](const Answer& answer) {
        const PossibleStarts& futures = answer.futures;
        return StartInterval{futures.quantile(0.1), futures.quantile(0.5), futures.quantile(0.9)};
      }));
}

std::optional<Figures> figures_as_told(const std::vector<Answers>& workloads) {
  return figures_of(workloads,
                    told_of(workloads, [](const Answer& answer) { return answer.told; }));
}

std::vector<double> tenths_of_futures(const std::vector<Answer>& answers, std::uint64_t seed) {
  std::vector<double> tenths(10);
  Random random(seed);
  double asked = 0;
  for (const Answer& answer : answers) {
    if (!answer.started) continue;
    asked += answer.weight;
    tenths[std::min<std::size_t>(9, static_cast<std::size_t>(rank_of(answer, random) * 10))] +=
        answer.weight;
  }
  for (double& each : tenths) each *= asked > 0 ? 100 / asked : 0;
  return tenths;
}

}  // namespace mw
