// What a simulated fleet suffers: how fast jobs start and run there (Physics), and what breaks, how
// often, how widely and for how long. A scenario file says it (docs/scenarios.md); src/twin acts on
// it. Integers throughout, so that a scenario means the same on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "model/fault.h"
#include "model/fleet_spec.h"

namespace mw {

/// How long what is done to a node takes. Planning figures, of no measurement: a reset of an
/// accelerator with its driver, a boot of a large host with its memory tests, a burn-in, a ticket.
struct RemedyTimes {
  Duration reset_accelerator = minutes(2);
  Duration reboot = minutes(10);
  Duration validate = minutes(5);
  Duration return_to_vendor = minutes(1);
  bool operator==(const RemedyTimes&) const = default;
  MW_FIELDS(reset_accelerator, reboot, validate, return_to_vendor)
};

struct Physics {
  /// From the placement until the engine has every task running. Slurm and Kubernetes take seconds.
  Duration launch = seconds(5);
  /// From then until the job does what it has not done before: loading code, data and checkpoint.
  /// An assumption; Meta reports minutes for large jobs (arXiv 2410.21680, its u0).
  Duration start_up = seconds(60);
  /// From being asked to stop until its tasks have ended; never longer than the job's grace.
  Duration stop = seconds(5);
  /// From the failure of a node until its engine says so.
  Duration detection = seconds(30);
  /// Speed in thousandths by the level of the fabric that holds the whole gang, FabricLevel's
  /// order. An assumption: full-bisection fabrics lose little, sites are joined by less.
  std::array<std::int64_t, EnumNames<FabricLevel>::value.size()> topology_milli = {
      1000, 1000, 1000, 1000, 980, 950, 700};
  /// Of what an accelerator may draw in addition, thousandths that work really draws.
  /// Source: a DGX H100 under heavy load draws 76 % of its rating (arXiv 2412.08602).
  std::int64_t load_milli = 760;
  /// From a fault that has a code until somebody tells of it: `mw agent` looks every 15 s.
  Duration told = seconds(15);
  /// From when a person is called until that person has done it. An assumption.
  Duration person = hours(1);
  RemedyTimes remedies;
  bool operator==(const Physics&) const = default;
  MW_FIELDS(launch, start_up, stop, detection, topology_milli, load_milli, told, person, remedies)
};

enum class FaultEffect : std::uint8_t {
  kDown,  ///< the nodes do nothing until they are repaired; what ran there is gone
  kSlow,  ///< a silent one: what runs there runs at a part of its speed, and nobody is told
  kTask,  ///< a task on the node fails, as a software fault would; the node stays
  /// The nodes answer, but what runs there comes to a halt, and so does what is started there,
  /// until they are repaired: an accelerator that is gone, a link that is down.
  kBroken,
  kNone,  ///< a false alarm: it is told, and nothing is wrong
  /// Nothing can be started there, and what runs goes on: a file system that is not mounted, a
  /// daemon that refuses. Of a gang its engine does not know which node it was.
  kNoStart,
};
template <>
struct EnumNames<FaultEffect> {
  static constexpr std::array<std::string_view, 6> value = {"down",   "slow", "task",
                                                            "broken", "none", "no_start"};
};

/// What one fault takes with it: a node, or all nodes below one vertex of the fabric or of the
/// power tree. A fleet that has no such vertices has no such faults.
enum class FaultScope : std::uint8_t {
  kNode,
  kScaleUp,
  kLeaf,
  kPod,
  kSpine,
  kRack,
  kRow,
  kHall,
  kSubstation,
  kSite,
};
template <>
struct EnumNames<FaultScope> {
  static constexpr std::array<std::string_view, 10> value = {
      "node", "scale_up", "leaf", "pod", "spine", "rack", "row", "hall", "substation", "site"};
};

/// How long a repair takes.
struct RepairTime {
  /// Lognormal with this median and mean; of equal ones it is always that long.
  Duration median;
  Duration mean;
  /// Or as was measured: the values at equal steps of probability from 0 to 1, with straight lines
  /// between them. Not empty: then the two above say nothing.
  std::vector<Duration> quantiles;
  bool operator==(const RepairTime&) const = default;
  MW_FIELDS(median, mean, quantiles)
};

/// Faults of one kind: a Poisson process for each node, rack, leaf, ... of the fleet.
struct FaultComponent {
  std::string name;
  FaultEffect effect = FaultEffect::kDown;
  FaultScope scope = FaultScope::kNode;
  /// Faults in a thousand days of one node (rack, leaf, ...), in millionths.
  std::int64_t rate = 0;
  RepairTime repair;
  std::int64_t speed_milli = 1000;  ///< of what runs on a node that is slow
  /// As what it is told to the control plane, by each node that it takes; empty: nobody tells.
  std::string code{};
  /// The least that has to be done to a node for it to be well again; none: only the repair helps.
  std::optional<FaultAction> mended_by{};
  bool operator==(const FaultComponent&) const = default;
  MW_FIELDS(name, effect, scope, rate, repair, speed_milli, code, mended_by)
};

/// Planned work: each node (rack, leaf, ...) in turn, the turns spread evenly over `every`.
struct MaintenancePlan {
  std::string name;
  FaultScope scope = FaultScope::kNode;
  Duration every;   ///< between two windows of one node
  Duration window;  ///< for how long it is down
  Duration notice;  ///< that much before, its nodes take no more work
  bool operator==(const MaintenancePlan&) const = default;
  MW_FIELDS(name, scope, every, window, notice)
};

/// Faults as they were recorded somewhere, laid over the fleet's nodes.
struct FaultReplay {
  std::string file;
  std::uint32_t nodes = 0;  ///< that were watched there, most of which had no fault
  /// Nodes with a fault answer and are told of by its code, instead of being just down.
  bool codes = false;
  bool operator==(const FaultReplay&) const = default;
  MW_FIELDS(file, nodes, codes)
};

struct FaultSpec {
  std::vector<FaultComponent> components;
  std::vector<MaintenancePlan> maintenance;
  std::optional<FaultReplay> replay;
  [[nodiscard]] bool none() const {
    return components.empty() && maintenance.empty() && !replay.has_value();
  }
  bool operator==(const FaultSpec&) const = default;
  MW_FIELDS(components, maintenance, replay)
};

struct Scenario {
  std::string name;
  Physics physics;
  FaultSpec faults;
  bool operator==(const Scenario&) const = default;
  MW_FIELDS(name, physics, faults)
};

}  // namespace mw
