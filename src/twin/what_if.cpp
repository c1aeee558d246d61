#include "twin/what_if.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "twin/wait_notes.h"

namespace mw {
namespace {

/// Told one by one up to this many; more is no help.
constexpr std::size_t kMovedMax = 10;
/// What moves a job by less is nothing.
constexpr Duration kMovedMin = seconds(1);

struct OneFuture {
  WaitNotes notes;
  RunReport report;
};

/// `now`: the state as it is, of which `present` may be a later one.
OneFuture run_one(const State& now, const Present& present, const std::vector<InputBody>& changes,
                  const ForecastOptions& options, std::uint32_t number) {
  OneFuture one{WaitNotes(now), {}};
  one.notes.catch_up(present.state);
  one.report = run_future(present, changes, options, number,
                          [&](Instant at, const std::vector<Event>& events) {
                            for (const Event& event : events) one.notes.take(at, event.body);
                            return true;
                          });
  return one;
}

/// Figures of one future, by name, in the order in which they are shown.
using Figures = std::vector<std::pair<std::string, double>>;

/// Jobs with ids in [first_own, last_own) are the change's own: they are no one else's wait.
Figures figures_of(const OneFuture& one, Instant end, JobId first_own, JobId last_own) {
  const WaitFigures waits = one.notes.figures(end, first_own, last_own);
  double lost = 0;
  for (const CauseFigures& cause : one.report.reliability.ends) lost += cause.lost_hours;
  return {{"wait_mean_s", waits.mean_s},
          {"wait_p90_s", waits.p90_s},
          {"jobs_started", static_cast<double>(one.notes.started().size())},
          {"jobs_finished", static_cast<double>(one.notes.finished())},
          {"utilisation_percent", one.report.utilisation_percent},
          {"goodput_percent", one.report.reliability.goodput_percent},
          {"lost_accelerator_hours", lost},
          {"energy_mwh", one.report.energy_mwh},
          {"cost_usd", one.report.cost_usd}};
}

std::pair<double, double> mean_and_deviation(const std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) mean += value;
  mean /= static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const auto degrees = static_cast<double>(values.size()) - 1;
  return {mean, degrees > 0 ? std::sqrt(squares / degrees) : 0};
}

WhatIfFigure compare(const std::string& name, const std::vector<double>& base,
                     const std::vector<double>& changed) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < base.size(); ++i) differences.push_back(changed[i] - base[i]);
  WhatIfFigure figure;
  figure.name = name;
  std::tie(figure.base_mean, figure.base_deviation) = mean_and_deviation(base);
  std::tie(figure.changed_mean, figure.changed_deviation) = mean_and_deviation(changed);
  std::tie(figure.difference_mean, figure.difference_deviation) = mean_and_deviation(differences);
  const double error =
      figure.difference_deviation / std::sqrt(static_cast<double>(differences.size()));
  // One future has no spread, so nothing can be said to be beyond it.
  figure.beyond_spread =
      differences.size() > 1 && std::abs(figure.difference_mean) > 2 * error + 1e-9;
  return figure;
}

Instant middle_start(const std::vector<OneFuture>& futures, JobId job) {
  PossibleStarts starts;
  for (const OneFuture& one : futures) { starts.at.push_back(one.notes.start_of(job)); }
  return starts.quantile(0.5);
}

std::vector<MovedJob> moved_jobs(const State& state, const std::vector<OneFuture>& base,
                                 const std::vector<OneFuture>& changed, Instant end) {
  std::vector<MovedJob> moved;
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (job.state != JobState::kPending || job.started_at) return true;
    const Instant before = middle_start(base, job.id);
    const Instant after = middle_start(changed, job.id);
    MovedJob one{job.id, spec_of(state, job.id).name, {}, {}, {}};
    if (before != Instant::never()) one.base = before;
    if (after != Instant::never()) one.changed = after;
    one.later = std::min(after, end) - std::min(before, end);
    if (std::abs(one.later.count()) >= kMovedMin.count()) moved.push_back(std::move(one));
    return true;
  });
  std::stable_sort(moved.begin(), moved.end(), [](const MovedJob& a, const MovedJob& b) {
    return std::abs(a.later.count()) > std::abs(b.later.count());
  });
  if (moved.size() > kMovedMax) moved.resize(kMovedMax);
  return moved;
}

