// Cases that can be reckoned by hand. Iterations take 1.5 % longer than the trace says, so lengths
// below are given such that they come out round: 1,000 iterations of 1,000 ms run 1,015 s.
#include "twin/queueing_experiment.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "twin/queueing_cluster.h"

namespace mw {
namespace {

TraceTrainingJob job(std::uint32_t width, std::int64_t submitted_s, std::int64_t iterations,
                     const std::string& model = "bert") {
  return {width, seconds(submitted_s), iterations, milliseconds(1000), model};
}

QueueingResult result_of(const std::vector<TraceTrainingJob>& jobs, ServicePolicy policy,
                         OverheadRules rules) {
  const auto result = run_queueing(jobs, {policy, rules, 1, 8});
  EXPECT_TRUE(result.ok());
  return result.ok() ? *result : QueueingResult{};
}

TEST(QueueingExperiment, OneJobAlone) {
  const std::vector<TraceTrainingJob> jobs = {job(8, 100, 1000)};
  // As published an end comes without the overhead; by the true rules its start costs 10 s.
  const auto published = result_of(jobs, ServicePolicy::kSrsf, OverheadRules::kPublished);
  EXPECT_DOUBLE_EQ(published.jct_average_s, 1015);
  EXPECT_DOUBLE_EQ(published.makespan_s, 1115);
  const auto real = result_of(jobs, ServicePolicy::kSrsf, OverheadRules::kTrue);
  EXPECT_DOUBLE_EQ(real.jct_average_s, 1025);
  EXPECT_EQ(real.starts, 1U);
}

TEST(QueueingExperiment, PublishedRulesTakeOverheadFromWhoGoesOn) {
  // The first has the node; the second arrives at 100 s, is longer, and waits. The first loses
  // 10 s for that and ends at 1,025 s; then the second runs its 2,030 s.
  const std::vector<TraceTrainingJob> jobs = {job(8, 0, 1000), job(8, 100, 2000)};
  const auto published = result_of(jobs, ServicePolicy::kSrtf, OverheadRules::kPublished);
  EXPECT_DOUBLE_EQ(published.makespan_s, 1025 + 2030);
  EXPECT_DOUBLE_EQ(published.jct_average_s, (1025.0 + 2955.0) / 2);
  // By the true rules both pay their start and nothing else.
  const auto real = result_of(jobs, ServicePolicy::kSrtf, OverheadRules::kTrue);
  EXPECT_DOUBLE_EQ(real.makespan_s, 1025 + 2040);
  EXPECT_EQ(real.starts, 2U);
  EXPECT_EQ(real.moves, 0U);
}

TEST(QueueingExperiment, AStoppedJobPaysAgainWhenItGoesOn) {
  // At 500 s a short one preempts: 10 s start and 101.5 s; then the first pays again and has
  // 1,015 - 490 = 525 s left.
  const std::vector<TraceTrainingJob> jobs = {job(8, 0, 1000), job(8, 500, 100)};
  const auto real = result_of(jobs, ServicePolicy::kSrtf, OverheadRules::kTrue);
  EXPECT_DOUBLE_EQ(real.makespan_s, 500 + 111.5 + 10 + 525);
  EXPECT_EQ(real.starts, 3U);
}

TEST(QueueingExperiment, TheSetBeatsTheGreedyOrder) {
  // Remaining time x width is a little less for the job of 4, so SRSF runs it first and leaves
  // half of the node idle. The job of 8 ends in half the time and fills the node.
  const std::vector<TraceTrainingJob> jobs = {job(4, 0, 1000), job(8, 0, 505)};
  const auto greedy = result_of(jobs, ServicePolicy::kSrsf, OverheadRules::kPublished);
  const auto set = result_of(jobs, ServicePolicy::kMillwright, OverheadRules::kPublished);
  EXPECT_LT(set.jct_average_s, greedy.jct_average_s);
}

TEST(QueueingExperiment, EveryJobEndsWhateverThePolicy) {
  std::vector<TraceTrainingJob> jobs;
  for (int i = 0; i < 60; ++i) jobs.push_back(job(1U << (i % 4), i * 50, 100 + 37 * (i * 7 % 60)));
  for (const std::string_view name : EnumNames<ServicePolicy>::value) {
    for (const OverheadRules rules : {OverheadRules::kPublished, OverheadRules::kTrue}) {
      const auto result = result_of(jobs, *enum_from_name<ServicePolicy>(name), rules);
      EXPECT_EQ(result.jobs, jobs.size()) << name;
    }
  }
}

/// The published rules once more, plainly: floating point, one node, no classes.
double naive_average(const std::vector<TraceTrainingJob>& jobs, bool by_service) {
  struct Left {
    double remaining;
    double width;
    double submitted;
    double overhead;
  };
  std::vector<Left> waiting;
  std::vector<Left> active;
  for (const TraceTrainingJob& j : jobs) {
    waiting.push_back({static_cast<double>(j.iterations) * 1.015, double(j.accelerators),
                       static_cast<double>(j.submitted.count()) / 1e9,
                       static_cast<double>(start_overhead(j.model, j.accelerators).count()) / 1e9});
  }
  double now = 0;
  double sum = 0;
  std::size_t running = 0;  // the first of `active`
  while (!waiting.empty() || !active.empty()) {
    double next = waiting.empty() ? 1e18 : waiting.front().submitted;
    std::size_t ends = active.size();
    for (std::size_t i = 0; i < running; ++i) {
      if (now + active[i].remaining >= next) continue;
      next = now + active[i].remaining;
      ends = i;
    }
    for (std::size_t i = 0; i < running; ++i) {
      if (i != ends) active[i].remaining -= std::max(next - now - active[i].overhead, 0.0);
    }
    now = next;
    if (ends < active.size()) {
      sum += now - active[ends].submitted;
      active.erase(active.begin() + static_cast<std::ptrdiff_t>(ends));
    } else {
      active.push_back(waiting.front());
      waiting.erase(waiting.begin());
    }
    const auto key = [&](const Left& j) {
      return by_service ? j.remaining * j.width : j.remaining;
    };
    std::stable_sort(active.begin(), active.end(),
                     [&](const Left& a, const Left& b) { return key(a) < key(b); });
    double room = 8;
    running = static_cast<std::size_t>(std::stable_partition(active.begin(), active.end(),
                                                             [&](const Left& j) {
                                                               if (j.width > room) return false;
                                                               room -= j.width;
                                                               return true;
                                                             }) -
                                       active.begin());
  }
  return sum / static_cast<double>(jobs.size());
}

TEST(QueueingExperiment, AgreesWithANaiveReckoning) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    std::vector<TraceTrainingJob> jobs;
    std::int64_t at = 0;
    for (int i = 0; i < 25; ++i) {
      at += random.between(1, 400);
      // Lengths that cannot tie, whatever the width.
      jobs.push_back(job(1U << random.below(4), at, random.between(1, 90) * 100 + i,
                         random.chance(1, 2) ? "a2c" : "vgg16"));
    }
    ASSERT_NEAR(result_of(jobs, ServicePolicy::kSrtf, OverheadRules::kPublished).jct_average_s,
                naive_average(jobs, false), 1e-3)
        << "seed " << seed;
    ASSERT_NEAR(result_of(jobs, ServicePolicy::kSrsf, OverheadRules::kPublished).jct_average_s,
                naive_average(jobs, true), 1e-3)
        << "seed " << seed;
  }
}

