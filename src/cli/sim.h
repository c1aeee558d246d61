// What `mw sim` and the commands below it ask for and get. Simulations run in the twin, which the
// command line may not know: they come in by hooks, and their figures as JSON
// (src/twin/run_report.h and src/twin/compare.h say what each is).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace mw {

struct SimCompareRequest {
  std::vector<std::string> runs;  ///< folders or summary.json files, two or more
  std::string out;                ///< folder of compare.html; empty: none is written
};

struct SimHooks {
  /// A Comparison as JSON.
  std::function<Result<std::string>(const SimCompareRequest&)> compare;
};

}  // namespace mw
