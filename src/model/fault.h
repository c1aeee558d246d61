// What can be wrong with a fleet, and how it is told. A fault has a code ("nvidia.xid.79"), which
// names what happened as its maker does; what is done about it is the fault policy's to say
// (model/fault_policy.h). Reports are late, repeated and out of order as a matter of course: each
// says who reports, in which order, and when it happened, so that none counts twice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"

namespace mw {

/// What is broken.
enum class FaultyPart : std::uint8_t {
  kAccelerator,
  kAcceleratorMemory,
  kScaleUpLink,  ///< NVLink, Infinity Fabric, ICI
  kNetwork,      ///< InfiniBand, RoCE, Ethernet
  kHost,         ///< processor, memory, board, PCIe
  kStorage,
  kPower,
  kCooling,
  kClock,
  kSoftware,  ///< driver, firmware, operating system
  kEngine,    ///< as an engine sees it: contact, starts that fail
  kJob,
  kUnknown,
};
template <>
struct EnumNames<FaultyPart> {
  static constexpr std::array<std::string_view, 13> value = {"accelerator",   "accelerator_memory",
                                                             "scale_up_link", "network",
                                                             "host",          "storage",
                                                             "power",         "cooling",
                                                             "clock",         "software",
                                                             "engine",        "job",
                                                             "unknown"};
};

enum class FaultSeverity : std::uint8_t { kInfo, kWarning, kError, kCritical };
template <>
struct EnumNames<FaultSeverity> {
  static constexpr std::array<std::string_view, 4> value = {"info", "warning", "error", "critical"};
};

/// How far a fault reaches.
enum class FaultReach : std::uint8_t { kJob, kAccelerator, kNode, kRack, kLeaf, kPower, kSite };
template <>
struct EnumNames<FaultReach> {
  static constexpr std::array<std::string_view, 7> value = {"job",  "accelerator", "node", "rack",
                                                            "leaf", "power",       "site"};
};

/// What can be done about one; from the least to the most that it takes from the fleet.
enum class FaultAction : std::uint8_t {
  kIgnore,            ///< it is noted, and nothing else
  kWatch,             ///< the node is suspect for a while
  kRestartJob,        ///< what runs there starts again from its checkpoint
  kDrain,             ///< what runs there leaves
  kValidate,          ///< and the node is proven anew
  kResetAccelerator,  ///< and the accelerator is reset
  kReboot,            ///< and the node is started anew
  kQuarantine,        ///< and somebody looks at it
  kReturnToVendor,    ///< and it is sent back
};
inline constexpr std::size_t kFaultActions = 9;
template <>
struct EnumNames<FaultAction> {
  static constexpr std::array<std::string_view, kFaultActions> value = {
      "ignore", "watch",      "restart_job",     "drain", "validate", "reset_accelerator",
      "reboot", "quarantine", "return_to_vendor"};
};

/// What a source says. Two reports of one source with the same sequence are the same report.
struct FaultReport {
  std::string source;          ///< who says so: "agent:n17", "alertmanager", "job 81"
  std::uint64_t sequence = 0;  ///< grows for the life of the source, over its restarts; 0: by time
  Instant at;                  ///< when it happened; 0: when it arrives
  std::string code;
  FaultReach scope = FaultReach::kNode;
  std::string place;  ///< name of the node, or of the rack, leaf, power path or site; empty: a job
  std::optional<std::uint32_t> device{};  ///< number of the accelerator on its node
  JobId job{};                            ///< of a job's own fault
  AttemptNumber attempt{};
  std::optional<Rank> rank{};
  std::uint64_t count = 1;  ///< how often it happened
  std::optional<FaultyPart> component{};
  std::optional<FaultSeverity> severity{};
  std::string detail{};
  bool operator==(const FaultReport&) const = default;
  MW_FIELDS(source, sequence, at, code, scope, place, device, job, attempt, rank, count, component,
            severity, detail)
};

}  // namespace mw
