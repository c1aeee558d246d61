#include "twin/forecast.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace mw {
namespace {

/// Nobody submits anything more.
class NoJobs final : public WorkloadSource {
 public:
  std::optional<WorkloadJob> next() override { return std::nullopt; }
};

/// Run times were measured where the jobs ran, so nothing slows them down once more.
Physics as_measured() {
  Physics physics;
  physics.launch = Duration();
  physics.start_up = Duration();
  physics.topology_milli.fill(1000);
  return physics;
}

/// A stream for each job of each future, so that a job runs as long whatever else is changed.
Random stream(const ForecastOptions& options, std::uint32_t future, JobId job) {
  Random random(options.seed * 0x9E3779B97F4A7C15U + future);
  Random own(random.next() ^ (job.value() * 0xD1B54A32D192ED03U));
  return own.fork();
}

/// Between two checkpoints of a job that has told of one; what it does really is not known.
constexpr Duration kCheckpointInterval = minutes(10);

JobTruth possible_truth(const State& state, JobId id, const RunTimes& run_times, Random random) {
  JobTruth truth;
  Duration elapsed;
  const auto attempt = state.attempts.find(id);
  if (attempt != state.attempts.end()) elapsed = state.now - attempt->second.placed_at;
  truth.work = run_times.sample(spec_of(state, id), elapsed, random);
  if (state.jobs.at(id).checkpoint.step > 0) truth.checkpoint_interval = kCheckpointInterval;
  return truth;
}

SimulationOptions future_of(const State& state, const RunTimes& run_times,
                            const std::vector<InputBody>& changes, const ForecastOptions& options,
                            std::uint32_t future) {
  SimulationOptions result;
  result.from = state;
  result.physics = as_measured();
  result.seed = options.seed + future;
  result.length = options.horizon;
  result.first_inputs = changes;
  result.truth_of = [&run_times, &options, future](const State& at, JobId id) {
    return possible_truth(at, id, run_times, stream(options, future, id));
  };
  result.truth_of_new = [&run_times, &options, &state, future](const JobSpec& spec) {
    JobTruth truth;
    Random random = stream(options, future, state.next_job);
    truth.work = run_times.sample(spec, Duration(), random);
    return truth;
  };
  return result;
}

bool is_stopped(const ForecastOptions& options) {
  return options.stop != nullptr && options.stop->load(std::memory_order_relaxed);
}

}  // namespace

Instant PossibleStarts::quantile(double share) const {
  MW_CHECK(!at.empty());
  const auto last = static_cast<double>(at.size() - 1);
  return at[static_cast<std::size_t>(std::lround(share * last))];
}

PossibleStarts possible_starts(const State& state, const RunTimes& run_times,
                               const std::vector<InputBody>& changes, JobId job,
                               const ForecastOptions& options) {
  PossibleStarts starts;
  for (std::uint32_t future = 0; future < options.futures; ++future) {
    if (future > 0 && is_stopped(options)) break;
    NoJobs nothing_more;
    Simulation simulation(future_of(state, run_times, changes, options, future), nothing_more,
                          nullptr);
    Instant start = Instant::never();
    simulation.watch([&](Instant now, const std::vector<Event>& events) {
      for (const Event& event : events) {
        const auto* placed = std::get_if<AttemptPlaced>(&event.body);
        if (placed != nullptr && placed->job == job) start = now;
        const auto* finished = std::get_if<JobFinished>(&event.body);
        if (finished != nullptr && finished->job == job) return false;
      }
      return start == Instant::never();
    });
    MW_CHECK(simulation.run({}, options.stop).ok());
    if (is_stopped(options) && start == Instant::never()) break;
    starts.at.push_back(start);
  }
  std::sort(starts.at.begin(), starts.at.end());
  return starts;
}

std::vector<RunReport> run_futures(
    const State& state, const RunTimes& run_times, const std::vector<InputBody>& changes,
    const ForecastOptions& options,
    const std::function<void(std::uint32_t future, JobId job, Instant at)>& started) {
  std::vector<RunReport> reports;
  for (std::uint32_t future = 0; future < options.futures; ++future) {
    if (future > 0 && is_stopped(options)) break;
    NoJobs nothing_more;
    Simulation simulation(future_of(state, run_times, changes, options, future), nothing_more,
                          nullptr);
    if (started) {
      simulation.watch([&](Instant now, const std::vector<Event>& events) {
        for (const Event& event : events) {
          const auto* placed = std::get_if<AttemptPlaced>(&event.body);
          if (placed != nullptr && placed->attempt == AttemptNumber(1)) {
            started(future, placed->job, now);
          }
        }
        return true;
      });
    }
    MW_CHECK(simulation.run().ok());
    reports.push_back(simulation.report());
  }
  return reports;
}

}  // namespace mw
