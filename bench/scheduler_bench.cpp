// What decisions cost, on the reference fleets: large gangs in a fleet that is half full and
// fragmented, one-node jobs as the fleet grows, long queues. docs/performance.md has the floors.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "codec/embedded_files.h"
#include "codec/fleet_file.h"
#include "codec/text.h"
#include "core/core.h"
#include "support/figures.h"

namespace mw::bench {
namespace {

/// Wall time, or with --cpu the time of this thread: what the wall would say on a machine that
/// nobody else uses. The core has one thread and waits for nothing, so the two are then the same.
class Stopwatch {
 public:
  static inline clockid_t clock = CLOCK_MONOTONIC;
  [[nodiscard]] double milliseconds() const { return now() - began_; }

 private:
  static double now() {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  }
  double began_ = now();
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

FleetSpec reference_fleet(std::string_view name) {
  for (const EmbeddedFile& file : kEmbeddedFleets) {
    if (file.name != name) continue;
    const auto parsed = parse_fleet_file(file.text, {.source_name = std::string(name)});
    if (!parsed.ok()) give_up(parsed.error().message);
    return parsed->fleet;
  }
  give_up("there is no reference fleet " + std::string(name));
}

/// `nodes` nodes of 8 accelerators in pods of 256 and leaves of 32: for what grows with the fleet.
FleetSpec plain_fleet(std::uint32_t nodes) {
  FleetSpec fleet;
  fleet.name = "plain";
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "h100-sxm";
  shape.accelerators = 8;
  shape.cpus = CpuShare(128'000);
  shape.memory = Bytes(std::int64_t{2} << 40);
  shape.idle = Watts(2'000'000);
  shape.accelerator = Watts(1'000'000);
  fleet.shapes.push_back(shape);
  SiteSpec site;
  site.name = "here";
  BlockSpec block;
  block.name = "block";
  block.shape = "node";
  block.nodes = nodes;
  block.fabric = {{FabricLevel::kLeaf, 32}, {FabricLevel::kPod, 256}};
  block.power = {{PowerLevel::kRack, 4, {Watts(44'000'000), Watts()}},
                 {PowerLevel::kRow, 40, {Watts(440'000'000), Watts()}}};
  site.blocks.push_back(block);
  fleet.sites.push_back(site);
  return fleet;
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

JobSpec job(std::uint32_t tasks, std::int64_t accelerators) {
  JobSpec spec;
  spec.name = "job";
  spec.command = {"true"};
  spec.gang.tasks = tasks;
  spec.gang.task.accelerators = AcceleratorShare(accelerators * 1000);
  spec.gang.task.cpus = CpuShare(accelerators * 8'000);
  spec.gang.task.memory = Bytes(accelerators << 35);
  return spec;
}

/// A core with a fleet, and what is needed to play its engine.
class World {
 public:
  explicit World(const FleetSpec& fleet) { step({{RequestId(), DeclareFleet{fleet, "bench"}}}); }

  const std::vector<Event>& step(std::vector<Input> inputs) {
    now_ = now_ + milliseconds(1);
    events_ = core_.step(now_, inputs);
    for (const Event& event : events_) {
      if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
        running_.push_back({placed->job, placed->epoch});
      }
    }
    return events_;
  }

  /// Submits until `share` of all accelerators are in use: mostly small jobs, some large.
  /// Gives up, with what waits cancelled, when no more fits.
  void fill(Random& random, double share) {
    for (double before = -1; in_use() < share && in_use() > before;) {
      before = in_use();
      std::vector<Input> inputs;
      for (int i = 0; i < 200; ++i) {
        static constexpr std::int64_t kSizes[] = {1, 1, 2, 4, 8, 8};
        const bool large = random.chance(1, 40);
        JobSpec spec = large ? job(static_cast<std::uint32_t>(random.between(2, 64)), 8)
                             : job(1, kSizes[random.below(std::size(kSizes))]);
        // Spread over the types that there are, so that every site has some.
        const auto& shapes = state().topology->shapes();
        const NodeShape& shape = shapes[random.below(shapes.size())];
        if (spec.gang.task.accelerators.count() / 1000 <= shape.accelerators) {
          spec.gang.task.accelerator_type = shape.accelerator_type;
        }
        inputs.push_back({RequestId(), SubmitJob{std::move(spec), ""}});
      }
      step(std::move(inputs));
    }
    cancel_waiting();
  }

  void cancel_waiting() {
    std::vector<Input> inputs;
    state().jobs.visit(JobId(), [&](const Job& job) {
      if (job.state == JobState::kPending) {
        inputs.push_back({RequestId(), CancelJob{job.id, false, "bench"}});
      }
      return true;
    });
    step(std::move(inputs));
  }

  /// Ends a share of what runs, chosen at random: holes everywhere.
  void thin(Random& random, double share) {
    std::vector<Input> inputs;
    std::deque<Running> kept;
    for (const Running& each : running_) {
      if (random.below(1000) < static_cast<std::uint64_t>(share * 1000)) {
        inputs.push_back({RequestId(), AttemptGone{each.job, each.epoch, false, ""}});
        inputs.push_back({RequestId(), CancelJob{each.job, false, "bench"}});
      } else {
        kept.push_back(each);
      }
    }
    running_ = std::move(kept);
    step(std::move(inputs));
  }

  /// Ends the newest attempt.
  void end_last() {
    const Running last = running_.back();
    running_.pop_back();
    step({{RequestId(), CancelJob{last.job, false, "bench"}},
          {RequestId(), AttemptGone{last.job, last.epoch, false, ""}}});
  }

  /// Share of all accelerators that jobs have. From the ledger's rates: looking at half a million
  /// nodes before each batch took longer than placing it.
  [[nodiscard]] double in_use() const {
    const auto& rates = state().ledger.rates();
    const AcceleratorShare used = rates[LedgerCategory::kStarting] +
                                  rates[LedgerCategory::kProductive] + rates[LedgerCategory::kHeld];
    return static_cast<double>(used.count()) /
           static_cast<double>(state().ledger.capacity().count());
  }
  [[nodiscard]] const State& state() const { return core_.state(); }
  [[nodiscard]] std::size_t running() const { return running_.size(); }

 private:
  struct Running {
    JobId job;
    Epoch epoch;
  };
  Core core_;
  Instant now_;
  std::vector<Event> events_;
  std::deque<Running> running_;
};

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

void bench_fleet_2025(const Figures& figures) {
  Random random(1);
  World world(reference_fleet("ai-cloud-2025"));
  world.fill(random, 0.6);
  world.thin(random, 0.2);
  world.fill(random, 0.5);
  bench_gang(figures, "gang_10k_p99_ms", world, random, 1250, 200, true);
}

void bench_pending(const Figures& figures) {
  Random random(2);
  World world(reference_fleet("ai-cloud-2025"));
  world.fill(random, 0.9);
  // A thousand shapes of which none fits: more nodes than any site has free.
  constexpr std::uint32_t kShapes = 1000;
  for (std::uint32_t i = 0; i < kShapes; ++i) {
    JobSpec spec = job(20'000 + i, 8);
    spec.array = 1000;
    world.step({{RequestId(), SubmitJob{std::move(spec), ""}}});
  }
  std::vector<double> passes;
  for (int i = 0; i < 50; ++i) {
    const Stopwatch watch;
    world.step({{RequestId(), ControllerStarted{"bench"}}});  // considers everything anew
    passes.push_back(watch.milliseconds());
  }
  figures.tell("pass_1m_pending_ms", percentile(passes, 0.99), "ms", spread(passes));
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
  if (asked("pending")) bench_pending(figures);
  if (asked("large")) bench_fleet_2030(figures);
  return 0;
}

}  // namespace
}  // namespace mw::bench

int main(int argc, char** argv) { return mw::bench::run(argc, argv); }
