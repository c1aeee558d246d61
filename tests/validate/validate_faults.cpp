// What faults cost a large gang when nobody has to do anything: the bars of `mw experiment faults`,
// at published rates and, when it is given, in a real trace. docs/validation.md says what a
// checkpoint costs there, and why.
#include <algorithm>
#include <cmath>

#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"
#include "codec/policy_file.h"
#include "codec/scenario_file.h"
#include "twin/fault_experiment.h"
#include "twin/faults.h"
#include "validate.h"

namespace mw::validate {
namespace {

constexpr Duration kCheckpointCost = seconds(2);
/// Of 419 faults.
constexpr double kManualMost = 3;

template <class T>
T value_of(Result<T> result) {
  if (!result) give_up(result.error().message);
  return std::move(*result);
}

FaultExperimentOptions options_for(const Scenario& scenario, std::uint32_t nodes,
                                   std::uint32_t gang, Duration length) {
  FaultExperimentOptions options;
  options.nodes = nodes;
  options.gang = gang;
  options.length = length;
  options.physics = scenario.physics;
  options.physics.person = hours(1);
  options.checkpoint_cost = kCheckpointCost;
  options.policy =
      value_of(parse_policy_file(find_embedded(kEmbeddedPolicies, "default")->text, "default"));
  options.fault_policy = value_of(
      parse_fault_policy(find_embedded(kEmbeddedFaultPolicies, "default")->text, "default"));
  return options;
}

/// `bar`: the least ETTR, in percent.
void run(Checks& checks, const std::string& setting, const Scenario& scenario,
         FaultExperimentOptions options, double bar) {
  Topology topology;
  topology.declare(fault_experiment_fleet(options.nodes));
  auto source = value_of(open_faults(scenario.faults, topology, options.seed, options.length));
  const auto result = value_of(run_fault_experiment(options, told_faults(*source, options.length)));
  const double ettr = 100 * result.ettr();
  checks.push_back({"faults", setting, "ETTR", "%", ettr, bar, -1});
  checks.push_back(
      {"faults", setting, "ETTR short of the bar", "%", std::max(0.0, bar - ettr), 0, 0});
  const double allowed =
      std::max(kManualMost, std::floor(kManualMost * static_cast<double>(result.faults) / 419));
  checks.push_back({"faults", setting, "manual actions", "", static_cast<double>(result.manual),
                    allowed, -1, std::to_string(result.faults) + " faults"});
  checks.push_back({"faults", setting, "manual over the bar", "",
                    std::max(0.0, static_cast<double>(result.manual) - allowed), 0, 0});
}

}  // namespace

void check_faults(Checks& checks, const std::string& trace, bool quick) {
  const Scenario rates = value_of(load_scenario("llama3-16k"));
  // As many days as have some 400 interruptions.
  run(checks, "9,600 accelerators", rates,
      options_for(rates, 1236, 1200, hours(24 * (quick ? 30 : 90))), 98);
  if (!quick) {
    run(checks, "16,384 accelerators", rates, options_for(rates, 2110, 2048, hours(24 * 54)), 97);
  }
  if (trace.empty()) return;
  Scenario replayed = value_of(load_scenario(trace));
  if (!replayed.faults.replay) give_up(trace + " is no fault trace");
  replayed.faults.replay->codes = true;
  const auto read = value_of(read_fault_trace(replayed.faults.replay->file));
  run(checks, "the trace, 400 nodes", replayed,
      options_for(replayed, replayed.faults.replay->nodes, 256, read.length), 98);
}

}  // namespace mw::validate
