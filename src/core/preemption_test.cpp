// Victims against an oracle that tries every set of them: one is found if and only if there is one,
// nobody is stopped in vain, nobody whom the policy protects, and little more is lost than must be.
#include "core/preemption.h"

#include <gtest/gtest.h>

#include <bit>
#include <optional>

#include "base/random.h"
#include "core/accounting.h"
#include "core/blockers.h"
#include "core/core_test_support.h"
#include "core/job_placer.h"

namespace mw {
namespace {

using testing::CheckedCore;

Int128 cost_of(const State& state, const std::vector<JobId>& victims) {
  Int128 sum = 0;
  for (const JobId each : victims) {
    sum += cost_of_stopping(state, state.attempts.at(each)).count();
  }
  return sum;
}

void end_attempt(State& state, JobId job) {
  const Attempt& attempt = state.attempts.at(job);
  const WorkSplit work = split_work(attempt, EndCause::kPreempted, state.now);
  apply(state,
        {state.now, RequestId(),
         AttemptEnded{job, attempt.number, EndCause::kPreempted, work.lost, work.kept, false, ""}});
}

/// The job fits once these have ended, by the real search on a real state.
bool fits_without(const State& state, JobId job, const std::vector<JobId>& victims) {
  State copy = state;
  for (const JobId each : victims) { end_attempt(copy, each); }
  JobPlacer placer;
  return std::holds_alternative<Placement>(placer.place(copy, job));
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  /// A fleet full of jobs that may be stopped, and one job that may have them stopped.
  void run() {
    const bool by_class = random_.chance(1, 2);
    core_.step(now_, DeclareFleet{some_fleet(), "test"});
    core_.step(now_, SetPolicy{some_policy(by_class), "test"});
    for (int i = 0; i < 9; ++i) {
      JobSpec spec = some_spec();
      spec.tenant = random_.chance(1, 2) ? "borrows" : "other";
      spec.priority_class = random_.chance(4, 5) ? "best-effort" : "high";
      now_ = now_ + seconds(random_.between(1, 100));
      core_.step(now_, SubmitJob{spec, ""});
    }
    // What waits would only be in the way; what runs has saved some of its work.
    cancel_waiting();
    now_ = now_ + seconds(1000);
    save_some();
    JobSpec wants = some_spec();
    wants.tenant = "owner";
    wants.priority_class = by_class ? "high" : "best-effort";
    wants.hold = true;
    core_.step(now_, SubmitJob{wants, ""});
    compare(JobId(core_.state().next_job.value() - 1));
  }

  static std::uint64_t chosen, best, refused, explained, fewest_named;
  static double worst;

 private:
  static Policy some_policy(bool by_class) {
    Policy policy;
    policy.preemption.by_priority = by_class;
    policy.preemption.runtime_min = seconds(10);
    policy.backfill.reservations = 0;
    policy.tenants = {{"owner", "", AcceleratorShare(100'000), std::nullopt, 1},
                      {"borrows", "", AcceleratorShare(2'000), std::nullopt, 1},
                      {"other", "", AcceleratorShare(3'000), std::nullopt, 1}};
    return policy;
  }

  FleetSpec some_fleet() {
    FleetSpec fleet;
    NodeShape shape;
    shape.name = "node";
    shape.accelerator_type = "a";
    shape.accelerators = static_cast<std::uint32_t>(random_.between(1, 4));
    shape.cpus = CpuShare(8000);
    shape.memory = Bytes(1 << 30);
    shape.accelerator = Watts(1'000'000);
    fleet.shapes.push_back(shape);
    BlockSpec block;
    block.name = "block";
    block.shape = "node";
    block.nodes = static_cast<std::uint32_t>(random_.between(1, 4));
    block.fabric = {{FabricLevel::kLeaf, 2}};
    PowerLimits limits;
    if (random_.chance(1, 3)) limits.power = Watts(random_.between(2, 8) * 1'000'000);
    block.power = {{PowerLevel::kRack, 2, limits}};
    SiteSpec site;
    site.name = "here";
    site.blocks.push_back(block);
    fleet.sites.push_back(site);
    return fleet;
  }

  JobSpec some_spec() {
    static constexpr std::int64_t kShares[] = {1000, 1000, 2000, 3000, 500, 300};
    JobSpec spec = testing::job_spec(static_cast<std::uint32_t>(random_.between(1, 4)),
                                     kShares[random_.below(std::size(kShares))]);
    if (random_.chance(1, 3)) spec.gang.nodes = random_.chance(1, 2) ? spec.gang.tasks : 1;
    spec.gang.task.cpus = CpuShare(random_.between(0, 3) * 1000);
    if (random_.chance(1, 6)) spec.gang.require = FabricLevel::kLeaf;
    spec.gang.exclusive = random_.chance(1, 12);
    return spec;
  }

  void cancel_waiting() {
    std::vector<Input> inputs;
    core_.state().jobs.visit(JobId(), [&](const Job& job) {
      if (job.state == JobState::kPending) {
        inputs.push_back({RequestId(), CancelJob{job.id, false, "test"}});
      }
      return true;
    });
    core_.step(now_, inputs);
  }

  void save_some() {
    std::vector<Input> inputs;
    for (const auto& [job, attempt] : core_.state().attempts) {
      inputs.push_back({RequestId(), AttemptStarted{job, attempt.epoch}});
      if (random_.chance(1, 2)) {
        inputs.push_back({RequestId(), CheckpointSaved{job, attempt.number, {1, "/c"}}});
      }
    }
    core_.step(now_, inputs);
    now_ = now_ + seconds(random_.between(0, 1000));
    core_.tick(now_);
  }

  void compare(JobId job) {
    const State& state = core_.state();
    std::vector<JobId> candidates;
    for (const auto& [id, attempt] : state.attempts) {
      if (may_be_stopped_for(state, attempt, job)) candidates.push_back(id);
    }
    if (fits_without(state, job, {}) || candidates.empty() || candidates.size() > 10) return;
    std::optional<Int128> least;
    for (std::uint32_t set = 1; set < (1U << candidates.size()); ++set) {
      std::vector<JobId> victims;
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        if ((set >> i & 1U) != 0) victims.push_back(candidates[i]);
      }
      if (!within_rights(victims, job)) continue;
      const Int128 cost = cost_of(state, victims);
      if (least && cost >= *least) continue;
      if (fits_without(state, job, victims)) least = cost;
    }
    if (least) compare_blockers(job);
    Placer placer;
    const std::optional<Claim> claim = choose_victims(state, job, placer);
    ASSERT_EQ(claim.has_value(), least.has_value()) << "the oracle says otherwise";
    if (!claim) {
      ++refused;
      return;
    }
    ++chosen;
    EXPECT_TRUE(fits_without(state, job, claim->victims));
    EXPECT_TRUE(within_rights(claim->victims, job));
    for (const JobId spared : claim->victims) {
      std::vector<JobId> fewer;
      for (const JobId each : claim->victims) {
        if (each != spared) fewer.push_back(each);
      }
      EXPECT_FALSE(holds_claim_without(*claim, fewer, job))
          << "job " << spared.value() << " is stopped in vain";
    }
    const double ratio = static_cast<double>(cost_of(state, claim->victims)) /
                         static_cast<double>(std::max<Int128>(*least, 1));
    worst = std::max(worst, ratio);
    if (ratio <= 1.0) ++best;
  }

  /// Who is named as being in the way is enough, and nobody is named in vain.
  void compare_blockers(JobId job) const {
    const State& state = core_.state();
    const Blockers blockers = blockers_of(state, job, state.now);
    EXPECT_TRUE(blockers.claims.empty() && blockers.nodes.empty());
    EXPECT_TRUE(fits_without(state, job, blockers.jobs));
    std::size_t fewest = blockers.jobs.size();
    std::vector<JobId> all;
    for (const auto& [id, attempt] : state.attempts) all.push_back(id);
    for (std::uint32_t set = 1; all.size() <= 10 && set < (1U << all.size()); ++set) {
      if (static_cast<std::size_t>(std::popcount(set)) >= fewest) continue;
      std::vector<JobId> some;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if ((set >> i & 1U) != 0) some.push_back(all[i]);
      }
      if (fits_without(state, job, some)) fewest = some.size();
    }
    ++explained;
    if (fewest == blockers.jobs.size()) ++fewest_named;
  }

  /// Of tenants that are only taken back from, nobody goes who need not by the quota.
  [[nodiscard]] bool within_rights(const std::vector<JobId>& victims, JobId job) const {
    const State& state = core_.state();
    const bool by_class =
        state.policy.preemption.by_priority && spec_of(state, job).priority_class == "high";
    std::map<TenantId, AcceleratorShare> reclaimed;
    std::map<TenantId, AcceleratorShare> largest;
    for (const JobId each : victims) {
      if (by_class && spec_of(state, each).priority_class == "best-effort") continue;
      const AcceleratorShare share = state.attempts.at(each).accelerators;
      const TenantId tenant = record_of(state, each).tenant;
      reclaimed[tenant] += share;
      largest[tenant] = std::max(largest[tenant], share);
    }
    for (const auto& [tenant, share] : reclaimed) {
      const Tenant& from = state.tenants.at(tenant);
      // In some order, each is taken while more than the quota is in use: the largest last.
      const AcceleratorShare before_last = from.in_use.accelerators - share + largest[tenant];
      if (before_last <= from.quota) return false;
    }
    return true;
  }

  /// The nodes of the claim would do with only these gone.
  [[nodiscard]] bool holds_claim_without(const Claim& claim, const std::vector<JobId>& victims,
                                         JobId job) const {
    State copy = core_.state();
    for (const JobId each : victims) { end_attempt(copy, each); }
    Claim now = claim;
    now.job = job;
    return JobPlacer::place_as_claimed(copy, now).has_value();
  }

  Random random_;
  CheckedCore core_;
  Instant now_;
};
std::uint64_t World::chosen = 0;
std::uint64_t World::best = 0;
std::uint64_t World::refused = 0;
std::uint64_t World::explained = 0;
std::uint64_t World::fewest_named = 0;
double World::worst = 0;

TEST(PreemptionProperty, AsTheOracleThatTriesEverySetOfVictims) {
  const std::uint64_t first = testing::number_from_environment("MW_SEED", 0);
  const std::uint64_t count = first != 0 ? 1 : testing::number_from_environment("MW_SEEDS", 3'000);
  for (std::uint64_t seed = std::max<std::uint64_t>(first, 1); count > 0; ++seed) {
    World(seed).run();
    ASSERT_FALSE(HasFailure()) << "repeat with MW_SEED=" << seed << " mw_core_tests "
                               << "--gtest_filter=PreemptionProperty.*";
    if (first != 0 || seed >= count) break;
  }
  if (first != 0) return;
  RecordProperty("chosen", static_cast<int>(World::chosen));
  RecordProperty("as_cheap_as_any", static_cast<int>(World::best));
  RecordProperty("worst_ratio_percent", static_cast<int>(World::worst * 100));
  std::printf("%lu sets of victims, %lu as cheap as any, the worst %.2f times that; %lu refused\n",
              static_cast<unsigned long>(World::chosen), static_cast<unsigned long>(World::best),
              World::worst, static_cast<unsigned long>(World::refused));
  EXPECT_GT(World::chosen, count / 4);
  EXPECT_GT(World::refused, count / 50);
  std::printf("%lu jobs explained, %lu with as few in the way as can be\n",
              static_cast<unsigned long>(World::explained),
              static_cast<unsigned long>(World::fewest_named));
  EXPECT_GT(World::fewest_named * 10, World::explained * 9);
  // The cheapest set is a knapsack over nodes; ours is greedy with the last step tried in every
  // way.
  EXPECT_GT(World::best * 20, World::chosen * 19);
}

}  // namespace
}  // namespace mw
