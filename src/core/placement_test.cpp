// Placement against an oracle that tries everything: on small random fleets, with random work on
// them, random limits of power and random wishes. MW_SEED repeats one case; MW_SEEDS says how many.
#include "core/placement.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>

#include "base/random.h"
#include "core/core.h"
#include "core/core_test_support.h"

namespace mw {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

FleetSpec some_fleet(Random& random) {
  FleetSpec fleet;
  fleet.name = "small";
  const int shapes = random.chance(1, 3) ? 2 : 1;
  for (int i = 0; i < shapes; ++i) {
    NodeShape shape;
    shape.name = "s" + std::to_string(i);
    shape.accelerator_type = i == 0 ? "a" : "b";
    shape.accelerators = static_cast<std::uint32_t>(random.between(1, 2));
    shape.cpus = CpuShare(4000);
    shape.memory = Bytes(4);
    shape.idle = Watts(100'000);
    shape.accelerator = Watts(1'000'000);
    fleet.shapes.push_back(shape);
  }
  SiteSpec site;
  site.name = "here";
  site.jurisdiction = "US-TX";
  if (random.chance(1, 3)) site.limits.power = Watts(random.between(2, 8) * 1'000'000);
  if (random.chance(1, 2)) site.power.push_back({"hall", PowerLevel::kHall, "", {}});
  for (PowerPlace& hall : site.power) hall.limits.cooling = Watts(random.between(2, 8) * 900'000);
  for (int i = 0; i < shapes; ++i) {
    BlockSpec block;
    block.name = "b" + std::to_string(i);
    block.shape = "s" + std::to_string(i);
    block.nodes = static_cast<std::uint32_t>(random.between(1, shapes == 1 ? 6 : 3));
    if (random.chance(1, 2)) block.fabric.push_back({FabricLevel::kScaleUp, 2});
    if (random.chance(2, 3)) {
      block.fabric.push_back({FabricLevel::kLeaf, random.chance(1, 2) ? 2U : 4U});
    }
    if (random.chance(1, 2)) {
      const auto size = static_cast<std::uint32_t>(random.between(1, 2));
      block.power.push_back({PowerLevel::kRack, size, {}});
      block.power.back().limits.power = Watts(random.between(1, 5) * 1'000'000);
      if (!site.power.empty()) block.power_under = "hall";
    }
    site.blocks.push_back(block);
  }
  fleet.sites.push_back(site);
  return fleet;
}

GangShape some_gang(Random& random) {
  static constexpr std::int64_t kShares[] = {1000, 1000, 1000, 2000, 500, 250, 0};
  GangShape gang;
  gang.tasks = static_cast<std::uint32_t>(random.between(1, 6));
  gang.task.accelerators = AcceleratorShare(kShares[random.below(std::size(kShares))]);
  gang.task.cpus = CpuShare(random.below(3) * 1000);
  gang.task.memory = Bytes(random.chance(1, 3) ? 1 : 0);
  if (random.chance(1, 3)) {
    const std::uint32_t each = gang.tasks % 2 == 0 && random.chance(1, 2) ? 2 : 1;
    gang.nodes = gang.tasks / each;
  }
  if (random.chance(1, 3)) gang.task.accelerator_type = random.chance(1, 2) ? "a" : "b";
  if (random.chance(1, 4)) gang.types = {{"b", 2000}, {"a", 1000}};
  static constexpr FabricLevel kLevels[] = {FabricLevel::kNode, FabricLevel::kScaleUp,
                                            FabricLevel::kLeaf, FabricLevel::kSite};
  if (random.chance(1, 2)) gang.require = kLevels[random.below(std::size(kLevels))];
  if (random.chance(1, 8)) gang.exclusive = true;
  return gang;
}

/// Tries every way to spread the gang over nodes.
class Oracle {
 public:
  Oracle(const State& state, const GangShape& gang)
      : state_(state), gang_(gang), topology_(*state.topology) {
    draw_.assign(topology_.power().size(), Watts());
    for (const Node& node : state.nodes) {
      const NodeShape& shape = topology_.shape(node.id);
      add_draw(node.id, shape.idle);
      const auto used = kWholeAccelerator * shape.accelerators - node.accelerators_free;
      add_draw(node.id, Watts(shape.accelerator.count() * used.count() / 1000));
    }
  }

  /// The lowest level of which one vertex holds the gang; nothing when none does.
  std::optional<FabricLevel> lowest() {
    std::vector<std::string> types;
    for (const TypeChoice& each : gang_.types) types.push_back(each.type);
    if (types.empty()) {
      types = {"a", "b"};
      if (!gang_.task.accelerator_type.empty()) types = {gang_.task.accelerator_type};
    }
    if (gang_.types.empty() && on_one_node(types)) return FabricLevel::kNode;
    for (const std::string& type : types) {
      if (on_one_node({type})) return FabricLevel::kNode;
      for (int level = 1; level <= static_cast<int>(gang_.require); ++level) {
        for (const FabricVertex& vertex : topology_.fabric()) {
          if (static_cast<int>(vertex.level) != level) continue;
          std::vector<NodeId> nodes;
          for (Position p = vertex.first; p < vertex.last; ++p) nodes.push_back(topology_.at(p));
          if (holds(type, nodes)) return vertex.level;
        }
      }
    }
    return std::nullopt;
  }

 private:
  bool on_one_node(const std::vector<std::string>& types) {
    for (std::uint32_t i = 0; gang_.nodes <= 1 && i < state_.nodes.size(); ++i) {
      for (const std::string& type : types) {
        if (holds(type, {NodeId(i)})) return true;
      }
    }
    return false;
  }
  void add_draw(NodeId node, Watts draw) {
    for (PowerId at = topology_.power_of(node); at != kNoId<PowerId>;
         at = topology_.power(at).parent) {
      draw_[at.value()] += draw;
    }
  }
  [[nodiscard]] bool within_power(NodeId node) const {
    for (PowerId at = topology_.power_of(node); at != kNoId<PowerId>;
         at = topology_.power(at).parent) {
      for (const Watts limit :
           {topology_.power(at).limits.power, topology_.power(at).limits.cooling}) {
        if (limit.count() > 0 && draw_[at.value()] > limit) return false;
      }
    }
    return true;
  }

  /// Tasks that the node has devices, CPUs and memory for, by handing them out one by one.
  std::uint32_t room(NodeId id) const {
    const Node& node = state_.nodes[id.value()];
    if (node.phase != NodePhase::kReady || node.lost || node.exclusive) return 0;
    if (gang_.exclusive && node.slices > 0) return 0;
    std::vector<std::int64_t> free;
    for (std::uint32_t i = 0; i < node.devices.size(); ++i) free.push_back(node.devices[i].count());
    std::int64_t cpus = node.cpus_free.count();
    std::int64_t memory = node.memory_free.count();
    std::uint32_t tasks = 0;
    for (; tasks < gang_.tasks; ++tasks) {
      cpus -= gang_.task.cpus.count();
      memory -= gang_.task.memory.count();
      if (cpus < 0 || memory < 0) return tasks;
      std::int64_t want = gang_.task.accelerators.count();
      for (std::int64_t& device : free) {
        const std::int64_t piece = std::min<std::int64_t>(want, 1000);
        if (piece == 0 || device < piece) continue;
        device -= piece;
        want -= piece;
        if (piece < 1000) break;
      }
      if (want > 0) return tasks;
    }
    return tasks;
  }

  bool holds(const std::string& type, const std::vector<NodeId>& nodes) {
    std::vector<NodeId> usable;
    std::vector<std::uint32_t> rooms;
    for (const NodeId node : nodes) {
      if (topology_.shape(node).accelerator_type != type) continue;
      usable.push_back(node);
      rooms.push_back(room(node));
    }
    return try_from(usable, rooms, 0, gang_.tasks);
  }

  bool try_from(const std::vector<NodeId>& nodes, const std::vector<std::uint32_t>& rooms,
                std::size_t i, std::uint32_t left) {
    if (left == 0) return true;
    if (i == nodes.size()) return false;
    const std::uint32_t each = gang_.nodes == 0 ? 0 : gang_.tasks / gang_.nodes;
    for (std::uint32_t take = std::min(left, rooms[i]);; --take) {
      const bool even = each == 0 || take == 0 || take == each;
      if (even) {
        const NodeShape& shape = topology_.shape(nodes[i]);
        const Watts draw(shape.accelerator.count() * gang_.task.accelerators.count() / 1000 * take);
        add_draw(nodes[i], draw);
        const bool found = (draw.count() == 0 || within_power(nodes[i])) &&
                           try_from(nodes, rooms, i + 1, left - take);
        add_draw(nodes[i], -draw);
        if (found) return true;
      }
      if (take == 0) return false;
    }
  }

  const State& state_;
  const GangShape& gang_;
  const Topology& topology_;
  std::vector<Watts> draw_;
};

FabricLevel level_of(const Topology& topology, const Placement& placement) {
  if (placement.size() == 1) return FabricLevel::kNode;
  FabricId at = topology.fabric_of(placement.front().node);
  const auto holds_all = [&](FabricId id) {
    const FabricVertex& vertex = topology.fabric(id);
    return std::all_of(placement.begin(), placement.end(), [&](const NodeSlice& slice) {
      const Position position = topology.position(slice.node);
      return vertex.first <= position && position < vertex.last;
    });
  };
  while (!holds_all(at)) at = topology.fabric(at).parent;
  return topology.fabric(at).level;
}

class Case {
 public:
  explicit Case(std::uint64_t seed) : random_(seed) {}

  void run() {
    core_.step(now_, {DeclareFleet{some_fleet(random_), "test"}});
    for (int i = static_cast<int>(random_.below(8)); i > 0; --i) {
      JobSpec spec = testing::job_spec(1);
      spec.gang = some_gang(random_);
      core_.step(now_, SubmitJob{spec, ""});
    }
    if (random_.chance(1, 4)) {
      const auto node = static_cast<std::uint32_t>(random_.below(core_.state().nodes.size()));
      core_.step(now_, DrainNode{core_.state().topology->name(NodeId(node)), "why", "me"});
    }
    for (int i = 0; i < 4; ++i) {
      const GangShape gang = some_gang(random_);
      const auto expected = Oracle(core_.state(), gang).lowest();
      Placer placer;
      const auto placed = placer.place(surroundings(core_.state()), gang, {});
      const auto* placement = std::get_if<Placement>(&placed);
      ASSERT_EQ(placement != nullptr, expected.has_value());
      if (placement == nullptr) continue;
      EXPECT_EQ(level_of(*core_.state().topology, *placement), *expected);
    }
  }

 private:
  Random random_;
  testing::CheckedCore core_;
  Instant now_;
};

TEST(PlacementProperty, FitsWhenAnythingFitsAsNearAsPossibleAndNeverBeyondAnyLimit) {
  const std::uint64_t first = number_from_environment("MW_SEED", 0);
  const std::uint64_t count = first != 0 ? 1 : number_from_environment("MW_SEEDS", 25'000);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = std::max<std::uint64_t>(first, 1) + i;
    Case(seed).run();
    ASSERT_FALSE(HasFailure()) << "repeat with MW_SEED=" << seed << " mw_core_tests "
                               << "--gtest_filter=PlacementProperty.*";
  }
}

}  // namespace
}  // namespace mw
