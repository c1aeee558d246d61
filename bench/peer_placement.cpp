// Our side of bench/peer_slurm: the core on the fleet, the accelerators in use and the jobs that a
// peer is given in the same run. Prints raw samples as JSON, one object a line; the script that
// runs it compares and explains.
//
//   mw_bench_peer NODES NODES_PER_LEAF NODES_PER_SPINE ACCELERATORS < commands
//     occupy 0820...        one digit a node: so many of its accelerators are in use from now on
//     gang NODES ROUNDS     {"gang_ms": [...], "nodes": [[...], ...]}   placed, timed, taken away
//     starts JOBS ROUNDS    {"starts_ms": [...]}    an empty fleet, JOBS one-node jobs in a step
//     pass NxA... .         {"pass_ms": [...]}      gangs of N tasks of A accelerators wait
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "core/core.h"

namespace mw::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kPasses = 21;

double milliseconds_since(Steady::time_point began) {
  return std::chrono::duration<double, std::milli>(Steady::now() - began).count();
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "mw_bench_peer: %s\n", why.c_str());
  std::exit(1);
}

struct FleetSize {
  std::uint32_t nodes = 0;
  std::uint32_t nodes_per_leaf = 0;
  std::uint32_t nodes_per_spine = 0;
  std::uint32_t accelerators = 0;
};

FleetSpec fleet_spec(const FleetSize& size) {
  FleetSpec fleet;
  fleet.name = "peer";
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "h100-sxm";
  shape.accelerators = size.accelerators;
  shape.cpus = CpuShare(8'000);
  shape.memory = Bytes(std::int64_t{2} << 40);
  fleet.shapes.push_back(shape);
  BlockSpec block;
  block.name = "block";
  block.shape = "node";
  block.nodes = size.nodes;
  block.fabric = {{FabricLevel::kLeaf, size.nodes_per_leaf},
                  {FabricLevel::kSpine, size.nodes_per_spine}};
  SiteSpec site;
  site.name = "here";
  site.blocks.push_back(block);
  fleet.sites.push_back(site);
  return fleet;
}

JobSpec job(std::uint32_t tasks, std::int64_t accelerators) {
  JobSpec spec;
  spec.name = "job";
  spec.command = {"true"};
  spec.gang.tasks = tasks;
  spec.gang.task.accelerators = AcceleratorShare(accelerators * 1000);
  return spec;
}

/// A core with the fleet, and what is needed to end what it started.
class World {
 public:
  explicit World(const FleetSize& size) : size_(size) {
    step({{RequestId(), DeclareFleet{fleet_spec(size), "bench"}}});
  }

  /// Steps, and says how long the step took.
  double step(std::vector<Input> inputs) {
    now_ = now_ + milliseconds(1);
    const auto began = Steady::now();
    std::vector<Event> events = core_.step(now_, inputs);
    const double took = milliseconds_since(began);
    placed_.clear();
    for (Event& event : events) {
      if (auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
        placed_.push_back(std::move(*placed));
      }
    }
    return took;
  }

  /// What the last step placed.
  [[nodiscard]] const std::vector<AttemptPlaced>& placed() const { return placed_; }

  void end(const std::vector<AttemptPlaced>& attempts) {
    std::vector<Input> inputs;
    for (const AttemptPlaced& attempt : attempts) {
      inputs.push_back({RequestId(), CancelJob{attempt.job, false, "bench"}});
      inputs.push_back({RequestId(), AttemptGone{attempt.job, attempt.epoch, false, ""}});
    }
    step(std::move(inputs));
  }

  /// Fills every node with small jobs and ends those that are too many.
  void occupy(const std::string& busy) {
    if (busy.size() != size_.nodes) give_up("occupy: expected one digit a node");
    std::vector<Input> inputs;
    const std::uint32_t jobs = size_.nodes * size_.accelerators / kGrain;
    for (std::uint32_t i = 0; i < jobs; ++i) {
      inputs.push_back({RequestId(), SubmitJob{job(1, kGrain), ""}});
    }
    step(std::move(inputs));
    if (placed_.size() != jobs) give_up("occupy: the fleet was not empty");
    std::vector<std::uint32_t> wanted(size_.nodes);
    for (std::uint32_t i = 0; i < size_.nodes; ++i) {
      wanted[i] = static_cast<std::uint32_t>(busy[i] - '0') / kGrain;
    }
    std::vector<AttemptPlaced> too_many;
    for (AttemptPlaced& attempt : placed_) {
      std::uint32_t& left = wanted.at(attempt.placement.front().node.value());
      if (left > 0) {
        --left;
      } else {
        too_many.push_back(std::move(attempt));
      }
    }
    end(too_many);
  }

 private:
  static constexpr std::uint32_t kGrain = 2;  ///< accelerators; what nodes have is a multiple

  const FleetSize size_;
  Core core_;
  Instant now_;
  std::vector<AttemptPlaced> placed_;
};

std::string list(const std::vector<double>& samples) {
  std::string text = "[";
  for (const double sample : samples) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(sample);
  }
  return text + "]";
}

