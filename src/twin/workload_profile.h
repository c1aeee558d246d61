// What a workload is, found by looking at all of its jobs once: how many of which size, how long,
// when, whose, how they end. `mw workload show` prints it, `mw workload fit` makes a model of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/workload_file.h"
#include "twin/workload.h"

namespace mw {

struct SizeProfile {
  std::vector<std::int64_t> lengths_ns;  ///< of the work of each job, ascending
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
  AcceleratorTime time;
  Duration checkpoint_interval;  ///< of the last one seen
  Duration checkpoint_cost;
};

struct TenantProfile {
  std::int64_t jobs = 0;
  AcceleratorTime time;
};

struct WorkloadProfile {
  std::int64_t jobs = 0;
  Instant first;
  Instant last;                                   ///< submission
  std::map<AcceleratorShare, SizeProfile> sizes;  ///< by the accelerators of the whole gang
  std::map<std::string, TenantProfile> tenants;
  std::map<std::string, std::int64_t> classes;
  std::vector<std::int64_t> hours;     ///< jobs submitted in each hour from 0 on
  std::vector<std::int64_t> gaps_ns;   ///< between two submissions, ascending
  std::int64_t limited = 0;            ///< jobs with a time limit
  std::int64_t limits_over_milli = 0;  ///< median of limit / work - 1, in thousandths
  AcceleratorTime time;                ///< productive time that all ask for

  /// From 0 to the end of the last hour in which a job came.
  [[nodiscard]] std::int64_t span_hours() const { return static_cast<std::int64_t>(hours.size()); }
};

/// Draws all of `source`.  Cost: 16 bytes a job.
WorkloadProfile profile_workload(WorkloadSource& source);

/// The value below which `thousandths` thousandths of a percent of `ascending` lie, interpolated;
/// 0 when it is empty.
std::int64_t quantile(const std::vector<std::int64_t>& ascending, std::int64_t thousandths);

/// A model whose jobs are like those of `profile`: its hours of the week (of the day, when it is
/// shorter than two weeks or has few jobs; none, when shorter than two days), its sizes and their
/// quantiles of length, tenants, classes, ends and time limits. What it does not keep is how jobs
/// depend on each other: bursts, users who submit again, seasons longer than a week.
/// Jobs without accelerators are left out; less than one counts as one.
/// Errors: kInvalid when nothing is left.
Result<WorkloadModel> fit_model(const WorkloadProfile& profile, const std::string& name);

}  // namespace mw
