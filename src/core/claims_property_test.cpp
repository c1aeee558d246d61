// What is promised is kept: in worlds where every job ends by its time limit and nothing breaks, no
// job starts later than the start that was planned for it, whatever else starts meanwhile; and none
// waits longer than the stated bound. Nodes that are set aside are free for their reservation when
// it begins, and only its jobs are placed there until it ends. Worlds from a seed, with power
// limits, parts of devices and gangs over several nodes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"
#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::CheckedCore;

constexpr Duration kPatience = seconds(60);
constexpr Duration kLimitMax = seconds(20);
constexpr Duration kGrace = seconds(1);

class PunctualWorld {
 public:
  explicit PunctualWorld(std::uint64_t seed) : random_(seed) {}

  void run() {
    step({{RequestId(), DeclareFleet{some_fleet(), "test"}}});
    Policy policy;
    policy.starvation_after = kPatience;
    policy.backfill.reservations = static_cast<std::uint32_t>(random_.between(1, 4));
    step({{RequestId(), SetPolicy{policy, "test"}}});
    for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
      std::vector<Input> inputs;
      const std::uint64_t count = random_.below(3);
      for (std::uint64_t k = 0; k < count; ++k) {
        inputs.push_back({RequestId(), SubmitJob{some_spec(), ""}});
      }
      if (random_.chance(1, 12)) {
        inputs.push_back({RequestId(), ReserveNodes{some_reservation(), "test"}});
      }
      go_on(now_ + nanoseconds(random_.between(0, seconds(4).count())));
      step(std::move(inputs));
    }
    for (int i = 0; i < 2000 && waiting() && !::testing::Test::HasFailure(); ++i) {
      go_on(next_end());
    }
    EXPECT_FALSE(waiting()) << "jobs that could run never started";
  }

  static std::uint64_t claims, starts_behind, boosts, reservations, starts_before, starts_within;

 private:
  struct Running {
    Epoch epoch;
    std::uint32_t tasks = 0;
    Instant end;
  };

  /// Two kinds of nodes below two rows of racks, and power for some of it.
  FleetSpec some_fleet() {
    FleetSpec fleet;
    fleet.name = "test";
    SiteSpec site;
    site.name = "here";
    for (int k = 0; k < 2; ++k) {
      NodeShape shape;
      shape.name = k == 0 ? "small" : "large";
      shape.accelerator_type = k == 0 ? "a" : "b";
      shape.accelerators = static_cast<std::uint32_t>(random_.between(1, 4));
      shape.cpus = CpuShare(8000);
      shape.memory = Bytes(1 << 30);
      shape.accelerator = Watts(1'000'000);
      fleet.shapes.push_back(shape);
      BlockSpec block;
      block.name = shape.name;
      block.shape = shape.name;
      block.nodes = static_cast<std::uint32_t>(random_.between(1, 4));
      block.fabric = {{FabricLevel::kLeaf, 2}};
      PowerLimits limits;
      if (random_.chance(1, 2)) limits.power = Watts(random_.between(2, 8) * 1'000'000);
      block.power = {{PowerLevel::kRack, 2, limits}};
      site.blocks.push_back(block);
    }
    if (random_.chance(1, 2)) site.limits.power = Watts(random_.between(4, 16) * 1'000'000);
    fleet.sites.push_back(site);
    return fleet;
  }

  JobSpec some_spec() {
    static constexpr std::int64_t kShares[] = {1000, 1000, 2000, 3000, 500, 300, 0};
    JobSpec spec = testing::job_spec(static_cast<std::uint32_t>(random_.between(1, 6)),
                                     kShares[random_.below(std::size(kShares))]);
    if (random_.chance(1, 3)) spec.gang.nodes = random_.chance(1, 2) ? spec.gang.tasks : 1;
    spec.gang.task.cpus = CpuShare(random_.between(0, 4) * 1000);
    spec.gang.task.memory = Bytes(random_.between(0, 2) << 27);
    if (random_.chance(1, 4)) spec.gang.task.accelerator_type = random_.chance(1, 2) ? "a" : "b";
    if (random_.chance(1, 6)) spec.gang.require = FabricLevel::kLeaf;
    spec.gang.exclusive = random_.chance(1, 10);
    if (spec.gang.tasks > 1 && spec.gang.nodes == 0 && random_.chance(1, 6)) {
      spec.gang.tasks_min = static_cast<std::uint32_t>(random_.between(1, spec.gang.tasks));
    }
    spec.time_limit = nanoseconds(random_.between(1, kLimitMax.count()));
    spec.grace = kGrace;
    if (reservations_made_ > 0 && random_.chance(1, 4)) {
      spec.reservation = "r" + std::to_string(random_.below(reservations_made_));
    }
    return spec;
  }

  ReservationSpec some_reservation() {
    ReservationSpec spec;
    spec.name = "r" + std::to_string(reservations_made_++);
    spec.start = now_ + nanoseconds(random_.between(0, seconds(60).count()));
    spec.duration = nanoseconds(random_.between(1, seconds(40).count()));
    spec.nodes = static_cast<std::uint32_t>(random_.between(1, 5));
    return spec;
  }

  /// When it begins, nobody else is on its nodes any more.
  void note_begin(const std::string& name) {
    const Reservation& reservation = core_.state().reservations.at(name);
    for (const auto& [job, attempt] : core_.state().attempts) {
      for (const NodeSlice& slice : attempt.placement) {
        if (spec_of(core_.state(), job).reservation == name) continue;
        EXPECT_FALSE(std::ranges::count(reservation.nodes, slice.node))
            << "job " << job.value() << " is there when " << name << " begins";
      }
    }
  }
  /// Whoever starts is gone before a reservation of its nodes begins, or is of it.
  void note_place(const AttemptPlaced& placed, const JobSpec& spec) {
    const Instant end = now_ + spec.time_limit + kGrace;
    bool before = false;
    for (const auto& [name, reservation] : core_.state().reservations) {
      const bool own = spec.reservation == name;
      const ReservationSpec& when = reservation.spec;
      if (own) { EXPECT_TRUE(when.start <= now_ && end <= when.end()); }
      for (const NodeSlice& slice : placed.placement) {
        const bool has = std::ranges::count(reservation.nodes, slice.node) > 0;
        if (own) {
          EXPECT_TRUE(has);
          ++starts_within;
        } else if (has) {
          EXPECT_LE(end, when.start)
              << "job " << placed.job.value() << " is in the way of " << name;
          before = true;
        }
      }
    }
    starts_before += before ? 1 : 0;
  }

  void step(std::vector<Input> inputs) {
    const std::vector<Event> events = core_.step(now_, std::move(inputs));
    for (const Event& event : events) {
      if (const auto* claimed = std::get_if<CapacityClaimed>(&event.body)) {
        ++claims;
        const auto [at, added] = promised_.emplace(claimed->job, claimed->at);
        // A plan may be given up and made again, by what goes before; never for a later time here.
        if (!added && core_.state().jobs.at(claimed->job).boosted) at->second = claimed->at;
      } else if (const auto* dropped = std::get_if<ClaimDropped>(&event.body)) {
        const auto promise = promised_.find(dropped->job);
        if (promise != promised_.end()) { EXPECT_GE(promise->second, now_) << "it was to start"; }
        promised_.erase(dropped->job);
      } else if (const auto* made = std::get_if<ReservationMade>(&event.body)) {
        ++reservations;
        reserved_ += made->spec.duration + (kLimitMax + kGrace) * 2;
      } else if (const auto* begun = std::get_if<ReservationBegun>(&event.body)) {
        note_begin(begun->reservation);
      } else if (std::get_if<JobBoosted>(&event.body) != nullptr) {
        ++boosts;
      } else if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
        note_start(*placed);
      } else if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
        Running& running = running_.at(stopping->job);
        running.end = std::min(running.end, now_ + kGrace);
      }
    }
  }

  void note_start(const AttemptPlaced& placed) {
    const auto promise = promised_.find(placed.job);
    if (promise != promised_.end()) {
      EXPECT_LE(now_, promise->second) << "job " << placed.job.value() << " was promised earlier";
      promised_.erase(promise);
    } else if (!promised_.empty()) {
      ++starts_behind;
    }
    const JobRecord& record = core_.state().records.at(core_.state().jobs.at(placed.job).record);
    // The bound of docs/scheduling.md: patience, and then the attempts that run, once for each
    // job that has waited as long.
    const Duration wait = now_ - record.submitted_at;
    const auto ahead = static_cast<std::int64_t>(placed.job.value());
    if (!record.spec->reservation) {
      EXPECT_LE(wait, kPatience + (kLimitMax + kGrace) * ahead + reserved_);
    }
    note_place(placed, *record.spec);
    const Duration limit = record.spec->time_limit;
    // Most end before their limit, some are stopped at it.
    const Duration length =
        random_.chance(1, 3) ? limit + kGrace : nanoseconds(random_.between(0, limit.count()));
    Running running{placed.epoch, 0, now_ + length};
    for (const NodeSlice& slice : placed.placement) running.tasks += slice.tasks;
    running_.emplace(placed.job, running);
  }

  [[nodiscard]] Instant next_end() const {
    Instant next = core_.core().next_wakeup();
    for (const auto& [job, running] : running_) next = std::min(next, running.end);
    return next == Instant::never() ? now_ + seconds(1) : std::max(next, now_);
  }

  /// Time passes, and at each instant at which something is due, the core is told.
  void go_on(Instant until) {
    for (Instant next = next_end(); next <= until; next = next_end()) {
      now_ = next;
      std::vector<Input> inputs;
      for (auto it = running_.begin(); it != running_.end();) {
        if (it->second.end > now_) {
          ++it;
          continue;
        }
        for (std::uint32_t rank = 0; rank < it->second.tasks; ++rank) {
          inputs.push_back(
              {RequestId(), TaskExited{it->first, it->second.epoch, Rank(rank), TaskExit{}}});
        }
        it = running_.erase(it);
      }
      step(std::move(inputs));
      if (::testing::Test::HasFailure()) return;
      if (next_end() == next && running_.empty()) break;
    }
    now_ = std::max(now_, until);
  }

  /// Someone waits who could run on the fleet.
  bool waiting() {
    bool any = false;
    core_.state().jobs.visit(JobId(), [&](const Job& job) {
      if (job.state != JobState::kPending) {
        any = any || !is_final(job.state);
        return true;
      }
      const PendingReason reason = explain(core_.state(), job.id, now_);
      any = any || (!std::holds_alternative<FleetTooSmall>(reason) &&
                    !std::holds_alternative<NoSuchAccelerator>(reason));
      return true;
    });
    return any;
  }

  Random random_;
  CheckedCore core_;
  Instant now_;
  std::map<JobId, Running> running_;
  std::map<JobId, Instant> promised_;
  std::uint64_t reservations_made_ = 0;
  Duration reserved_;  ///< by which all of them together may delay others
};
std::uint64_t PunctualWorld::claims = 0;
std::uint64_t PunctualWorld::starts_behind = 0;
std::uint64_t PunctualWorld::boosts = 0;
std::uint64_t PunctualWorld::reservations = 0;
std::uint64_t PunctualWorld::starts_before = 0;
std::uint64_t PunctualWorld::starts_within = 0;

TEST(ClaimsProperty, NothingDelaysAPlannedStartAndNobodyStarves) {
  const std::uint64_t first = testing::number_from_environment("MW_SEED", 0);
  const std::uint64_t count = first != 0 ? 1 : testing::number_from_environment("MW_SEEDS", 1'000);
  for (std::uint64_t seed = std::max<std::uint64_t>(first, 1); count > 0; ++seed) {
    PunctualWorld(seed).run();
    ASSERT_FALSE(HasFailure()) << "repeat with MW_SEED=" << seed << " mw_core_tests "
                               << "--gtest_filter=ClaimsProperty.*";
    if (first != 0 || seed >= count) break;
  }
  if (first != 0) return;
  // The worlds were such that it mattered.
  EXPECT_GT(PunctualWorld::claims, count);
  EXPECT_GT(PunctualWorld::starts_behind, count / 4);
  EXPECT_GT(PunctualWorld::boosts, count / 10);
  EXPECT_GT(PunctualWorld::reservations, count / 2);
  EXPECT_GT(PunctualWorld::starts_before, count / 4);
  EXPECT_GT(PunctualWorld::starts_within, count / 4);
}

}  // namespace
}  // namespace mw
