#include "twin/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "twin/run_report_test_support.h"

namespace mw {
namespace {

using testing::Contains;
using testing::HasSubstr;

using Seeds = std::vector<std::uint64_t>;
using Values = std::vector<double>;

TEST(DifferenceOf, PairsOfTheSameSeedsSeeASmallDifference) {
  // Between seeds the figure varies by tens; each seed alone shifts by about one.
  const Values first = {10, 50, 90, 30};
  const Values second = {11.1, 50.9, 91, 31};
  const Seeds seeds = {1, 2, 3, 4};
  const Difference paired = difference_of(first, seeds, second, seeds);
  EXPECT_TRUE(paired.paired);
  EXPECT_NEAR(paired.difference, 1.0, 1e-12);
  EXPECT_NEAR(paired.percent, 100.0 / 45, 1e-9);
  // Deviation of {1.1, 0.9, 1, 1} is 0.0816; times t(3) = 3.182 over sqrt(4).
  EXPECT_NEAR(paired.interval, 3.182 * 0.08164966 / 2, 1e-6);
  EXPECT_EQ(paired.verdict, Verdict::kBeyond);
  // The order of the seeds does not matter.
  const Difference turned =
      difference_of(first, seeds, Values{31, 91, 50.9, 11.1}, Seeds{4, 3, 2, 1});
  EXPECT_EQ(turned.verdict, Verdict::kBeyond);
  EXPECT_NEAR(turned.interval, paired.interval, 1e-12);
  // With other seeds, the same figures say nothing.
  const Difference apart = difference_of(first, seeds, second, Seeds{5, 6, 7, 8});
  EXPECT_FALSE(apart.paired);
  EXPECT_EQ(apart.verdict, Verdict::kWithin);
  EXPECT_NEAR(apart.difference, 1.0, 1e-12);
}

TEST(DifferenceOf, WelchsTestForOtherSeeds) {
  // Variances 2.5 and 10 of five each: degrees = 12.5^2 / (2.5^2 / 4 + 10^2 / 4) = 5.88.
  const Difference found = difference_of(Values{1, 2, 3, 4, 5}, Seeds{1, 2, 3, 4, 5},
                                         Values{12, 14, 16, 18, 20}, Seeds{6, 7, 8, 9, 10});
  EXPECT_NEAR(found.difference, 13, 1e-12);
  EXPECT_NEAR(found.interval, 2.571 * std::sqrt(2.5 / 5 + 10.0 / 5), 1e-6);
  EXPECT_EQ(found.verdict, Verdict::kBeyond);
}

TEST(DifferenceOf, OneRunHasNoSpread) {
  const Difference found = difference_of(Values{4}, Seeds{1}, Values{5}, Seeds{1});
  EXPECT_EQ(found.verdict, Verdict::kUnknown);
  EXPECT_EQ(found.difference, 1);
  EXPECT_EQ(found.percent, 25);
}

TEST(DifferenceOf, TheSameRunsDoNotDiffer) {
  const Values values = {1.1, 2.2, 3.3};
  const Seeds seeds = {1, 2, 3};
  EXPECT_EQ(difference_of(values, seeds, values, seeds).verdict, Verdict::kWithin);
  const Values constant = {2, 2, 2};
  EXPECT_EQ(difference_of(constant, seeds, Values{3, 3, 3}, seeds).verdict, Verdict::kBeyond);
}

/// Of differences that are chance alone, about one in twenty is called beyond.
TEST(DifferenceOf, IsRarelyFooledByChance) {
  constexpr std::uint64_t kSeed = 20'261'125;
  constexpr int kTrials = 4'000;
  Random random(kSeed);
  const auto normal = [&] {  // the sum of twelve uniform numbers
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random.below(1U << 30U)) / (1U << 30U);
    return sum;
  };
  for (const bool paired : {true, false}) {
    int beyond = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      Values first;
      Values second;
      for (int i = 0; i < 6; ++i) {
        first.push_back(100 + normal());
        second.push_back(100 + normal());
      }
      const Seeds seeds = {1, 2, 3, 4, 5, 6};
      const Seeds others = {7, 8, 9, 10, 11, 12};
      const auto found = difference_of(first, seeds, second, paired ? seeds : others);
      beyond += found.verdict == Verdict::kBeyond ? 1 : 0;
    }
    EXPECT_NEAR(100.0 * beyond / kTrials, 5, 1.5) << "paired " << paired << ", seed " << kSeed;
  }
}

