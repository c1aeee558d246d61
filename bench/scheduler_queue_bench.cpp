// What waiting costs: a million jobs of a thousand classes of which none fits; one that ends among
// them, so that exactly one starts; and a large job for which many small ones have to stop.
#include <algorithm>

#include "codec/text.h"
#include "scheduler_bench.h"
#include "support/scheduler_world.h"

namespace mw::bench {
namespace {

std::uint64_t count_placed(const std::vector<Event>& events) {
  return static_cast<std::uint64_t>(std::count_if(
      events.begin(), events.end(),
      [](const Event& event) { return std::holds_alternative<AttemptPlaced>(event.body); }));
}

/// Fills what is left with jobs of one accelerator, so that nothing more fits anywhere.
void fill_up(World& world) {
  JobSpec small = job(1, 1);
  small.gang.task.cpus = CpuShare();
  small.gang.task.memory = Bytes();
  small.array = 300'000;
  world.step({{RequestId(), SubmitJob{small, ""}}});
  world.cancel_waiting();
}

/// A thousand classes: whole nodes by the number, tight and loose in the fabric, with more or less
/// of the node's CPUs.
std::vector<JobSpec> thousand_classes() {
  std::vector<JobSpec> specs;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    JobSpec spec = job(2 + i % 250, 8);
    spec.gang.nodes = spec.gang.tasks;
    if (i % 4 == 1) spec.gang.require = FabricLevel::kPod;
    if (i % 4 == 2) spec.gang.require = FabricLevel::kSpine;
    spec.gang.task.cpus = CpuShare(8'000 + 1'000 * (i / 250));
    spec.array = 1000;
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace

namespace {

/// `suffix`: of the metrics' names.
void bench_queue(const Figures& figures, const FleetSpec& fleet, const std::string& suffix) {
  Random random(2);
  World world(fleet);
  world.fill(random, 0.99);
  fill_up(world);
  // Holes of less than a node, so that there is something to look at.
  world.thin(random, 0.02);
  JobSpec one = job(1, 8);
  one.array = 100'000;
  world.step({{RequestId(), SubmitJob{one, ""}}});
  for (JobSpec& spec : thousand_classes()) {
    world.step({{RequestId(), SubmitJob{std::move(spec), ""}}});
  }
  const std::size_t waiting = world.state().classes.waiting();
  if (waiting < 1'000'000) give_up("pending: only " + std::to_string(waiting) + " jobs wait");
  std::vector<double> passes;
  for (int i = 0; i < 50; ++i) {
    const Stopwatch watch;
    const auto& events = world.step({{RequestId(), ControllerStarted{"bench"}}});  // all anew
    passes.push_back(watch.milliseconds());
    if (count_placed(events) > 0) give_up("pending: something fits");
  }
  figures.tell("pass_1m_pending" + suffix + "_ms", percentile(passes, 0.99), "ms", spread(passes));
  figures.tell("pass_1m_pending" + suffix + "_p50_ms", percentile(passes, 0.5), "ms");

  std::vector<double> wakes;
  for (int i = 0; i < 200; ++i) {
    // One that has eight accelerators of a node to itself makes room for one of its like.
    const auto& attempts = world.state().attempts;
    const auto it = std::find_if(attempts.begin(), attempts.end(), [&](const auto& each) {
      const GangShape& gang = spec_of(world.state(), each.first).gang;
      return gang.tasks == 1 && gang.task.accelerators == kWholeAccelerator * 8;
    });
    if (it == attempts.end()) give_up("pending: no job of eight accelerators runs");
    const JobId ends = it->first;
    const Epoch epoch = it->second.epoch;
    const auto exited = [&](std::uint32_t rank) {
      return Input{RequestId(), TaskExited{ends, epoch, Rank(rank), TaskExit{}}};
    };
    const Stopwatch watch;
    const auto& events = world.step({exited(0)});
    wakes.push_back(watch.milliseconds());
    // Where power is short, what one job leaves may do for another elsewhere as well.
    const std::uint64_t started = count_placed(events);
    if (started == 0 || (suffix.empty() && started != 1)) {
      give_up("pending: " + std::to_string(started) + " jobs started");
    }
  }
  figures.tell("wake_one" + suffix + "_ms", percentile(wakes, 0.99), "ms", spread(wakes));
  figures.tell("wake_one" + suffix + "_p50_ms", percentile(wakes, 0.5), "ms");
}

}  // namespace

void bench_pending(const Figures& figures) {
  bench_queue(figures, plain_fleet(31'250), "");
  // There it is power in rows of racks that is short, and not room.
  bench_queue(figures, reference_fleet("ai-cloud-2025"), "_for_power");
}

void bench_preemption(const Figures& figures) {
  Random random(4);
  World world(plain_fleet(14'000));
  // Full of jobs that may be stopped: more than 20,000.
  for (bool full = false; !full;) {
    std::vector<Input> inputs;
    for (int i = 0; i < 500; ++i) {
      static constexpr std::int64_t kSizes[] = {1, 2, 4, 8, 8};
      const bool gang = random.chance(1, 50);
      JobSpec spec = gang ? job(static_cast<std::uint32_t>(random.between(2, 8)), 8)
                          : job(1, kSizes[random.below(std::size(kSizes))]);
      spec.priority_class = "best-effort";
      inputs.push_back({RequestId(), SubmitJob{std::move(spec), ""}});
    }
    world.wait(seconds(random.between(1, 30)));
    world.step(std::move(inputs));
    full = world.state().classes.waiting() > 0;
  }
  fill_up(world);
  const std::size_t running = world.state().attempts.size();
  if (running < 20'000) give_up("preempt: only " + std::to_string(running) + " jobs run");
  std::vector<double> steps;
  std::vector<double> victims;
  for (int i = 0; i < 100; ++i) {
    world.wait(minutes(10));
    JobSpec wants = job(250, 8);
    wants.gang.nodes = 250;
    wants.priority_class = "high";
    const Stopwatch watch;
    const auto& events = world.step({{RequestId(), SubmitJob{wants, ""}}});
    steps.push_back(watch.milliseconds());
    const auto claimed = std::find_if(events.begin(), events.end(), [](const Event& event) {
      return std::holds_alternative<CapacityClaimed>(event.body);
    });
    if (claimed == events.end()) give_up("preempt: nobody was stopped");
    victims.push_back(static_cast<double>(std::get<CapacityClaimed>(claimed->body).victims.size()));
    const JobId high(world.state().next_job.value() - 1);
    world.end_stopping();
    if (world.state().jobs.at(high).state != JobState::kStarting) {
      give_up("preempt: the job did not start");
    }
    world.step({{RequestId(), CancelJob{high, false, "bench"}}});
    world.end_stopping();
  }
  char note[160];
  std::snprintf(note, sizeof note, "%s; %zu jobs ran, %.0f were stopped (median)",
                spread(steps).c_str(), running, percentile(victims, 0.5));
  figures.tell("preempt_2000_ms", percentile(steps, 0.99), "ms", note);
  figures.tell("preempt_2000_p50_ms", percentile(steps, 0.5), "ms");
}

}  // namespace mw::bench
