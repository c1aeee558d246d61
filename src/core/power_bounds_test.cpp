// Where power and not room is short: small random fleets with tight racks, rows and sites, in which
// jobs come and go. What is known of power must change no choice (each place is compared with that
// of a placer that knows nothing), and whoever sleeps must really have no place. What is
// counted before a place is looked for must never say no of a gang that would have one. MW_SEED
// repeats one world; MW_SEEDS says how many.
#include "core/power_bounds.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/random.h"
#include "core/core_test_support.h"
#include "core/freed_room.h"
#include "core/job_placer.h"
#include "core/planned_room.h"

namespace mw {
namespace {

/// What the worlds had in them, so that a test that met nothing of its matter fails.
struct Met {
  std::uint64_t places = 0;
  std::uint64_t short_of_power = 0;
  std::uint64_t sleepers = 0;
  std::uint64_t would_fit = 0;
  std::uint64_t never = 0;
};

class World {
 public:
  World(std::uint64_t seed, Met& met) : random_(seed), met_(met) {}

  void run() {
    Policy policy;
    policy.backfill.reservations = 0;  // what is kept for one is no place for another
    step({SetPolicy{policy, "test"}});
    step({DeclareFleet{some_fleet(), "test"}});
    following_.follow(core_.state().free);
    for (int i = 0; i < 30 && !::testing::Test::HasFailure(); ++i) {
      now_ = now_ + seconds(1);
      std::vector<InputBody> inputs;
      for (std::uint64_t k = random_.below(4); k > 0; --k) inputs.push_back(some_job());
      for (std::uint64_t k = random_.below(3); k > 0; --k) end_one(inputs);
      if (random_.chance(1, 10)) inputs.push_back(some_move());
      step(std::move(inputs));
      expect_same_places();
      if (!unequal_) expect_that_sleepers_have_no_place();
      expect_that_whoever_would_fit_may();
    }
  }

