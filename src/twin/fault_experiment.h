// What faults cost one large training job, by how much is done about them without people. The very
// same faults strike a fleet on which one gang runs beside filler that may be stopped for it:
//
//   none      nobody notices before a person does, who takes the node out, and puts it back later;
//             the gang then starts again by itself
//   restart   a task that fails starts the gang again, where it was if the node still answers;
//             nodes are taken out and put back by a person, as above
//   full      the fault policy acts; its hooks are simulated, people do what it leaves to them
//
// Repairs take as long as the faults say, whatever is done; nothing mends a node earlier.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "model/fault_policy.h"
#include "model/policy.h"
#include "model/scenario.h"
#include "twin/fault_source.h"
#include "twin/time_split.h"

namespace mw {

enum class Automation : std::uint8_t { kNone, kRestart, kFull };
template <>
struct EnumNames<Automation> {
  static constexpr std::array<std::string_view, 3> value = {"none", "restart", "full"};
};

struct FaultExperimentOptions {
  std::uint32_t nodes = 400;  ///< of 8 accelerators
  std::uint32_t gang = 256;   ///< of them; the others have filler
  Duration length;
  Automation automation = Automation::kFull;
  Policy policy;
  FaultPolicy fault_policy;  ///< for kFull; actions without a program get a simulated one
  Physics physics;
  Duration checkpoint_cost;
  Duration checkpoint_interval;  ///< 0: the best for the rate of the faults (Daly)
  std::uint64_t seed = 1;
};

struct FaultExperimentResult {
  TimeParts parts;
  Duration elapsed;
  Duration checkpoint_interval;
  std::uint64_t faults = 0;         ///< of nodes, while the gang was there
  std::uint64_t interruptions = 0;  ///< of the gang
  std::uint64_t manual = 0;         ///< decisions of people that work waited for
  std::uint64_t put_back = 0;       ///< nodes that people put back into service after a repair
  [[nodiscard]] double ettr() const {
    return elapsed.count() == 0 ? 0
                                : static_cast<double>(parts.productive.count()) /
                                      static_cast<double>(elapsed.count());
  }
};

/// All of the source's faults, told as its codes say; nodes with one answer, and nothing works
/// there. The length bounds sources that have no end.
std::vector<NodeFault> told_faults(FaultSource& source, Duration length);

/// REQUIRES: 0 < gang <= nodes, length > 0; `faults` by time.
/// Errors: kInvalid: the policy cannot be used.
Result<FaultExperimentResult> run_fault_experiment(
    const FaultExperimentOptions& options, const std::vector<NodeFault>& faults,
    const std::function<void(double done)>& progress = {});

/// The fleet of the experiment: racks of 4, leaves of 32, one pod.
FleetSpec fault_experiment_fleet(std::uint32_t nodes);

}  // namespace mw