void gang(World& world, const FleetSize& size, std::uint32_t nodes, int rounds) {
  std::vector<double> times;
  std::string placements;
  for (int i = 0; i < rounds; ++i) {
    times.push_back(
        world.step({{RequestId(), SubmitJob{job(nodes, std::int64_t{size.accelerators}), ""}}}));
    const std::vector<AttemptPlaced> placed = world.placed();
    if (placed.size() != 1) give_up("gang: it was not placed");
    placements += placements.empty() ? "[" : ", [";
    const char* separator = "";
    for (const NodeSlice& slice : placed.front().placement) {
      placements += separator + std::to_string(slice.node.value());
      separator = ", ";
    }
    placements += "]";
    world.end(placed);
  }
  std::printf("{\"gang_ms\": %s, \"nodes\": [%s]}\n", list(times).c_str(), placements.c_str());
}

void starts(const FleetSize& size, std::uint32_t jobs, int rounds) {
  World world(size);
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    std::vector<Input> inputs;
    for (std::uint32_t n = 0; n < jobs; ++n) {
      inputs.push_back({RequestId(), SubmitJob{job(1, std::int64_t{size.accelerators}), ""}});
    }
    times.push_back(world.step(std::move(inputs)));
    const std::vector<AttemptPlaced> placed = world.placed();
    if (placed.size() != jobs) give_up("starts: not all jobs were started");
    world.end(placed);
  }
  std::printf("{\"starts_ms\": %s}\n", list(times).c_str());
}

void pass(World& world, const std::vector<JobSpec>& waiting) {
  std::vector<Input> inputs;
  for (const JobSpec& spec : waiting) inputs.push_back({RequestId(), SubmitJob{spec, ""}});
  world.step(std::move(inputs));
  if (!world.placed().empty()) give_up("pass: a job was started that should not fit");
  std::vector<double> times;
  for (int i = 0; i < kPasses; ++i) {
    // A control plane that takes over considers everything anew.
    times.push_back(world.step({{RequestId(), ControllerStarted{"bench"}}}));
  }
  std::printf("{\"pass_ms\": %s}\n", list(times).c_str());
}

int run(int argc, char** argv) {
  if (argc != 5) give_up("usage: NODES NODES_PER_LEAF NODES_PER_SPINE ACCELERATORS < commands");
  const auto number = [&](int i) {
    return static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10));
  };
  const FleetSize size{number(1), number(2), number(3), number(4)};
  std::optional<World> world;
  for (std::string command; std::cin >> command;) {
    if (command == "occupy") {
      std::string busy;
      std::cin >> busy;
      world.emplace(size);
      world->occupy(busy);
    } else if (command == "gang" && world) {
      std::uint32_t nodes = 0;
      int rounds = 0;
      std::cin >> nodes >> rounds;
      gang(*world, size, nodes, rounds);
    } else if (command == "starts") {
      std::uint32_t jobs = 0;
      int rounds = 0;
      std::cin >> jobs >> rounds;
      starts(size, jobs, rounds);
    } else if (command == "pass" && world) {
      std::vector<JobSpec> waiting;
      for (std::string word; std::cin >> word && word != ".";) {
        char* end = nullptr;
        const auto tasks = static_cast<std::uint32_t>(std::strtoul(word.c_str(), &end, 10));
        waiting.push_back(job(tasks, std::strtol(end + 1, nullptr, 10)));
      }
      pass(*world, waiting);
    } else {
      give_up("unknown command, or nothing was occupied: " + command);
    }
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace mw::bench

int main(int argc, char** argv) { return mw::bench::run(argc, argv); }