 private:
  FleetSpec some_fleet() {
    FleetSpec fleet;
    fleet.name = "tight";
    unequal_ = random_.chance(1, 4);
    for (int i = 0; i < 2; ++i) {
      NodeShape shape;
      shape.name = "s" + std::to_string(i);
      shape.accelerator_type = i == 0 || unequal_ ? "a" : "b";
      shape.accelerators = 4;
      shape.cpus = CpuShare(8000);
      shape.memory = Bytes(8);
      shape.idle = Watts(100'000);
      shape.accelerator = Watts(unequal_ && i == 1 ? 700'000 : 1'000'000);
      fleet.shapes.push_back(shape);
    }
    for (int s = 0; s < 2; ++s) {
      SiteSpec site;
      site.name = "site" + std::to_string(s);
      if (random_.chance(1, 2)) site.limits.power = some_limit(12);
      for (int i = 0; i < 2; ++i) {
        BlockSpec block;
        block.name = "b" + std::to_string(i);
        block.shape = "s" + std::to_string(i);
        block.nodes = static_cast<std::uint32_t>(random_.between(1, 8));
        if (random_.chance(2, 3)) {
          block.fabric.push_back({FabricLevel::kLeaf, random_.chance(1, 2) ? 2U : 3U});
        }
        if (random_.chance(1, 2)) block.fabric.push_back({FabricLevel::kPod, 6});
        // Racks and rows do not end where leaves and pods do.
        if (random_.chance(3, 4)) {
          block.power.push_back({PowerLevel::kRack, random_.chance(1, 2) ? 1U : 2U, {}});
          block.power.back().limits.power = some_limit(2);
        }
        if (random_.chance(3, 4)) {
          block.power.push_back({PowerLevel::kRow, 4, {}});
          block.power.back().limits.power = some_limit(4);
        }
        site.blocks.push_back(block);
      }
      fleet.sites.push_back(site);
    }
    return fleet;
  }
  /// Between a third and all of what so many nodes draw.
  Watts some_limit(std::int64_t nodes) {
    return Watts(random_.between(nodes * 1'500'000, nodes * 4'100'000));
  }

  GangShape some_gang() {
    static constexpr std::int64_t kShares[] = {4000, 4000, 2000, 1000, 1000, 500};
    GangShape gang;
    gang.tasks = static_cast<std::uint32_t>(random_.between(1, 8));
    gang.task.accelerators = AcceleratorShare(kShares[random_.below(std::size(kShares))]);
    gang.task.cpus = CpuShare(random_.below(3) * 1000);
    if (random_.chance(1, 2)) {
      const std::uint32_t each = gang.tasks % 2 == 0 && random_.chance(1, 2) ? 2 : 1;
      gang.nodes = gang.tasks / each;
    }
    if (random_.chance(1, 3)) gang.task.accelerator_type = random_.chance(1, 2) ? "a" : "b";
    static constexpr FabricLevel kLevels[] = {FabricLevel::kNode, FabricLevel::kLeaf,
                                              FabricLevel::kPod, FabricLevel::kSite,
                                              FabricLevel::kFleet};
    if (random_.chance(1, 2)) gang.require = kLevels[random_.below(std::size(kLevels))];
    if (random_.chance(1, 8)) gang.exclusive = true;
    return gang;
  }
  InputBody some_job() {
    JobSpec spec = testing::job_spec(1);
    spec.gang = some_gang();
    if (random_.chance(1, 8)) spec.gang.tasks_min = (spec.gang.tasks + 1) / 2;
    if (random_.chance(1, 4)) spec.where.sites = {random_.chance(1, 2) ? "site0" : "site1"};
    return SubmitJob{spec, ""};
  }
  void end_one(std::vector<InputBody>& inputs) {
    if (core_.state().attempts.empty()) return;
    auto at =
        core_.state().attempts.lower_bound(JobId(random_.below(core_.state().next_job.value())));
    if (at == core_.state().attempts.end()) at = core_.state().attempts.begin();
    inputs.push_back(CancelJob{at->first, false, "test"});
    inputs.push_back(AttemptGone{at->first, at->second.epoch, false, ""});
  }
  InputBody some_move() {
    const auto node = static_cast<std::uint32_t>(random_.below(core_.state().nodes.size()));
    const std::string& name = core_.state().topology->name(NodeId(node));
    if (random_.chance(1, 2)) return DrainNode{name, "why", "me"};
    return ResumeNode{name, "me"};
  }

  void step(std::vector<InputBody> bodies) {
    std::vector<Input> inputs;
    for (InputBody& each : bodies) inputs.push_back({RequestId(), std::move(each)});
    core_.step(now_, std::move(inputs));
  }

  void expect_same_places() {
    for (int i = 0; i < 6; ++i) {
      const GangShape gang = some_gang();
      Placer fresh;
      const auto expected = fresh.place(surroundings(core_.state()), gang, {});
      const auto found = following_.place(surroundings(core_.state()), gang, {});
      const auto* place = std::get_if<Placement>(&expected);
      const auto* known = std::get_if<Placement>(&found);
      ASSERT_EQ(place == nullptr, known == nullptr);
      if (place != nullptr) {
        EXPECT_EQ(*place, *known);
        ++met_.places;
      } else if (std::get<NoPlace>(found).power) {
        ++met_.short_of_power;
      }
    }
  }

  /// Whoever is tried is either started or put to sleep, so all that wait are asleep.
  void expect_that_sleepers_have_no_place() {
    State copy = core_.state();
    std::vector<JobId> heads;
    copy.classes.for_each_line(
        [&](ClassId id) { heads.push_back(copy.classes.at(id).line.front()); });
    for (const JobId head : heads) {
      JobPlacer placer;
      EXPECT_TRUE(std::holds_alternative<NoPlace>(placer.place(copy, head)))
          << "job " << head.value() << " sleeps and would fit";
      ++met_.sleepers;
    }
  }

  /// With some of what runs gone.
  void expect_that_whoever_would_fit_may() {
    const State& state = core_.state();
    JobSpec spec = testing::job_spec(1);
    spec.gang = some_gang();
    PlannedRoom room(state);
    FreedRoom freed(state, spec.gang, spec.where);
    for (const auto& [id, attempt] : state.attempts) {
      if (random_.chance(1, 2)) continue;
      room.release(attempt);
      freed.release(attempt);
    }
    Placer placer;
    const bool fits = room.place(placer, spec).has_value();
    EXPECT_TRUE(freed.may_hold() || !fits);
    met_.would_fit += fits ? 1 : 0;
    met_.never += freed.may_hold() ? 0 : 1;
  }

  Random random_;
  Met& met_;
  testing::CheckedCore core_;
  Placer following_;
  Instant now_;
  bool unequal_ = false;
};

TEST(PowerBoundsProperty, KnownPowerChangesNoChoiceAndNobodyWhoFitsSleepsOn) {
  const std::uint64_t first = testing::number_from_environment("MW_SEED", 0);
  const std::uint64_t count = first != 0 ? 1 : testing::number_from_environment("MW_SEEDS", 1000);
  Met met;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = std::max<std::uint64_t>(first, 1) + i;
    World(seed, met).run();
    ASSERT_FALSE(HasFailure()) << "repeat with MW_SEED=" << seed << " mw_core_tests "
                               << "--gtest_filter=PowerBoundsProperty.*";
  }
  if (count < 100) return;
  EXPECT_GT(met.places, count);
  EXPECT_GT(met.short_of_power, count);
  EXPECT_GT(met.sleepers, count);
  EXPECT_GT(met.would_fit, count);
  EXPECT_GT(met.never, count);
}

}  // namespace
}  // namespace mw
