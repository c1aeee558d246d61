#include "twin/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "base/check.h"
#include "codec/json.h"

namespace mw {
namespace {

const Distribution* all_jobs(const std::vector<Distribution>& list) {
  const auto found =
      std::find_if(list.begin(), list.end(), [](const auto& one) { return one.name == "all"; });
  return found != list.end() && found->count > 0 ? &*found : nullptr;
}

std::optional<double> mean_of(const std::vector<Distribution>& list) {
  const Distribution* all = all_jobs(list);
  if (all == nullptr) return std::nullopt;
  return all->mean;
}

template <std::size_t Index>
std::optional<double> quantile_of(const std::vector<Distribution>& list) {
  const Distribution* all = all_jobs(list);
  if (all == nullptr || all->quantiles.size() <= Index) return std::nullopt;
  return all->quantiles[Index];
}
constexpr std::size_t kMedian = 5;
constexpr std::size_t kP90 = 7;
constexpr std::size_t kP99 = 9;
static_assert(kQuantiles[kMedian] == 0.5 && kQuantiles[kP90] == 0.9 && kQuantiles[kP99] == 0.99);

double lost_hours(const RunReport& run) {
  double sum = 0;
  for (const CauseFigures& cause : run.reliability.ends) sum += cause.lost_hours;
  return sum;
}

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

struct FigureRow {
  const char* key;
  const char* title;
  Unit unit;
  Better better;
  std::optional<double> (*value)(const RunReport&);
};

using Maybe = std::optional<double>;
constexpr auto kFigures = std::to_array<FigureRow>({
    {"utilisation_percent", "Utilisation", Unit::kPercent, Better::kHigher,
     [](const RunReport& run) -> Maybe { return run.utilisation_percent; }},
    {"goodput_percent", "Goodput", Unit::kPercent, Better::kHigher,
     [](const RunReport& run) -> Maybe { return run.reliability.goodput_percent; }},
    {"ettr_percent", "ETTR", Unit::kPercent, Better::kHigher,
     [](const RunReport& run) -> Maybe { return run.reliability.ettr_percent; }},
    {"wait_mean_s", "Wait, mean", Unit::kSeconds, Better::kLower,
     [](const RunReport& run) { return mean_of(run.waits); }},
    {"wait_p50_s", "Wait, median", Unit::kSeconds, Better::kLower,
     [](const RunReport& run) { return quantile_of<kMedian>(run.waits); }},
    {"wait_p90_s", "Wait, p90", Unit::kSeconds, Better::kLower,
     [](const RunReport& run) { return quantile_of<kP90>(run.waits); }},
    {"wait_p99_s", "Wait, p99", Unit::kSeconds, Better::kLower,
     [](const RunReport& run) { return quantile_of<kP99>(run.waits); }},
    {"slowdown_mean", "Slowdown, mean", Unit::kRatio, Better::kLower,
     [](const RunReport& run) { return mean_of(run.slowdowns); }},
    {"slowdown_p99", "Slowdown, p99", Unit::kRatio, Better::kLower,
     [](const RunReport& run) { return quantile_of<kP99>(run.slowdowns); }},
    {"turnaround_mean_s", "Turnaround, mean", Unit::kSeconds, Better::kLower,
     [](const RunReport& run) { return mean_of(run.turnarounds); }},
    {"jobs_submitted", "Jobs submitted", Unit::kCount, Better::kNeither,
     [](const RunReport& run) -> Maybe { return static_cast<double>(run.jobs.submitted); }},
    {"jobs_succeeded", "Jobs succeeded", Unit::kCount, Better::kHigher,
     [](const RunReport& run) -> Maybe { return static_cast<double>(run.jobs.succeeded); }},
    {"jobs_waiting", "Jobs waiting at the end", Unit::kCount, Better::kLower,
     [](const RunReport& run) -> Maybe { return static_cast<double>(run.jobs.waiting); }},
    {"preempted", "Attempts preempted", Unit::kCount, Better::kLower,
     [](const RunReport& run) -> Maybe { return static_cast<double>(run.jobs.preempted); }},
    {"lost_hours", "Lost accelerator-hours", Unit::kHours, Better::kLower,
     [](const RunReport& run) -> Maybe { return lost_hours(run); }},
    {"fragmentation_percent", "Fragmentation, mean", Unit::kPercent, Better::kLower,
     [](const RunReport& run) -> Maybe {
       if (run.fragmentation.values.empty()) return std::nullopt;
       return mean_of(run.fragmentation.values);
     }},
    {"energy_mwh", "Energy", Unit::kMwh, Better::kLower,
     [](const RunReport& run) -> Maybe { return run.energy_mwh; }},
    {"cost_usd", "Cost of energy", Unit::kUsd, Better::kLower,
     [](const RunReport& run) -> Maybe { return run.cost_usd; }},
    {"carbon_t", "Carbon", Unit::kTonnes, Better::kLower,
     [](const RunReport& run) -> Maybe { return run.carbon_t; }},
});

/// The values of one figure over a group's runs, with the seed of each.
struct Values {
  std::vector<double> values;
  std::vector<std::uint64_t> seeds;
};

Values values_of(const FigureRow& row, const RunGroup& group) {
  Values found;
  for (const RunReport& run : group.runs) {
    if (const Maybe value = row.value(run)) {
      found.values.push_back(*value);
      found.seeds.push_back(run.setup.seed);
    }
  }
  return found;
}

SeedSpread spread_of(std::span<const double> values) {
  SeedSpread spread{.count = values.size()};
  if (values.empty()) return spread;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) spread.mean += value;
  spread.mean /= count;
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (count - 1));
  return spread;
}