TEST(StudentT, NeverLessThanTheTrueQuantile) {
  EXPECT_EQ(student_t(1), 12.706);
  EXPECT_EQ(student_t(10), 2.228);
  EXPECT_EQ(student_t(11.5), 2.228);
  EXPECT_EQ(student_t(1e9), 1.984);
  double last = 1e9;
  for (double degrees = 1; degrees < 200; degrees += 0.5) {
    EXPECT_LE(student_t(degrees), last);
    EXPECT_GT(student_t(degrees), 1.96);
    last = student_t(degrees);
  }
}

const ComparedFigure& figure(const Comparison& comparison, const std::string& key) {
  const auto found = std::find_if(comparison.figures.begin(), comparison.figures.end(),
                                  [&](const ComparedFigure& one) { return one.key == key; });
  EXPECT_NE(found, comparison.figures.end()) << key;
  return *found;
}

TEST(CompareRuns, MeansAndDifferences) {
  RunGroup few{"few", {}};
  RunGroup many{"many", {}};
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    few.runs.push_back(sample_report(seed, {.load = 0.7}));
    many.runs.push_back(sample_report(seed, {.load = 1.05}));
  }
  const RunGroup groups[] = {few, many};
  const auto comparison = compare_runs(groups);
  ASSERT_TRUE(comparison.ok());
  EXPECT_THAT(comparison->notes, testing::IsEmpty());
  const ComparedFigure& used = figure(*comparison, "utilisation_percent");
  double mean = 0;
  for (const RunReport& run : few.runs) mean += run.utilisation_percent / 3;
  EXPECT_NEAR(used.groups[0].mean, mean, 1e-9);
  EXPECT_GT(used.groups[0].deviation, 0);
  ASSERT_EQ(used.differences.size(), 1U);
  EXPECT_GT(used.differences[0].difference, 10);
  EXPECT_TRUE(used.differences[0].paired);
  EXPECT_EQ(used.differences[0].verdict, Verdict::kBeyond);
  const ComparedFigure& wait = figure(*comparison, "wait_p90_s");
  EXPECT_NEAR(wait.groups[1].mean,
              (many.runs[0].waits[0].quantiles[7] + many.runs[1].waits[0].quantiles[7] +
               many.runs[2].waits[0].quantiles[7]) /
                  3,
              1e-6);
  const ComparedRuns& runs = comparison->groups[0];
  ASSERT_EQ(runs.utilisation_percent.size(), 400U);
  double over_time = 0;
  for (const double value : runs.utilisation_percent) over_time += value / 400;
  EXPECT_NEAR(over_time, mean, 0.01);  // the curve says what the figure says
  double shares = 0;
  for (const LedgerLine& line : runs.ledger) shares += line.percent;
  EXPECT_NEAR(shares, 100, 1e-6);
  EXPECT_EQ(runs.seeds, (Seeds{1, 2, 3}));
}

TEST(CompareRuns, SaysWhatMakesItWeak) {
  const RunGroup groups[] = {
      {"whole", {sample_report(1)}},
      {"stopped", {sample_report(1, {.intervals = 100, .days_of = 0.25}), sample_report(2)}},
      {"mixed", {sample_report(1), sample_report(2, {.policy = "fifo"})}}};
  const auto comparison = compare_runs(groups);
  ASSERT_TRUE(comparison.ok());
  EXPECT_THAT(comparison->notes, Contains(HasSubstr("stopped: 1 of 2 runs stopped")));
  EXPECT_THAT(comparison->notes, Contains(HasSubstr("mixed: the runs are not of one setup")));
  EXPECT_THAT(comparison->notes, Contains(HasSubstr("a single run has no spread")));
  EXPECT_EQ(comparison->groups[1].time_h.size(), 100U);  // as far as all of them go
  const RunGroup alone[] = {{"one", {sample_report(1)}}};
  EXPECT_THAT(compare_runs(alone).error().message, HasSubstr("at least two"));
}

TEST(CompareRuns, RunsThatLackAFigureDoNotCountForIt) {
  RunReport idle = sample_report(2);
  idle.waits.clear();
  const RunGroup groups[] = {{"a", {sample_report(1), idle}}, {"b", {idle}}};
  const auto comparison = compare_runs(groups);
  ASSERT_TRUE(comparison.ok());
  const ComparedFigure& wait = figure(*comparison, "wait_mean_s");
  EXPECT_EQ(wait.groups[0].count, 1U);
  EXPECT_EQ(wait.groups[1].count, 0U);
  EXPECT_EQ(wait.differences[0].verdict, Verdict::kUnknown);
}

}  // namespace
}  // namespace mw
