// A core with a fleet, and an engine that is played rather than run: what benchmarks of the
// scheduler share.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "codec/embedded_files.h"
#include "codec/fleet_file.h"
#include "core/core.h"
#include "model/one_block_fleet.h"

namespace mw::bench {

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

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

inline FleetSpec reference_fleet(std::string_view name) {
  for (const EmbeddedFile& file : kEmbeddedFleets) {
    if (file.name != name) continue;
    const auto parsed = parse_fleet_file(file.text, {.source_name = std::string(name)});
    if (!parsed.ok()) give_up(parsed.error().message);
    return parsed->fleet;
  }
  give_up("there is no reference fleet " + std::string(name));
}

/// `nodes` nodes of 8 accelerators in pods of 256 and leaves of 32: for what grows with the fleet.
inline FleetSpec plain_fleet(std::uint32_t nodes) {
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "h100-sxm";
  shape.accelerators = 8;
  shape.cpus = CpuShare(128'000);
  shape.memory = Bytes(std::int64_t{2} << 40);
  shape.idle = Watts(2'000'000);
  shape.accelerator = Watts(1'000'000);
  BlockSpec block;
  block.name = "block";
  block.nodes = nodes;
  block.fabric = {{FabricLevel::kLeaf, 32}, {FabricLevel::kPod, 256}};
  block.power = {{PowerLevel::kRack, 4, {Watts(44'000'000), Watts()}},
                 {PowerLevel::kRow, 40, {Watts(440'000'000), Watts()}}};
  return one_block_fleet("plain", std::move(shape), std::move(block));
}

inline std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

inline JobSpec job(std::uint32_t tasks, std::int64_t accelerators) {
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
      } else if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
        stopping_.push_back(stopping->job);
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
  /// Whatever is being stopped has ended, as by an engine that obeys at once.
  void end_stopping() {
    while (!stopping_.empty()) {
      std::vector<Input> inputs;
      for (const JobId job : std::exchange(stopping_, {})) {
        const auto attempt = state().attempts.find(job);
        if (attempt == state().attempts.end()) continue;
        inputs.push_back({RequestId(), AttemptGone{job, attempt->second.epoch, false, ""}});
      }
      step(std::move(inputs));
    }
  }
  void wait(Duration length) { now_ = now_ + length; }

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
  std::vector<JobId> stopping_;
  std::deque<Running> running_;
};

}  // namespace mw::bench