/// The values of `second` in the order of `first_seeds`; nothing when the seeds are not the same.
std::optional<std::vector<double>> matched(std::span<const std::uint64_t> first_seeds,
                                           std::span<const double> second,
                                           std::span<const std::uint64_t> second_seeds) {
  std::map<std::uint64_t, double> by_seed;
  for (std::size_t i = 0; i < second.size(); ++i) by_seed.emplace(second_seeds[i], second[i]);
  if (by_seed.size() != second.size() || second.size() != first_seeds.size()) return std::nullopt;
  std::vector<double> order;
  for (const std::uint64_t seed : first_seeds) {
    const auto found = by_seed.find(seed);
    if (found == by_seed.end()) return std::nullopt;
    order.push_back(found->second);
    by_seed.erase(found);
  }
  return order;
}

ComparedFigure compare_figure(const FigureRow& row, std::span<const RunGroup> groups) {
  ComparedFigure figure{.key = row.key, .title = row.title, .unit = row.unit, .better = row.better};
  const Values first = values_of(row, groups.front());
  for (const RunGroup& group : groups) {
    const Values values = values_of(row, group);
    figure.groups.push_back(spread_of(values.values));
    if (&group == &groups.front()) continue;
    figure.differences.push_back(
        first.values.empty() || values.values.empty()
            ? Difference{}
            : difference_of(first.values, first.seeds, values.values, values.seeds));
  }
  return figure;
}

/// Means of lists, entry by entry, as far as all of them go; lists of nothing do not count.
std::vector<double> mean_of_lists(const std::vector<std::vector<double>>& lists) {
  std::vector<double> mean;
  double count = 0;
  for (const std::vector<double>& list : lists) {
    if (list.empty()) continue;
    if (count == 0) mean.assign(list.size(), 0);
    mean.resize(std::min(mean.size(), list.size()));
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += list[i];
    count += 1;
  }
  for (double& value : mean) value /= count;
  return mean;
}

/// Percent of the accelerators that were given to jobs, over time.
std::vector<double> utilisation(const RunReport& run) {
  std::vector<double> percent(run.time_h.size(), 0);
  std::vector<double> whole(run.time_h.size(), 0);
  for (const Series& series : run.ledger_series) {
    const bool given = series.name == "productive" || series.name == "starting" ||
                       series.name == "checkpointing" || series.name == "lost_work";
    for (std::size_t i = 0; i < percent.size(); ++i) {
      whole[i] += series.values[i];
      if (given) percent[i] += series.values[i];
    }
  }
  for (std::size_t i = 0; i < percent.size(); ++i)
    percent[i] = whole[i] > 0 ? 100 * percent[i] / whole[i] : 0;
  return percent;
}

