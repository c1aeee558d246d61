// What a change would do: the same futures of the live state with the change and without it.
// Whatever is not changed is the same in both (run times, what people submit), so a small
// difference can be told from chance: a difference is called beyond the spread when its mean over
// the futures is more than twice its standard error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"
#include "base/result.h"
#include "model/fleet_spec.h"
#include "model/input.h"
#include "twin/forecast.h"

namespace mw {

/// The nodes of a site are to draw no more than this, all together.
struct Curtailment {
  std::string site;
  Watts limit;
};

/// What is tried, all of it at once.
struct WhatIfChange {
  std::vector<InputBody> inputs;  ///< drains, a policy, jobs
  std::optional<FleetSpec> add;   ///< nodes that join
  std::optional<Curtailment> curtail;
};

/// A figure in both kinds of futures: mean and deviation of the sample over them.
struct WhatIfFigure {
  std::string name;  ///< "wait_mean_s"
  double base_mean = 0;
  double base_deviation = 0;
  double changed_mean = 0;
  double changed_deviation = 0;
  double difference_mean = 0;
  double difference_deviation = 0;
  bool beyond_spread = false;
  MW_FIELDS(name, base_mean, base_deviation, changed_mean, changed_deviation, difference_mean,
            difference_deviation, beyond_spread)
};

/// A job that waits now, and its median start in both.
struct MovedJob {
  JobId job;
  std::string name;
  std::optional<Instant> base;  ///< none: in most futures it does not start within the horizon
  std::optional<Instant> changed;
  Duration later;  ///< negative: sooner
  MW_FIELDS(job, name, base, changed, later)
};

/// A job that the change submits.
struct AddedJob {
  std::string name;
  PossibleStarts starts;
};

struct WhatIfReport {
  std::uint32_t futures = 0;
  Duration horizon;
  Duration arrivals_past;  ///< see RecentArrivals::past()
  std::vector<WhatIfFigure> figures;
  std::vector<MovedJob> moved;  ///< the farthest first
  std::vector<AddedJob> added;
  std::vector<std::string> notes;  ///< what the change was made of, for people
};

/// Errors: kInvalid, kNotFound, kConflict: the change cannot be made, in the words of whoever
///         refuses it; kTimeout when options.stop was set.
Result<WhatIfReport> what_if(const Present& present, const WhatIfChange& change,
                             const ForecastOptions& options);

/// The state after `inputs` at state.now.  Errors: the first refusal.
Result<State> after_inputs(const State& state, const std::vector<InputBody>& inputs);

/// The state with the fleet's nodes in it, ready. Where every node there is was declared by a fleet
/// file they come with their fabric and power; otherwise each stands by itself.
/// Errors: kConflict: a site or a node of that name is there.
Result<State> with_fleet(const State& state, const FleetSpec& fleet);

/// The drains and requeues after which the site's nodes cannot draw more than the limit, however
/// busy those are that are left: first idle nodes, then those whose jobs lose least.
/// Errors: kNotFound: no such site; kInvalid: idle nodes alone draw more, or nothing is known of
///         what they draw.
Result<std::vector<InputBody>> curtail(const State& state, const Curtailment& curtailment,
                                       std::vector<std::string>& notes);

}  // namespace mw
