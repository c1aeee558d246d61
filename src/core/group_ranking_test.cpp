// Ranking inside the scheduler: what it is to bring about, told as small worlds; and that what it
// remembers never changes a choice.
#include "core/group_ranking.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::CheckedCore;

NodeSpec node(const std::string& name, const std::string& type, std::uint32_t accelerators,
              std::int64_t cpus) {
  NodeSpec spec = testing::node_spec(name, accelerators);
  spec.accelerator_type = type;
  spec.cpus = kWholeCpu * cpus;
  return spec;
}

JobSpec job(std::int64_t accelerators_milli, std::int64_t cpus, const std::string& type = "") {
  JobSpec spec = testing::job_spec(1, accelerators_milli);
  spec.gang.task.cpus = kWholeCpu * cpus;
  spec.gang.task.accelerator_type = type;
  return spec;
}

const NodeSlice& slice_of(const CheckedCore& core, JobId job) {
  return *core.state().attempts.at(job).placement.begin();
}

JobId submit(CheckedCore& core, const JobSpec& spec) {
  const JobId id = core.state().next_job;
  core.step(core.state().now, SubmitJob{spec, ""});
  return id;
}

/// Cancels the job, wherever it is.
void end(CheckedCore& core, JobId job) {
  core.step(Instant(), CancelJob{job, false, ""});
  const auto attempt = core.state().attempts.find(job);
  if (attempt == core.state().attempts.end()) return;
  core.step(Instant(), AttemptGone{job, attempt->second.epoch, false, ""});
}

Policy with(RankingRules rules) {
  Policy policy;
  policy.ranking = rules;
  return policy;
}

/// Two nodes of two types; jobs insist on the first, which would be the best fit.
NodeId where_anybody_goes(const RankingRules& rules, bool live) {
  CheckedCore core;
  if (!live) core.step(Instant(), SetPolicy{with(rules), ""});
  core.step(Instant(), NodeSeen{node("a", "scarce", 2, 8)});
  core.step(Instant(), NodeSeen{node("b", "plenty", 8, 64)});
  submit(core, job(1000, 1, "plenty"));  // so that no price of empty nodes decides
  const JobId first = submit(core, job(1000, 1, "scarce"));
  end(core, first);
  if (live) core.step(Instant(), SetPolicy{with(rules), ""});
  const JobId id = core.state().next_job;
  submit(core, job(1000, 1));
  return slice_of(core, id).node;
}

TEST(GroupRanking, TypesThatOthersInsistOnAreLeftToThem) {
  for (const bool live : {false, true}) {
    EXPECT_EQ(where_anybody_goes({}, live), NodeId(1));
    EXPECT_EQ(where_anybody_goes({0, 0, 0, 0}, live), NodeId(0));
  }
}

TEST(GroupRanking, AcceleratorsWithoutCpusBesideThemGoToWhoNeedsNone) {
  CheckedCore core;
  core.step(Instant(), NodeSeen{node("a", "t", 2, 8)});
  core.step(Instant(), NodeSeen{node("b", "t", 2, 8)});
  // One accelerator of each is in use, and all CPUs of the second.
  EXPECT_EQ(slice_of(core, submit(core, job(1000, 4))).node, NodeId(0));
  const JobId second = submit(core, job(1000, 8));
  EXPECT_EQ(slice_of(core, second).node, NodeId(1));
  for (int i = 0; i < 30; ++i) {
    const JobId more = submit(core, job(1000, 4));
    end(core, more);
  }
  EXPECT_EQ(slice_of(core, submit(core, job(1000, 0))).node, NodeId(1));
}

/// What is remembered of one group would else be taken for what is known of another.
TEST(GroupRanking, NoTwoGroupsHaveOneFingerprint) {
  NodeGroups all;
  Position position = 0;
  for (std::uint16_t shape = 0; shape < 8; ++shape) {
    for (std::uint16_t whole = 0; whole < 8; ++whole) {
      for (const bool busy : {false, true}) {
        for (std::int32_t cpus = 0; cpus < 4; ++cpus) {
          for (std::int64_t memory = 0; memory < 4; ++memory) {
            GroupKey key{shape, busy, whole, cpus, memory};
            all.insert(key, position++);
            key.parts = DeviceRoom(whole + 1U);
            all.insert(key, position++);
          }
        }
      }
    }
  }
  std::set<std::uint64_t> fingerprints;
  for (const auto& [key, group] : all.groups()) fingerprints.insert(group.fingerprint);
  EXPECT_EQ(all.groups().size(), position);
  EXPECT_EQ(fingerprints.size(), all.groups().size());
}