std::vector<double> power(const RunReport& run) {
  std::vector<double> sum;
  for (const SiteFigures& site : run.sites) {
    if (site.power_mw.empty()) continue;
    sum.resize(run.time_h.size(), 0);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += site.power_mw[i];
  }
  return sum;
}

std::vector<double> jobs_waiting(const RunReport& run) {
  for (const Series& series : run.queue_series) {
    if (series.name == "jobs waiting") return series.values;
  }
  return {};
}

/// The mean over the runs of what `list` gives for each.
template <class List>
std::vector<double> over_runs(const RunGroup& group, List&& list) {
  std::vector<std::vector<double>> lists;
  for (const RunReport& run : group.runs) lists.push_back(list(run));
  return mean_of_lists(lists);
}

std::vector<LedgerLine> ledger_of(const RunGroup& group) {
  std::vector<LedgerLine> mean;
  for (const RunReport& run : group.runs) {
    for (const LedgerLine& line : run.ledger) {
      auto found = std::find_if(mean.begin(), mean.end(), [&](const LedgerLine& one) {
        return one.category == line.category;
      });
      if (found == mean.end()) found = mean.insert(mean.end(), {.category = line.category});
      found->accelerator_hours += line.accelerator_hours;
      found->percent += line.percent;
    }
  }
  for (LedgerLine& line : mean) {
    line.accelerator_hours /= static_cast<double>(group.runs.size());
    line.percent /= static_cast<double>(group.runs.size());
  }
  return mean;
}

bool was_stopped(const RunReport& run) { return run.setup.days + 1e-9 < run.setup.days_wanted; }

std::string setup_text(const RunSetup& setup) {
  return fmt::format("{}, {}, policy {}, {}, {:.4g} days", setup.fleet, setup.workload,
                     setup.policy, setup.faults.empty() ? "no faults" : "faults " + setup.faults,
                     setup.days_wanted);
}

ComparedRuns describe(const RunGroup& group) {
  const auto quantiles = [&](std::vector<Distribution> RunReport::*list) {
    return over_runs(group, [&](const RunReport& run) {
      const Distribution* all = all_jobs(run.*list);
      return all == nullptr ? std::vector<double>() : all->quantiles;
    });
  };
  ComparedRuns runs{.name = group.name, .setup = setup_text(group.runs.front().setup)};
  for (const RunReport& run : group.runs) {
    runs.seeds.push_back(run.setup.seed);
    runs.stopped += was_stopped(run) ? 1 : 0;
  }
  runs.time_h = over_runs(group, [](const RunReport& run) { return run.time_h; });
  runs.utilisation_percent = over_runs(group, utilisation);
  runs.jobs_waiting = over_runs(group, jobs_waiting);
  runs.fragmentation_percent =
      over_runs(group, [](const RunReport& run) { return run.fragmentation.values; });
  runs.power_mw = over_runs(group, power);
  runs.wait_quantiles = quantiles(&RunReport::waits);
  runs.slowdown_quantiles = quantiles(&RunReport::slowdowns);
  runs.turnaround_quantiles = quantiles(&RunReport::turnarounds);
  runs.ledger = ledger_of(group);
  return runs;
}

/// What a reader would otherwise trip over.
std::vector<std::string> notes_on(std::span<const RunGroup> groups) {
  std::vector<std::string> notes;
  for (const RunGroup& group : groups) {
    const RunSetup& first = group.runs.front().setup;
    const auto stopped = std::count_if(group.runs.begin(), group.runs.end(), was_stopped);
    if (stopped > 0)
      notes.push_back(fmt::format("{}: {} of {} runs stopped before the end", group.name, stopped,
                                  group.runs.size()));
    for (const RunReport& run : group.runs) {
      if (setup_text(run.setup) != setup_text(first)) {
        notes.push_back(fmt::format("{}: the runs are not of one setup: \"{}\" and \"{}\"",
                                    group.name, setup_text(first), setup_text(run.setup)));
        break;
      }
    }
    if (first.days_wanted != groups.front().runs.front().setup.days_wanted)
      notes.push_back(fmt::format("{} simulates {:.4g} days, {} simulates {:.4g}", group.name,
                                  first.days_wanted, groups.front().name,
                                  groups.front().runs.front().setup.days_wanted));
  }
  const bool alone = std::any_of(groups.begin(), groups.end(),
                                 [](const RunGroup& group) { return group.runs.size() < 2; });
  if (alone)
    notes.emplace_back(
        "a single run has no spread: whether a difference is more than chance takes at least two "
        "seeds on each side");
  return notes;
}

}  // namespace

