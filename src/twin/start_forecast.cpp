#include "twin/start_forecast.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "codec/text.h"
#include "twin/what_if.h"

namespace mw {
namespace {

/// A change is not worth a line when it gains less than this part of the wait.
constexpr std::int64_t kGainPartMin = 20;

/// The next class above the job's that the policy has.
const PriorityClass* class_above(const Policy& policy, const std::string& name) {
  const PriorityClass* mine = find_class(policy, name);
  if (mine == nullptr) return nullptr;
  const PriorityClass* next = nullptr;
  for (const PriorityClass& each : policy.classes) {
    if (each.value > mine->value && (next == nullptr || each.value < next->value)) next = &each;
  }
  return next;
}

/// Nine in ten runs like it have ended by then.
bool ends_by(const RunTimes& run_times, const JobSpec& spec, Duration limit) {
  constexpr int kRuns = 200;
  Random random(1);
  int ended = 0;
  for (int i = 0; i < kRuns; ++i) {
    if (run_times.sample(spec, Duration(), random) <= limit) ++ended;
  }
  return run_times.runs() > 0 && ended * 10 >= kRuns * 9;
}

bool can_be_halved(const JobSpec& spec) {
  const GangShape& gang = spec.gang;
  const std::uint32_t half = gang.tasks / 2;
  return spec.groups.empty() && gang.tasks % 2 == 0 && gang.nodes % 2 == 0 && gang.tasks_min == 0 &&
         (gang.segment == 0 || half % gang.segment == 0);
}

/// The next wider level of the fabric that the fleet has; the site at the latest.
FabricLevel wider(const Topology& topology, FabricLevel level) {
  for (auto i = static_cast<std::size_t>(level) + 1;
       i < static_cast<std::size_t>(FabricLevel::kSite); ++i) {
    if (!topology.at_level(static_cast<FabricLevel>(i)).empty()) return static_cast<FabricLevel>(i);
  }
  return FabricLevel::kSite;
}

void submit_as_new(JobSpec& spec) {
  spec.array = 1;
  spec.hold = false;
}

Duration median_gain(const PossibleStarts& before, const PossibleStarts& after) {
  std::vector<Duration> gains;
  for (std::size_t i = 0; i < after.at.size(); ++i) {
    const bool one_waits = before.at[i] == Instant::never();
    const bool other_waits = after.at[i] == Instant::never();
    // One that never starts is later than any; how much later nobody can say.
    if (one_waits && other_waits) {
      gains.emplace_back(0);
    } else if (one_waits) {
      gains.emplace_back(hours(24 * 365));
    } else if (other_waits) {
      gains.emplace_back(-hours(24 * 365));
    } else {
      gains.push_back(before.at[i] - after.at[i]);
    }
  }
  std::sort(gains.begin(), gains.end());
  return gains.empty() ? Duration() : gains[gains.size() / 2];
}

/// Base first, for half of the time; then each change in the same futures.
Result<StartForecast> forecast(const Present& present, JobId job, const JobSpec& spec,
                               const std::vector<InputBody>& changes,
                               const std::vector<InputBody>& take_back, ForecastOptions options) {
  StartForecast result;
  result.job = job;
  result.arrivals_past = present.arrivals.past();
  const auto until = options.until;
  if (until) {
    const auto now = std::chrono::steady_clock::now();
    options.until = now + (*until - now) / 2;
  }
  result.starts = possible_starts(present, changes, job, options);
  options.until = until;
  options.futures = static_cast<std::uint32_t>(result.starts.at.size());
  if (result.starts.at.empty() && result.starts.left_at) return result;
  std::vector<SoonerChange> tried = changes_of(present, spec);
  for (std::uint32_t future = 0; !tried.empty() && goes_on(options, future); ++future) {
    for (SoonerChange& each : tried) {
      std::vector<InputBody> instead = take_back;
      instead.emplace_back(SubmitJob{each.spec, ""});
      const auto start = possible_start(present, instead, present.state.next_job, options, future);
      if (start) each.starts.at.push_back(*start);
    }
  }
  if (options.stop != nullptr && options.stop->load()) {
    return Error{ErrorCode::kTimeout, "The forecast was given up before it was done."};
  }
  std::erase_if(tried, [](const SoonerChange& each) { return each.starts.at.empty(); });
  for (SoonerChange& each : tried) {
    each.sooner = median_gain(result.starts, each.starts);
    const Instant middle = result.starts.quantile(0.5);
    const Duration wait = middle == Instant::never() ? Duration() : middle - present.state.now;
    if (each.sooner > std::max(seconds(1), Duration(wait.count() / kGainPartMin)))
      result.sooner.push_back(std::move(each));
  }
  std::stable_sort(
      result.sooner.begin(), result.sooner.end(),
      [](const SoonerChange& a, const SoonerChange& b) { return a.sooner > b.sooner; });
  return result;
}

}  // namespace

std::vector<SoonerChange> changes_of(const Present& present, const JobSpec& spec) {
  std::vector<SoonerChange> changes;
  const auto add = [&](std::string key, std::string text, auto&& change) {
    SoonerChange one{std::move(key), std::move(text), spec};
    submit_as_new(one.spec);
    change(one.spec);
    changes.push_back(std::move(one));
  };
  if (const PriorityClass* above = class_above(present.state.policy, spec.priority_class)) {
    add("priority_class", "in priority class " + above->name,
        [&](JobSpec& changed) { changed.priority_class = above->name; });
  }
  const Duration half(spec.time_limit.count() / 2);
  if (half.count() > 0 && ends_by(present.run_times, spec, half)) {
    add("time_limit", "with a time limit of " + duration_text(half) + ", by which runs like it end",
        [&](JobSpec& changed) { changed.time_limit = half; });
  }
  if (can_be_halved(spec)) {
    const std::uint32_t tasks = spec.gang.tasks / 2;
    add("tasks", "with " + std::to_string(tasks) + (tasks == 1 ? " task" : " tasks"),
        [&](JobSpec& changed) {
          changed.gang.tasks = tasks;
          changed.gang.nodes /= 2;
        });
  }
  if (!spec.gang.task.accelerator_type.empty() || !spec.gang.types.empty()) {
    add("resources.accelerator_type", "on accelerators of any type", [](JobSpec& changed) {
      changed.gang.task.accelerator_type.clear();
      changed.gang.types.clear();
    });
  }
  if (spec.gang.require < FabricLevel::kSite) {
    const FabricLevel level = wider(*present.state.topology, spec.gang.require);
    add("placement.require",
        "when all of it need not be within one " + std::string(name_of(spec.gang.require)) +
            ", but only within one " + std::string(name_of(level)),
        [&](JobSpec& changed) { changed.gang.require = level; });
  }
  return changes;
}

Result<StartForecast> forecast_start(const Present& present, JobId job,
                                     const ForecastOptions& options) {
  const Job& known = present.state.jobs.at(job);
  MW_CHECK(known.state == JobState::kPending);
  return forecast(present, job, spec_of(present.state, job), {}, {CancelJob{job, false, ""}},
                  options);
}

Result<StartForecast> forecast_start(const Present& present, const JobSpec& spec,
                                     const ForecastOptions& options) {
  const std::vector<InputBody> submit = {SubmitJob{spec, ""}};
  if (Result<State> after = after_inputs(present.state, submit); !after) return after.error();
  return forecast(present, present.state.next_job, spec, submit, {}, options);
}

}  // namespace mw
