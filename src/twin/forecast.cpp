#include "twin/forecast.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "base/check.h"

namespace mw {
namespace {

/// Run times were measured where the jobs ran, so nothing slows them down once more.
Physics as_measured() {
  Physics physics;
  physics.launch = Duration();
  physics.start_up = Duration();
  physics.topology_milli.fill(1000);
  return physics;
}

/// A stream for each purpose in each future, so that a job runs as long whatever else is changed.
Random stream(const ForecastOptions& options, std::uint32_t future, std::uint64_t purpose) {
  Random random(options.seed * 0x9E3779B97F4A7C15U + future);
  Random own(random.next() ^ (purpose * 0xD1B54A32D192ED03U));
  return own.fork();
}
/// Purposes beside the jobs that are there, which have their ids.
constexpr std::uint64_t kArrivals = std::uint64_t{1} << 63U;
constexpr std::uint64_t kSubmitted = std::uint64_t{1} << 62U;
constexpr std::uint64_t kBatches = std::uint64_t{1} << 61U;
constexpr std::uint64_t kLikeBatches = std::uint64_t{1} << 60U;
constexpr std::uint64_t kHindsight = std::uint64_t{1} << 59U;

/// Between two checkpoints of a job that has told of one; what it does really is not known.
constexpr Duration kCheckpointInterval = minutes(10);

/// One of the batch's runs that were longer than `elapsed`; nothing when there was none. One whose
/// end is not known has run for that long at least.
std::optional<Duration> one_of(const Batches::Batch& batch, const RunTimes& run_times,
                               const JobSpec& spec, Duration elapsed, Random& own, Random& common) {
  const auto longer = [&](const std::vector<std::int64_t>& runs) {
    return static_cast<std::size_t>(runs.end() -
                                    std::upper_bound(runs.begin(), runs.end(), elapsed.count()));
  };
  const std::size_t ended = longer(batch.ended);
  const std::size_t unended = longer(batch.unended);
  if (ended + unended == 0) return std::nullopt;
  const auto drawn = static_cast<std::size_t>(own.below(ended + unended));
  if (drawn < ended) return Duration(batch.ended[batch.ended.size() - ended + drawn]);
  const Duration reached(batch.unended[batch.unended.size() - unended + drawn - ended]);
  if (batch.ended.empty() || batch.ended.back() <= reached.count())
    return run_times.sample(spec, reached, common);
  return one_of(batch, run_times, spec, reached, own, common);
}

/// As another of its batch, as often as that is credible; otherwise as one of a batch of the past
/// that is the same for all of its batch in this future; otherwise by itself.
Duration possible_run(const Present& present, JobId id, Duration elapsed,
                      const ForecastOptions& options, std::uint32_t future) {
  const JobSpec& spec = spec_of(present.state, id);
  const Batches& batches = present.batches;
  Random own = stream(options, future, id.value());
  const Batches::Batch* batch = batches.of(present.state, id);
  std::optional<Duration> run;
  if (batch != nullptr) {
    Random common = stream(options, future, kBatches + batch->number);
    if (own.chance(batches.credibility_milli(batch->runs()), 1000))
      run = one_of(*batch, present.run_times, spec, elapsed, own, common);
    if (!run) {
      Random which = stream(options, future, kLikeBatches + batch->number);
      const Batches::Batch* like = batches.any_like(spec, which);
      if (like != nullptr && own.chance(batches.credibility_milli(like->runs()), 1000))
        run = one_of(*like, present.run_times, spec, elapsed, own, common);
    }
  }
  if (!run) return present.run_times.sample(spec, elapsed, own);
  return spec.time_limit.count() > 0 ? std::min(*run, spec.time_limit) : *run;
}

JobTruth possible_truth(const Present& present, JobId id, const ForecastOptions& options,
                        std::uint32_t future) {
  const State& state = present.state;
  JobTruth truth;
  Duration elapsed;
  Duration launch;
  const auto attempt = state.attempts.find(id);
  if (attempt != state.attempts.end()) {
    elapsed = state.now - attempt->second.placed_at;
    // Run times count from the placement, work from when all tasks run.
    if (attempt->second.running_at)
      launch = *attempt->second.running_at - attempt->second.placed_at;
  }
  Duration run = possible_run(present, id, elapsed, options, future);
  // What runs is judged by how long it has run already.
  if (attempt == state.attempts.end()) {
    run = present.hindsight.applied_to(run, stream(options, future, kHindsight));
    const Duration limit = spec_of(state, id).time_limit;
    if (limit.count() > 0) run = std::min(run, limit);
  }
  truth.work = run - launch;
  if (state.jobs.at(id).checkpoint.step > 0) truth.checkpoint_interval = kCheckpointInterval;
  return truth;
}

/// A future and what it needs while it runs.
class Future {
 public:
  Future(const Present& present, const std::vector<InputBody>& changes,
         const ForecastOptions& options, std::uint32_t number)
      : arrivals_(present.arrivals.future(present.run_times, present.state.now,
                                          stream(options, number, kArrivals))),
        simulation_(options_of(present, changes, options, number), *arrivals_, nullptr) {}

  Simulation& simulation() { return simulation_; }