double student_t(double degrees) {
  MW_CHECK(degrees >= 1);
  struct Row {
    double degrees;
    double quantile;
  };
  static constexpr auto kRows = std::to_array<Row>({{1, 12.706},
                                                    {2, 4.303},
                                                    {3, 3.182},
                                                    {4, 2.776},
                                                    {5, 2.571},
                                                    {6, 2.447},
                                                    {7, 2.365},
                                                    {8, 2.306},
                                                    {9, 2.262},
                                                    {10, 2.228},
                                                    {12, 2.179},
                                                    {15, 2.131},
                                                    {20, 2.086},
                                                    {30, 2.042},
                                                    {60, 2.000},
                                                    {100, 1.984}});
  double quantile = kRows.front().quantile;
  for (const Row& row : kRows) {
    if (row.degrees <= degrees) quantile = row.quantile;
  }
  return quantile;
}

Difference difference_of(std::span<const double> first, std::span<const std::uint64_t> first_seeds,
                         std::span<const double> second,
                         std::span<const std::uint64_t> second_seeds) {
  MW_CHECK(!first.empty() && first.size() == first_seeds.size());
  MW_CHECK(!second.empty() && second.size() == second_seeds.size());
  const SeedSpread one = spread_of(first);
  const SeedSpread two = spread_of(second);
  Difference result{.difference = two.mean - one.mean};
  result.percent = one.mean == 0 ? 0 : 100 * result.difference / std::abs(one.mean);
  const auto pairs = matched(first_seeds, second, second_seeds);
  result.paired = pairs.has_value();
  if (first.size() < 2 || second.size() < 2) return result;
  if (pairs) {
    std::vector<double> differences;
    for (std::size_t i = 0; i < first.size(); ++i) differences.push_back((*pairs)[i] - first[i]);
    const auto count = static_cast<double>(first.size());
    result.interval = student_t(count - 1) * spread_of(differences).deviation / std::sqrt(count);
  } else {
    const auto count_one = static_cast<double>(first.size());
    const auto count_two = static_cast<double>(second.size());
    const double a = one.deviation * one.deviation / count_one;
    const double b = two.deviation * two.deviation / count_two;
    const double degrees =
        a + b > 0 ? (a + b) * (a + b) / (a * a / (count_one - 1) + b * b / (count_two - 1)) : 1;
    result.interval = student_t(std::max(1.0, degrees)) * std::sqrt(a + b);
  }
  result.verdict =
      std::abs(result.difference) > result.interval ? Verdict::kBeyond : Verdict::kWithin;
  return result;
}

Result<Comparison> compare_runs(std::span<const RunGroup> groups) {
  if (groups.size() < 2)
    return Error{ErrorCode::kInvalid, fmt::format("comparing takes at least two runs or groups of "
                                                  "runs; found {}",
                                                  groups.size())};
  Comparison comparison;
  comparison.quantiles.assign(kQuantiles.begin(), kQuantiles.end());
  for (const RunGroup& group : groups) {
    MW_CHECK(!group.runs.empty());
    comparison.groups.push_back(describe(group));
  }
  for (const FigureRow& row : kFigures) comparison.figures.push_back(compare_figure(row, groups));
  comparison.notes = notes_on(groups);
  return comparison;
}

std::string write_comparison(const Comparison& comparison) {
  std::string text;
  append_json(text, comparison);
  text += '\n';
  return text;
}

}  // namespace mw