TEST(QueueingExperiment, RefusesAJobLargerThanTheCluster) {
  const auto result = run_queueing({job(1, 0, 1), job(65, 0, 1)}, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message,
            "job 2 of the trace asks for 65 accelerators; the cluster has 8 nodes of 8");
}

TEST(QueueingCluster, WideJobsTakeIdleNodesAndOneMoreForTheRest) {
  QueueingCluster cluster(4, 8);
  EXPECT_EQ(cluster.place(3), (NodePieces{{0, 3}}));
  EXPECT_EQ(cluster.place(12), (NodePieces{{1, 8}, {2, 4}}));
  EXPECT_EQ(cluster.place(5), (NodePieces{{0, 5}}));
  EXPECT_EQ(cluster.place(12), std::nullopt);
  EXPECT_EQ(cluster.place(4), (NodePieces{{2, 4}}));
  EXPECT_EQ(cluster.place(8), (NodePieces{{3, 8}}));
  EXPECT_EQ(cluster.place(1), std::nullopt);
}

TEST(StartOverhead, GrowsWithWidth) {
  EXPECT_EQ(start_overhead("a2c", 1), seconds(38));
  EXPECT_EQ(start_overhead("a2c", 2), seconds(39));
  EXPECT_EQ(start_overhead("vgg19", 16), seconds(10));
  EXPECT_EQ(start_overhead("vgg16", 3), seconds(8));
  EXPECT_EQ(start_overhead("dqn", 512), seconds(8));
}

}  // namespace
}  // namespace mw