/// The same placements from a Placer that has seen all of it and from one that has seen nothing.
TEST(GroupRanking, RememberingChangesNoChoice) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    CheckedCore core;
    for (int i = 0; i < 6; ++i) {
      core.step(Instant(), NodeSeen{node("n" + std::to_string(i), random.chance(1, 2) ? "x" : "y",
                                         random.chance(1, 2) ? 2 : 4, random.between(4, 9))});
    }
    Placer placer;
    int placed = 0;
    for (int i = 0; i < 40; ++i) {
      static constexpr std::int64_t kSizes[] = {0, 200, 330, 500, 810, 1000, 1000, 2000};
      JobSpec spec = job(kSizes[random.below(std::size(kSizes))], random.between(0, 2),
                         random.chance(1, 5) ? "x" : "");
      if (random.chance(1, 4)) spec.gang.tasks = 2;
      const Surroundings around = surroundings(core.state());
      const auto warm = placer.place(around, spec.gang, {});
      const auto cold = Placer().place(around, spec.gang, {});
      const auto* one = std::get_if<Placement>(&warm);
      const auto* other = std::get_if<Placement>(&cold);
      ASSERT_EQ(one == nullptr, other == nullptr) << "seed " << seed;
      if (one != nullptr) {
        ASSERT_EQ(*one, *other) << "seed " << seed;
        ++placed;
      }
      submit(core, spec);
      // Who recovers from the journal or from a snapshot ranks by the same outlook.
      if (i % 10 == 9) {
        ASSERT_EQ(core.replayed().demand, core.state().demand) << "seed " << seed;
        State snapshot = core.state();
        rebuild_indexes(snapshot);
        const auto again = Placer().place(surroundings(snapshot), spec.gang, {});
        const auto now = Placer().place(surroundings(core.state()), spec.gang, {});
        ASSERT_EQ(again.index(), now.index());
        if (const auto* there = std::get_if<Placement>(&again)) {
          ASSERT_EQ(*there, std::get<Placement>(now)) << "seed " << seed;
        }
      }
    }
    EXPECT_GT(placed, 8) << "seed " << seed;
  }
}

TEST(GroupRanking, WhatIsRememberedOfDemandHasLimits) {
  CheckedCore core;
  for (int i = 0; i < 3; ++i) {
    core.step(Instant(), NodeSeen{node("n" + std::to_string(i), "t", 8, 64)});
  }
  Demand demand = core.state().demand;
  const auto note = [&](const JobSpec& spec) {
    note_demand(demand, spec, *core.state().topology, core.state().free.groups(), {});
  };
  for (int i = 0; i < 5000; ++i) {
    JobSpec spec = job(1000, 1, "unknown" + std::to_string(i));
    spec.gang.task.memory = Bytes(i);
    note(spec);
  }
  EXPECT_LE(demand.outlook.needs.size(), kOutlookNeedsMax);
  EXPECT_TRUE(demand.types.empty());
  JobSpec huge = job(1000, 3);
  huge.array = 1'000'000'000;
  for (int i = 0; i < 20; ++i) note(huge);
  EXPECT_LE(demand.outlook.seen, kOutlookSeenMax);
  // One gang of 3 full nodes counts as three needs of a whole one.
  Demand fresh;
  JobSpec gang = testing::job_spec(24);
  note_demand(fresh, gang, *core.state().topology, core.state().free.groups(), {});
  ASSERT_EQ(fresh.outlook.needs.size(), 1U);
  EXPECT_EQ(fresh.outlook.needs[0].need.accelerators, kWholeAccelerator * 8);
  EXPECT_EQ(fresh.outlook.needs[0].count, 3U);
}

}  // namespace
}  // namespace mw
