// What `mw experiment` asks for and gets. The experiments themselves run in the twin, which the
// command line may not know: they come in by hooks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace mw {

struct Cli;

struct PackingRequest {
  std::string nodes;                  ///< path of the list of nodes
  std::string pods;                   ///< path of the list of pods
  std::vector<std::string> policies;  ///< empty: all
  std::uint64_t first_seed = 42;
  std::uint64_t last_seed = 51;
  std::vector<std::int64_t> arrived;  ///< percents to show
};

struct QueueingRequest {
  std::string trace;                  ///< path of the list of jobs
  std::vector<std::string> policies;  ///< empty: all
  std::string rules = "published";
  std::uint32_t nodes = 8;
  std::uint32_t accelerators_per_node = 8;
};

struct FaultsRequest {
  std::string trace;                    ///< path of a fault trace; empty: the scenario
  std::string scenario;                 ///< a file, or the name of a built-in one
  std::vector<std::string> automation;  ///< empty: all
  std::uint32_t nodes = 0;              ///< 0: as many as the trace watched
  std::uint32_t gang = 256;
  std::int64_t days = 0;  ///< 0: as long as the trace
  std::int64_t checkpoint_cost_ms = 2'000;
  std::int64_t checkpoint_interval_ms = 0;  ///< 0: the best one
  std::int64_t person_ms = 3'600'000;
  std::int64_t start_up_ms = 0;  ///< 0: as the scenario says
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 1;
};

/// A table for people and the same figures as JSON.
struct ExperimentReport {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;
  std::string json;
};

/// Told now and then what is being done; replaced by the next.
using ExperimentProgress = std::function<void(const std::string&)>;

struct ExperimentHooks {
  std::vector<std::string> packing_policies;
  std::vector<std::string> queueing_policies;
  std::vector<std::string> automations;
  std::function<Result<ExperimentReport>(const PackingRequest&, const ExperimentProgress&)> packing;
  std::function<Result<ExperimentReport>(const QueueingRequest&, const ExperimentProgress&)>
      queueing;
  std::function<Result<ExperimentReport>(const FaultsRequest&, const ExperimentProgress&)> faults;
};

/// Prints the table, or the JSON; the exit code.
int show_experiment(const Cli& cli, const Result<ExperimentReport>& report);
/// One line of standard error, where somebody looks at it.
ExperimentProgress experiment_progress(const Cli& cli);
void add_faults_experiment(CLI::App& group, Cli& cli);

/// "42..51" or "42". `option`: where it stood.  Errors: kInvalid, saying what was found and what is
/// allowed.
Result<std::pair<std::uint64_t, std::uint64_t>> parse_seeds(const std::string& text,
                                                            const std::string& option = "--seeds");

}  // namespace mw
