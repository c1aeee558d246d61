// What `mw sim` and the commands below it ask for and get. Simulations run in the twin, which the
// command line may not know: they come in by hooks, and their figures as JSON
// (src/twin/run_report.h and src/twin/compare.h say what each is).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/fault_policy.h"
#include "model/fleet_spec.h"
#include "model/policy.h"

namespace mw {

struct SimCompareRequest {
  std::vector<std::string> runs;  ///< folders or summary.json files, two or more
  std::string out;                ///< folder of compare.html; empty: none is written
};

struct SimRunRequest {
  FleetSpec fleet;
  Policy policy;
  std::optional<FaultPolicy> fault_policy{};  ///< none: faults are noted, and nothing is done
  std::string workload;                       ///< a name, a path or FORM:PATH
  std::string scenario = "default";
  std::int64_t days = 0;  ///< 0: as long as the workload, and until all has ended
  std::uint64_t seed = 1;
  std::string out;               ///< folder of the report and the tables; empty: none
  std::string accelerator_type;  ///< for jobs of traces; empty: any
  std::uint32_t accelerators_per_node = 0;
};
/// Told how far a run is: its simulated days, and its part of the whole; not known: below 0.
using SimProgress = std::function<void(double days, double part)>;

struct SimHooks {
  /// A RunReport as JSON; of what was run by then when `stop` is set meanwhile. `note`: what was
  /// left out of a trace, a sentence each.
  std::function<Result<std::string>(const SimRunRequest&, const SimProgress& progress,
                                    const std::function<void(const std::string&)>& note,
                                    const std::atomic<bool>& stop)>
      run;
  /// A Comparison as JSON.
  std::function<Result<std::string>(const SimCompareRequest&)> compare;
};

}  // namespace mw
