// When one job starts, and what would make it start sooner: a few changes to what it asks for, each
// tried in the same futures as if the job were submitted anew so. Only changes that help are told.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/job.h"
#include "twin/forecast.h"

namespace mw {

/// One change, and what comes of it.
struct SoonerChange {
  std::string key;   ///< of the job file, such as "priority_class"
  std::string text;  ///< for people: "priority class high"
  JobSpec spec;      ///< what would be submitted
  PossibleStarts starts{};
  Duration sooner{};  ///< the median over the futures in which both start
};

struct StartForecast {
  JobId job;  ///< in the futures
  PossibleStarts starts;
  std::vector<SoonerChange> sooner;  ///< that help, the best first
  Duration arrivals_past;            ///< see RecentArrivals::past()
};

/// What could be asked for instead; whether it helps is not known here.
std::vector<SoonerChange> changes_of(const Present& present, const JobSpec& spec);

/// Of a job that waits.  REQUIRES: present.state has it, and it is pending.
/// Errors: kTimeout when `options.stop` was set.
Result<StartForecast> forecast_start(const Present& present, JobId job,
                                     const ForecastOptions& options);

/// Of a job that is not submitted. Of an array, its first element.
/// Errors: what submitting it would be refused with; kTimeout as above.
Result<StartForecast> forecast_start(const Present& present, const JobSpec& spec,
                                     const ForecastOptions& options);

}  // namespace mw
