// Workload files: YAML (and so JSON) in, a validated model of a workload out, from which the twin
// draws jobs: when they come, how large they are, how long they run, whose they are and how they
// end. This is the only place where such a file is judged: what comes out can be drawn from as it
// is. docs/workloads.md describes each key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"

namespace mw {

/// ln(length) is normal: half of them are shorter than `median`, and one standard deviation of the
/// logarithm is `sigma`.
struct LognormalPart {
  std::int64_t weight = kWeightOne;
  Duration median;
  std::int64_t sigma_milli = 0;
  bool operator==(const LognormalPart&) const = default;
  MW_FIELDS(weight, median, sigma_milli)

  static constexpr std::int64_t kWeightOne = 1'000'000;  ///< weights are in millionths
};

/// So many of a hundred thousand lengths are at most `length`.
struct QuantilePoint {
  std::int64_t at = 0;  ///< thousandths of a percent
  Duration length;
  bool operator==(const QuantilePoint&) const = default;
  MW_FIELDS(at, length)
};

/// Either a mixture of lognormal parts, cut at `min` and `max`, or quantiles from 0 % to 100 % with
/// the logarithm straight between them.
struct DurationModel {
  std::vector<LognormalPart> lognormal;
  Duration min = seconds(1);
  Duration max = hours(24 * 30);
  std::vector<QuantilePoint> quantiles;
  bool operator==(const DurationModel&) const = default;
  MW_FIELDS(lognormal, min, max, quantiles)
};

/// How jobs of one size are.
struct SizeClass {
  std::uint32_t accelerators = 1;
  std::int64_t weight = LognormalPart::kWeightOne;  ///< of all jobs, in millionths
  DurationModel durations;
  std::int64_t failed = 0;     ///< share of the jobs that fail, in thousandths of a percent
  std::int64_t cancelled = 0;  ///< the same of those that are taken back
  Duration checkpoint_interval;
  Duration checkpoint_cost;
  bool operator==(const SizeClass&) const = default;
  MW_FIELDS(accelerators, weight, durations, failed, cancelled, checkpoint_interval,
            checkpoint_cost)
};

struct NamedWeight {
  std::string name;
  std::int64_t weight = 0;  ///< in millionths
  bool operator==(const NamedWeight&) const = default;
  MW_FIELDS(name, weight)
};

struct WorkloadModel {
  std::string name;
  std::int64_t days = 30;
  /// How often jobs come: so many in `days`, or, when that is 0, so that all together ask for this
  /// share of the fleet's accelerator-time, in thousandths.
  std::int64_t jobs = 0;
  std::int64_t load_milli = 0;
  /// How much more often in one hour than in another: of the day (24) or of the week (168),
  /// beginning with the simulation; in millionths, never all 0. One value: always alike.
  std::vector<std::int64_t> hours{LognormalPart::kWeightOne};
  std::vector<SizeClass> sizes;      ///< ascending, at least one
  std::vector<NamedWeight> tenants;  ///< empty: the tenant `default`
  std::vector<NamedWeight> classes;  ///< priority classes; empty: the policy's default
  std::int64_t limits_known = 0;     ///< share of jobs with a time limit, thousandths of a percent
  /// Such a limit is uniform between what the job takes and so many thousandths more of that.
  std::int64_t limits_over_milli = 1000;
  bool operator==(const WorkloadModel&) const = default;
  MW_FIELDS(name, days, jobs, load_milli, hours, sizes, tenants, classes, limits_known,
            limits_over_milli)
};

/// Reads one workload file. `source_name`: for messages; empty: only line and column.
/// Errors: kTooLarge for more than kWorkloadFileBytesMax; kInvalid with one line a problem, each
///         `FILE:LINE:COLUMN: key: expected ..., found ...`.
Result<WorkloadModel> parse_workload_file(std::string_view text, std::string_view source_name);

/// The workload file (YAML) that gives `model` back. `comment`: lines to begin with, without '#'.
/// REQUIRES: it came out of parse_workload_file(), or keeps what that promises.
std::string write_workload_file(const WorkloadModel& model, std::string_view comment = {});

// Bounds of what a file may say; the messages and docs/workloads.md name them.
inline constexpr std::size_t kWorkloadFileBytesMax = std::size_t{1} << 20;
inline constexpr std::int64_t kWorkloadDaysMax = 3'650;
inline constexpr std::int64_t kWorkloadJobsMax = 1'000'000'000;
inline constexpr std::int64_t kWorkloadLoadMax = 100;  ///< times the fleet
inline constexpr std::size_t kWorkloadSizesMax = 1'000;
inline constexpr std::int64_t kWorkloadAcceleratorsMax = 1'000'000;
inline constexpr std::int64_t kWorkloadWeightMax = 1'000'000;
inline constexpr std::size_t kWorkloadPartsMax = 100;
inline constexpr std::int64_t kWorkloadSigmaMax = 5;  ///< e^5: the wildest traces have under 3
inline constexpr Duration kWorkloadLengthMax = hours(24 * 3650);
/// 100 %, in the unit of shares and of quantiles.
inline constexpr std::int64_t kWholeShare = 100'000;

}  // namespace mw
