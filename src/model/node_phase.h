// A node's life as we decide it. Which phase may follow which, who may move a node and why, is one
// table in src/core/node_lifecycle.h; here are its words. That an engine has lost a node is another
// fact, which is kept apart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fields.h"
#include "base/time.h"

namespace mw {

/// Only a ready node is given new work. A node in one of the phases from kQuarantined on, or in
/// one of the first two, has no work at all.
enum class NodePhase : std::uint8_t {
  kProvisioning,  ///< being set up
  kValidating,    ///< being proven
  kReady,         ///< in service
  kSuspect,       ///< watched: what runs goes on, nothing new comes
  kDraining,      ///< what runs leaves, nothing new comes
  kQuarantined,   ///< out of service until somebody decides
  kRepairing,     ///< being repaired
  kRetired,       ///< gone for good
};
inline constexpr std::size_t kNodePhases = 8;
template <>
struct EnumNames<NodePhase> {
  static constexpr std::array<std::string_view, kNodePhases> value = {
      "provisioning", "validating",  "ready",     "suspect",
      "draining",     "quarantined", "repairing", "retired"};
};

/// Who moves a node.
enum class Mover : std::uint8_t {
  kOperator,     ///< a person or a program, by a command
  kFaultPolicy,  ///< the policy on faults
  kDrain,        ///< the end of a drain: nothing is left on the node
  kRemedy,       ///< the end of a repair or a validation
};
template <>
struct EnumNames<Mover> {
  static constexpr std::array<std::string_view, 4> value = {"operator", "fault_policy", "drain",
                                                            "remedy"};
};

/// How what runs on a node leaves it.
enum class DrainMode : std::uint8_t {
  kWait,        ///< it ends by itself
  kCheckpoint,  ///< it is asked to save, and starts again elsewhere once it has
  kForce,       ///< it is stopped now, and starts again elsewhere
};
template <>
struct EnumNames<DrainMode> {
  static constexpr std::array<std::string_view, 3> value = {"wait", "checkpoint", "force"};
};

/// What was told of a drain.
struct DrainOrder {
  DrainMode mode = DrainMode::kWait;
  std::optional<Instant> deadline{};      ///< what is left then is stopped; none: it is waited for
  NodePhase then = NodePhase::kDraining;  ///< once it is empty; kDraining: it stays as it is
  bool operator==(const DrainOrder&) const = default;
  MW_FIELDS(mode, deadline, then)
};

}  // namespace mw
