// Runs side by side: what differs between two setups, and whether that is more than chance. A
// setup is one run, or several of the same with different seeds. Runs that were given the same
// seeds met the same jobs and faults (common random numbers), so they are compared pair by pair,
// which sees far smaller differences than comparing two means; otherwise Welch's test is used.
// "Beyond" says that the difference is larger than its 95 % confidence interval.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "twin/run_report.h"

namespace mw {

/// One setup: its runs, one a seed.
struct RunGroup {
  std::string name;  ///< as it was given
  std::vector<RunReport> runs;
};

enum class Unit : std::uint8_t { kPercent, kSeconds, kRatio, kCount, kHours, kMwh, kUsd, kTonnes };
template <>
struct EnumNames<Unit> {
  static constexpr std::array<std::string_view, 8> value = {
      "percent", "seconds", "ratio", "count", "hours", "mwh", "usd", "tonnes"};
};

enum class Better : std::uint8_t { kHigher, kLower, kNeither };
template <>
struct EnumNames<Better> {
  static constexpr std::array<std::string_view, 3> value = {"higher", "lower", "neither"};
};

/// What a difference is against the spread over seeds.
enum class Verdict : std::uint8_t {
  kUnknown,  ///< fewer than two seeds on a side: there is no spread to compare with
  kWithin,
  kBeyond,
};
template <>
struct EnumNames<Verdict> {
  static constexpr std::array<std::string_view, 3> value = {"unknown", "within", "beyond"};
};

/// A figure over the seeds of a group.
struct SeedSpread {
  std::uint64_t count = 0;  ///< runs that have the figure
  double mean = 0;
  double deviation = 0;  ///< of the sample; 0 for one run
  MW_FIELDS(count, mean, deviation)
};

/// How a group's figure differs from the first group's.
struct Difference {
  double difference = 0;
  double percent = 0;   ///< of the first group's mean; 0 when that is 0
  double interval = 0;  ///< half the width of the 95 % confidence interval; 0 when unknown
  bool paired = false;
  Verdict verdict = Verdict::kUnknown;
  MW_FIELDS(difference, percent, interval, paired, verdict)
};

struct ComparedFigure {
  std::string key;
  std::string title;
  Unit unit = Unit::kCount;
  Better better = Better::kNeither;
  std::vector<SeedSpread> groups{};
  std::vector<Difference> differences{};  ///< of the groups after the first
  MW_FIELDS(key, title, unit, better, groups, differences)
};

/// What a group's charts are drawn from: means over its seeds.
struct ComparedRuns {
  std::string name;
  std::string setup;  ///< in one line
  std::vector<std::uint64_t> seeds{};
  std::uint64_t stopped = 0;  ///< runs that were stopped before their end
  std::vector<double> time_h{};
  std::vector<double> utilisation_percent{};
  std::vector<double> jobs_waiting{};
  std::vector<double> fragmentation_percent{};
  std::vector<double> power_mw{};
  std::vector<double> wait_quantiles{};  ///< at kQuantiles, of all jobs
  std::vector<double> slowdown_quantiles{};
  std::vector<double> turnaround_quantiles{};
  std::vector<LedgerLine> ledger{};
  MW_FIELDS(name, setup, seeds, stopped, time_h, utilisation_percent, jobs_waiting,
            fragmentation_percent, power_mw, wait_quantiles, slowdown_quantiles,
            turnaround_quantiles, ledger)
};

struct Comparison {
  std::vector<double> quantiles;  ///< kQuantiles
  std::vector<ComparedRuns> groups;
  std::vector<ComparedFigure> figures;
  std::vector<std::string> notes;  ///< what makes the comparison weaker than it looks
  MW_FIELDS(quantiles, groups, figures, notes)
};

/// Reads what is at `path`: a summary.json, a run's folder, or a folder of seed-*/ folders.
/// Errors: kNotFound, kUnavailable, kInvalid, naming the file and what was expected there.
Result<RunGroup> read_run_group(const std::string& path);

/// REQUIRES: no group is empty.  Errors: kInvalid for fewer than two groups.
Result<Comparison> compare_runs(std::span<const RunGroup> groups);

/// The comparison as one line of JSON.
std::string write_comparison(const Comparison& comparison);

/// How the two lists of one figure differ. The seeds decide whether they are pairs.
/// REQUIRES: as many seeds as values on each side; neither is empty.
Difference difference_of(std::span<const double> first, std::span<const std::uint64_t> first_seeds,
                         std::span<const double> second,
                         std::span<const std::uint64_t> second_seeds);

/// The 97.5 % quantile of Student's t. Between the rows of the table the smaller number of degrees
/// counts, which errs to the careful side.
/// REQUIRES: degrees >= 1.  Source: NIST/SEMATECH e-Handbook, 1.3.6.7.2.
double student_t(double degrees);

}  // namespace mw
