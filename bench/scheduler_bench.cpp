// What decisions cost, on the reference fleets: large gangs in a fleet that is half full and
// fragmented, one-node jobs as the fleet grows, long queues. docs/performance.md has the floors.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/text.h"
#include "scheduler_bench.h"
#include "support/scheduler_world.h"

namespace mw::bench {
namespace {

/// Submits a gang and times the whole step: decide, event, apply. Then takes it away again.
/// Tells the p99 as `metric`, and the median.
void bench_gang(const Figures& figures, const std::string& metric, World& world, Random& random,
                std::uint32_t tasks, int rounds, bool thin) {
  std::vector<double> steps;
  for (int i = 0; i < rounds; ++i) {
    const Stopwatch watch;
    const auto& events = world.step({{RequestId(), SubmitJob{job(tasks, 8), ""}}});
    steps.push_back(watch.milliseconds());
    const bool placed = std::any_of(events.begin(), events.end(), [](const Event& event) {
      return std::holds_alternative<AttemptPlaced>(event.body);
    });
    if (!placed) {
      const JobId last(world.state().next_job.value() - 1);
      give_up(metric + ": the gang was not placed: " +
              text(explain(world.state(), last, world.state().now), world.state().now));
    }
    world.end_last();
    if (thin && i % 10 == 9) {
      world.thin(random, 0.01);
      world.fill(random, 0.5);
    }
  }
  figures.tell(metric, percentile(steps, 0.99), "ms", spread(steps));
  std::string median = metric.substr(0, metric.rfind("_ms"));
  if (median.ends_with("_p99")) median.resize(median.size() - 4);
  figures.tell(median + "_p50_ms", percentile(steps, 0.5), "ms");
}

void bench_starts(const Figures& figures, std::uint32_t nodes, const std::string& metric) {
  World world(plain_fleet(nodes));
  constexpr int kBatch = 1000;
  std::vector<double> rates;
  const std::uint32_t most = nodes * 8 * 8 / 10;  // up to 80 % full
  std::uint32_t started = 0;
  for (int round = 0; round < 40 && started + kBatch <= most; ++round) {
    std::vector<Input> inputs;
    for (int i = 0; i < kBatch; ++i) inputs.push_back({RequestId(), SubmitJob{job(1, 1), ""}});
    const Stopwatch watch;
    world.step(std::move(inputs));
    rates.push_back(kBatch / (watch.milliseconds() / 1000));
    started += kBatch;
  }
  if (world.running() != started) give_up(metric + ": not all jobs started");
  figures.tell(metric, percentile(rates, 0.5), "jobs/s", spread(rates));
}

/// Whole lives of one-node jobs, a step for each input: submitted and placed, started, its task
/// exited and the job ended. 1,000 nodes of which about half are in use. What a simulated fleet
/// asks.
void bench_lives(const Figures& figures) {
  constexpr int kRunning = 4000;
  constexpr int kBatch = 1000;
  World world(plain_fleet(1'000));
  std::deque<std::pair<JobId, Epoch>> running;
  const auto begin_one = [&] {
    const auto& events = world.step({{RequestId(), SubmitJob{job(1, 1), ""}}});
    const auto* placed = std::get_if<AttemptPlaced>(&events.back().body);
    if (placed == nullptr) give_up("lives: a job was not placed");
    running.emplace_back(placed->job, placed->epoch);
    const auto [id, epoch] = running.back();
    world.step({{RequestId(), AttemptStarted{id, epoch}}});
  };
  for (int i = 0; i < kRunning; ++i) begin_one();
  std::vector<double> lives;
  for (int round = 0; round < 60; ++round) {
    const Stopwatch watch;
    for (int i = 0; i < kBatch; ++i) {
      begin_one();
      const auto [id, epoch] = running.front();
      running.pop_front();
      world.step({{RequestId(), TaskExited{id, epoch, Rank(0), TaskExit{}}}});
    }
    lives.push_back(watch.milliseconds() / kBatch * 1000);
  }
  if (world.state().attempts.size() != kRunning) give_up("lives: a job did not end");
  figures.tell("job_life_us", percentile(lives, 0.5), "us", spread(lives));
}

void bench_fleet_2025(const Figures& figures) {
  Random random(1);
  World world(reference_fleet("ai-cloud-2025"));
  world.fill(random, 0.6);
  world.thin(random, 0.2);
  world.fill(random, 0.5);
  bench_gang(figures, "gang_10k_p99_ms", world, random, 1250, 200, true);
}

/// Copies the state, as a forecast does, and steps on while the copy is there: what both share is
/// taken apart only then.
void bench_copies(const Figures& figures, World& world) {
  std::vector<double> copies;
  std::vector<double> drops;
  std::vector<double> steps;
  for (int i = 0; i < 20; ++i) {
    Stopwatch watch;
    auto copy = std::make_unique<State>(world.state());
    copies.push_back(watch.milliseconds());
    watch = Stopwatch();
    world.step({{RequestId(), SubmitJob{job(12'500, 8), ""}}});
    steps.push_back(watch.milliseconds());
    watch = Stopwatch();
    copy.reset();
    drops.push_back(watch.milliseconds());
    world.end_last();
  }
  figures.tell("state_copy_ms", percentile(copies, 0.99), "ms", spread(copies));
  figures.tell("state_copy_p50_ms", percentile(copies, 0.5), "ms");
  figures.tell("state_drop_ms", percentile(drops, 0.99), "ms", spread(drops));
  figures.tell("gang_100k_beside_copy_ms", percentile(steps, 0.99), "ms", spread(steps));
}

void bench_fleet_2030(const Figures& figures) {
  const std::size_t before = resident_bytes();
  Random random(3);
  World world(reference_fleet("gigawatts-2030"));
  world.fill(random, 0.5);
  char note[80];
  std::snprintf(note, sizeof note, "%zu jobs run on %.1f %% of the accelerators", world.running(),
                world.in_use() * 100);
  figures.tell("state_4m_bytes", static_cast<double>(resident_bytes() - before), "bytes", note);
  bench_gang(figures, "gang_100k_ms", world, random, 12'500, 50, false);
  bench_copies(figures, world);
}

int run(int argc, char** argv) {
  std::vector<std::string> wanted;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else if (argument == "--cpu") {
      Stopwatch::clock = CLOCK_THREAD_CPUTIME_ID;
    } else {
      wanted.push_back(argument);
    }
  }
  const Figures figures(json);
  const auto asked = [&](const std::string& part) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), part) != wanted.end();
  };
  if (asked("gang")) bench_fleet_2025(figures);
  if (asked("starts")) {
    for (const std::uint32_t nodes : {1'000U, 10'000U, 31'250U, 125'000U, 500'000U}) {
      const bool main = nodes == 31'250;
      bench_starts(figures, nodes,
                   main ? "starts_per_s" : "starts_per_s_" + std::to_string(nodes) + "_nodes");
    }
  }
  if (asked("lives")) bench_lives(figures);
  if (asked("pending")) bench_pending(figures);
  if (asked("preempt")) bench_preemption(figures);
  if (asked("http")) bench_http(figures);
  if (asked("large")) bench_fleet_2030(figures);
  return 0;
}

}  // namespace
}  // namespace mw::bench

int main(int argc, char** argv) { return mw::bench::run(argc, argv); }