 private:
  static SimulationOptions options_of(const Present& present, const std::vector<InputBody>& changes,
                                      const ForecastOptions& options, std::uint32_t number) {
    SimulationOptions result;
    result.from = present.state;
    result.physics = as_measured();
    result.seed = options.seed + number;
    result.length = options.horizon;
    result.first_inputs = changes;
    result.truth_of = [&present, &options, number](const State&, JobId id) {
      return possible_truth(present, id, options, number);
    };
    result.truth_of_new = [&present, &options, number,
                           count = std::uint64_t{0}](const JobSpec& spec) mutable {
      JobTruth truth;
      Random random = stream(options, number, kSubmitted + count++);
      truth.work = present.run_times.sample(spec, Duration(), random);
      return truth;
    };
    return result;
  }

  std::unique_ptr<WorkloadSource> arrivals_;
  Simulation simulation_;
};

bool is_stopped(const ForecastOptions& options) {
  return options.stop != nullptr && options.stop->load(std::memory_order_relaxed);
}

}  // namespace

Present::Present(State now)
    : state(std::move(now)), batches(state), hindsight(state), arrivals(state) {
  run_times.learn_from(state);
}

// Among n possible starts and the true one, were they all alike, each place of the true one is as
// likely; so the share p lies at place p (n + 1). Source: Weibull's plotting position, type 6 of
// Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996.
Instant PossibleStarts::quantile(double share) const {
  MW_CHECK(!at.empty());
  std::vector<Instant> sorted = at;
  std::sort(sorted.begin(), sorted.end());
  const auto last = static_cast<double>(sorted.size() - 1);
  const double place = std::clamp(share * (last + 2) - 1, 0.0, last);
  const auto below = static_cast<std::size_t>(place);
  const double part = place - static_cast<double>(below);
  if (part <= 0) return sorted[below];
  const Instant next = sorted[below + 1];
  if (next == Instant::never()) return next;
  const auto gap = static_cast<double>((next - sorted[below]).count());
  return sorted[below] + Duration(std::llround(gap * part));
}

std::size_t PossibleStarts::never_started() const {
  return static_cast<std::size_t>(std::count(at.begin(), at.end(), Instant::never()));
}

bool goes_on(const ForecastOptions& options, std::uint32_t done) {
  if (done >= options.futures || is_stopped(options)) return false;
  return done == 0 || !options.until || std::chrono::steady_clock::now() < *options.until;
}

bool gives_up(const ForecastOptions& options) {
  return options.give_up && std::chrono::steady_clock::now() >= *options.give_up;
}

std::optional<std::vector<Instant>> possible_starts_in(const Present& present,
                                                       const std::vector<InputBody>& changes,
                                                       std::span<const JobId> jobs,
                                                       const ForecastOptions& options,
                                                       std::uint32_t future, Instant* left_at) {
  Future one(present, changes, options, future);
  std::vector<Instant> starts(jobs.size(), Instant::never());
  Instant reached = present.state.now;
  bool is_left = false;
  std::set<JobId> open(jobs.begin(), jobs.end());
  one.simulation().watch([&](Instant now, const std::vector<Event>& events) {
    for (const Event& event : events) {
      const auto* placed = std::get_if<AttemptPlaced>(&event.body);
      if (placed != nullptr && open.erase(placed->job) > 0) {
        for (std::size_t i = 0; i < jobs.size(); ++i)
          if (jobs[i] == placed->job) starts[i] = now;
      }
      const auto* finished = std::get_if<JobFinished>(&event.body);
      if (finished != nullptr) open.erase(finished->job);
    }
    reached = now;
    is_left = !open.empty() && gives_up(options);
    return !open.empty() && !is_left;
  });
  MW_CHECK(one.simulation().run({}, options.stop).ok());
  if (!is_left) return starts;
  if (left_at != nullptr) *left_at = reached;
  return std::nullopt;
}

std::optional<Instant> possible_start(const Present& present, const std::vector<InputBody>& changes,
                                      JobId job, const ForecastOptions& options,
                                      std::uint32_t future, Instant* left_at) {
  const auto starts = possible_starts_in(present, changes, {&job, 1}, options, future, left_at);
  if (!starts) return std::nullopt;
  return starts->front();
}

std::vector<PossibleStarts> possible_starts(const Present& present,
                                            const std::vector<InputBody>& changes,
                                            std::span<const JobId> jobs,
                                            const ForecastOptions& options) {
  std::vector<PossibleStarts> all(jobs.size());
  for (std::uint32_t future = 0; goes_on(options, future); ++future) {
    Instant left_at;
    const auto starts = possible_starts_in(present, changes, jobs, options, future, &left_at);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (starts) {
        all[i].at.push_back((*starts)[i]);
      } else if (future == 0) {
        all[i].left_at = left_at;
      }
    }
    if (!starts) break;
  }
  return all;
}

PossibleStarts possible_starts(const Present& present, const std::vector<InputBody>& changes,
                               JobId job, const ForecastOptions& options) {
  return std::move(possible_starts(present, changes, {&job, 1}, options).front());
}

RunReport run_future(const Present& present, const std::vector<InputBody>& changes,
                     const ForecastOptions& options, std::uint32_t future,
                     const Simulation::Watch& watch) {
  Future one(present, changes, options, future);
  one.simulation().watch([&](Instant now, const std::vector<Event>& events) {
    return (!watch || watch(now, events)) && !gives_up(options);
  });
  MW_CHECK(one.simulation().run({}, options.stop).ok());
  return one.simulation().report();
}

}  // namespace mw