std::vector<AddedJob> added_jobs(const std::vector<InputBody>& inputs, JobId first,
                                 const std::vector<OneFuture>& changed) {
  std::vector<AddedJob> added;
  std::uint64_t id = first.value();
  for (const InputBody& input : inputs) {
    const auto* submit = std::get_if<SubmitJob>(&input);
    if (submit == nullptr) continue;
    AddedJob one{submit->spec->name, {}};
    for (const OneFuture& future : changed) {
      one.starts.at.push_back(future.notes.start_of(JobId(id)));
    }
    id += submit->spec->array;
    added.push_back(std::move(one));
  }
  return added;
}

}  // namespace

Result<WhatIfReport> what_if(const Present& present, const WhatIfChange& change,
                             const ForecastOptions& options) {
  WhatIfReport report;
  report.horizon = options.horizon;
  report.arrivals_past = present.arrivals.past();
  std::vector<InputBody> inputs = change.inputs;
  if (change.curtail) {
    auto drains = curtail(present.state, *change.curtail, report.notes);
    if (!drains) return drains.error();
    inputs.insert(inputs.end(), drains->begin(), drains->end());
  }
  Present changed_present = present;
  if (change.add) {
    auto joined = with_fleet(present.state, *change.add);
    if (!joined) return joined.error();
    changed_present.state = std::move(*joined);
  }
  if (auto after = after_inputs(changed_present.state, inputs); !after) return after.error();

  const JobId first_own = present.state.next_job;
  std::uint64_t own = 0;
  for (const InputBody& input : inputs) {
    if (const auto* submit = std::get_if<SubmitJob>(&input)) own += submit->spec->array;
  }
  const Instant end = present.state.now + options.horizon;
  std::vector<OneFuture> base;
  std::vector<OneFuture> changed;
  std::vector<std::string> names;
  std::vector<std::vector<double>> base_figures;
  std::vector<std::vector<double>> changed_figures;
  const auto collect = [&](const Figures& figures, std::vector<std::vector<double>>& into) {
    into.resize(figures.size());
    names.resize(figures.size());
    for (std::size_t i = 0; i < figures.size(); ++i) {
      names[i] = figures[i].first;
      into[i].push_back(figures[i].second);
    }
  };
  for (std::uint32_t future = 0; goes_on(options, future); ++future) {
    OneFuture as_it_is = run_one(present.state, present, {}, options, future);
    OneFuture with_change = run_one(present.state, changed_present, inputs, options, future);
    // Of one that was left nothing is known at its end.
    if (gives_up(options)) break;
    base.push_back(std::move(as_it_is));
    changed.push_back(std::move(with_change));
    collect(figures_of(base.back(), end, JobId(), JobId()), base_figures);
    collect(figures_of(changed.back(), end, first_own, JobId(first_own.value() + own)),
            changed_figures);
  }
  if (base.empty() && gives_up(options)) {
    return Error{ErrorCode::kTimeout,
                 "No future came to its end in the time that a forecast may take. Ask for a nearer "
                 "horizon."};
  }
  if (base.empty() || (options.stop != nullptr && options.stop->load()))
    return Error{ErrorCode::kTimeout, "The forecast was given up before it was done."};
  report.futures = static_cast<std::uint32_t>(base.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    report.figures.push_back(compare(names[i], base_figures[i], changed_figures[i]));
  report.moved = moved_jobs(present.state, base, changed, end);
  report.added = added_jobs(inputs, first_own, changed);
  return report;
}

}  // namespace mw
