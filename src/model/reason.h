// Why something does not happen, recorded where it is decided, as a type with figures. People
// get sentences from src/codec/text.h; programs get the fields.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "model/fleet_spec.h"
#include "model/job.h"
#include "model/node_phase.h"
#include "model/reservation.h"

namespace mw {

enum class Resource : std::uint8_t { kAccelerators, kCpus, kMemory, kNodes, kPower };
template <>
struct EnumNames<Resource> {
  static constexpr std::array<std::string_view, 5> value = {"accelerators", "cpus", "memory",
                                                            "nodes", "power"};
};

/// Pending because the shape does not fit now. `resource` is the one that binds.
struct NoRoomNow {
  static constexpr std::string_view kKind = "no_room_now";
  Resource resource = Resource::kAccelerators;
  std::uint32_t tasks_needed = 0;
  std::uint32_t tasks_fitting = 0;         ///< how many of them could be placed now
  std::uint32_t nodes_considered = 0;      ///< ready nodes of the right type
  FabricLevel level = FabricLevel::kSite;  ///< all of it has to be inside one of these
  std::string place{};                     ///< the one that would hold the most; empty: none does
  bool operator==(const NoRoomNow&) const = default;
  MW_FIELDS(resource, tasks_needed, tasks_fitting, nodes_considered, level, place)
};

/// Pending because what is free may not all be drawn from the power that there is.
struct PowerShort {
  static constexpr std::string_view kKind = "power_short";
  std::string place;  ///< the first limit that is met
  PowerLevel level = PowerLevel::kSite;
  Watts limit;
  Watts drawn;  ///< or reserved, below it
  std::uint32_t tasks_needed = 0;
  std::uint32_t tasks_fitting = 0;  ///< within all limits
  bool operator==(const PowerShort&) const = default;
  MW_FIELDS(place, level, limit, drawn, tasks_needed, tasks_fitting)
};

/// Pending because it may run at no site that there is.
struct NoSuchSite {
  static constexpr std::string_view kKind = "no_such_site";
  std::vector<std::string> wanted;
  std::vector<std::string> present;
  bool operator==(const NoSuchSite&) const = default;
  MW_FIELDS(wanted, present)
};

/// Pending because the fleet as it is now could not hold it even when empty.
struct FleetTooSmall {
  static constexpr std::string_view kKind = "fleet_too_small";
  Resource resource = Resource::kAccelerators;
  std::uint32_t tasks_needed = 0;
  std::uint32_t tasks_possible = 0;
  bool operator==(const FleetTooSmall&) const = default;
  MW_FIELDS(resource, tasks_needed, tasks_possible)
};

/// Pending because no node has accelerators of this type.
struct NoSuchAccelerator {
  static constexpr std::string_view kKind = "no_such_accelerator";
  std::string wanted;
  std::vector<std::string> present;
  bool operator==(const NoSuchAccelerator&) const = default;
  MW_FIELDS(wanted, present)
};

/// Pending because someone holds it.
struct IsHeld {
  static constexpr std::string_view kKind = "held";
  std::string by;
  bool operator==(const IsHeld&) const = default;
  MW_FIELDS(by)
};

/// Pending because it failed and waits before it starts again.
struct WaitsToRestart {
  static constexpr std::string_view kKind = "waits_to_restart";
  Instant until;
  std::uint32_t restarts = 0;
  std::uint32_t restart_limit = 0;
  bool operator==(const WaitsToRestart&) const = default;
  MW_FIELDS(until, restarts, restart_limit)
};

/// Pending, and the next pass will look at it.
struct NotYetConsidered {
  static constexpr std::string_view kKind = "not_yet_considered";
  bool operator==(const NotYetConsidered&) const = default;
  MW_FIELDS()
};

/// Pending because its tenant, or one above it, would use more than it may.
struct OverQuota {
  static constexpr std::string_view kKind = "over_quota";
  std::string tenant;  ///< whose limit it is
  AcceleratorShare quota;
  AcceleratorShare limit;  ///< quota and what may be borrowed
  AcceleratorShare in_use;
  AcceleratorShare wanted;
  bool operator==(const OverQuota&) const = default;
  MW_FIELDS(tenant, quota, limit, in_use, wanted)
};

/// Pending until its earliest start.
struct AwaitsTime {
  static constexpr std::string_view kKind = "awaits_time";
  Instant until;
  bool operator==(const AwaitsTime&) const = default;
  MW_FIELDS(until)
};

/// Pending until other jobs have ended.
struct AwaitsJobs {
  static constexpr std::string_view kKind = "awaits_jobs";
  std::vector<JobId> jobs;
  bool operator==(const AwaitsJobs&) const = default;
  MW_FIELDS(jobs)
};

/// Pending though it would fit: what is free is kept for a job that goes before it.
struct KeptForOthers {
  static constexpr std::string_view kKind = "kept_for_others";
  JobId job;   ///< the first of them
  Instant at;  ///< when that one starts at the latest
  std::uint32_t nodes = 0;
  bool operator==(const KeptForOthers&) const = default;
  MW_FIELDS(job, at, nodes)
};

/// Pending until jobs that are being stopped for it have let go.
struct AwaitsVictims {
  static constexpr std::string_view kKind = "awaits_victims";
  std::vector<JobId> victims;  ///< that have not ended yet
  bool operator==(const AwaitsVictims&) const = default;
  MW_FIELDS(victims)
};

/// Pending until the reservation that it names begins.
struct AwaitsReservation {
  static constexpr std::string_view kKind = "awaits_reservation";
  std::string reservation;
  Instant at;
  bool operator==(const AwaitsReservation&) const = default;
  MW_FIELDS(reservation, at)
};

/// Pending though it would fit: nodes are set aside, and it is not for it or would still be there
/// when that begins.
struct KeptByReservation {
  static constexpr std::string_view kKind = "kept_by_reservation";
  std::string reservation;  ///< the first of them
  Instant start;
  Instant end;
  std::uint32_t nodes = 0;  ///< of all that are in its way
  bool operator==(const KeptByReservation&) const = default;
  MW_FIELDS(reservation, start, end, nodes)
};

/// Pending, and in vain: it could not have ended before the reservation that it names does.
struct ReservationEndsFirst {
  static constexpr std::string_view kKind = "reservation_ends_first";
  std::string reservation;
  Instant end;
  Duration needs;  ///< its time limit and what it is given to stop
  bool operator==(const ReservationEndsFirst&) const = default;
  MW_FIELDS(reservation, end, needs)
};

/// Pending because the nodes of the reservation that it names could not hold it even when empty.
struct ReservationTooSmall {
  static constexpr std::string_view kKind = "reservation_too_small";
  std::string reservation;
  std::uint32_t nodes = 0;
  std::uint32_t tasks_needed = 0;
  std::uint32_t tasks_possible = 0;
  bool operator==(const ReservationTooSmall&) const = default;
  MW_FIELDS(reservation, nodes, tasks_needed, tasks_possible)
};

/// Pending because it has lost nodes: the others are kept for it until these are replaced.
struct AwaitsReplacement {
  static constexpr std::string_view kKind = "awaits_replacement";
  std::uint32_t nodes_kept = 0;
  std::uint32_t nodes_lost = 0;
  Instant until;  ///< then the others are let go, and it is placed anew
  bool operator==(const AwaitsReplacement&) const = default;
  MW_FIELDS(nodes_kept, nodes_lost, until)
};

using PendingReason =
    std::variant<NotYetConsidered, NoRoomNow, FleetTooSmall, NoSuchAccelerator, IsHeld,
                 WaitsToRestart, PowerShort, NoSuchSite, OverQuota, AwaitsTime, AwaitsJobs,
                 KeptForOthers, AwaitsVictims, AwaitsReservation, KeptByReservation,
                 ReservationEndsFirst, ReservationTooSmall, AwaitsReplacement>;

/// Why an input was refused.
enum class RefusalKind : std::uint8_t {
  kNoSuchJob,
  kNoSuchNode,
  kJobAlreadyFinished,
  kJobNotPending,
  kJobNotHeld,
  kJobHeldAlready,
  kStaleAttempt,
  kNodeNotDraining,
  kNodeDrainingAlready,
  kKeyReused,
  kJobNotRunning,
  kFleetDeclaredAlready,
  kNoSuchClass,
  kNoSuchTenant,
  kNoSuchDependency,
  kPolicyInvalid,
  kNoSuchReservation,
  kReservationExists,
  kReservationInUse,      ///< unfinished jobs of an earlier one name it
  kReservationPast,       ///< it would be over by now
  kTooFewNodes,           ///< to reserve
  kReservationForbidden,  ///< to jobs of that tenant and user
  kReservationTooShort,   ///< for a job with that time limit
  kNodeCannotMove,        ///< into that phase from the one that it is in
  kNodeThereAlready,      ///< it is in that phase
  kNodeUnderRepair,       ///< what is done to it has begun
  kNoSuchPlace,           ///< for a fault
  kNoSuchDevice,          ///< on that node
  kNoSuchFault,
  kFaultPolicyInvalid,
  kNoSuchBreaker,  ///< or it has not tripped
};
template <>
struct EnumNames<RefusalKind> {
  static constexpr std::array<std::string_view, 31> value = {
      "no_such_job",           "no_such_node",
      "job_already_finished",  "job_not_pending",
      "job_not_held",          "job_held_already",
      "stale_attempt",         "node_not_draining",
      "node_draining_already", "key_reused",
      "job_not_running",       "fleet_declared_already",
      "no_such_class",         "no_such_tenant",
      "no_such_dependency",    "policy_invalid",
      "no_such_reservation",   "reservation_exists",
      "reservation_in_use",    "reservation_past",
      "too_few_nodes",         "reservation_forbidden",
      "reservation_too_short", "node_cannot_move",
      "node_there_already",    "node_under_repair",
      "no_such_place",         "no_such_device",
      "no_such_fault",         "fault_policy_invalid",
      "no_such_breaker"};
};

struct Refusal {
  ErrorCode code = ErrorCode::kInvalid;
  RefusalKind kind = RefusalKind::kNoSuchJob;
  JobId job;
  std::string node;
  JobState job_state = JobState::kPending;
  AttemptNumber attempt;  ///< the one that is current, where that is what was wrong
  std::string wanted{};   ///< the name that is not there, or what is wrong
  std::optional<NodesShort> nodes_short{};
  std::optional<NodePhase> phase{};  ///< in which the node is
  bool operator==(const Refusal&) const = default;
  MW_FIELDS(code, kind, job, node, job_state, attempt, wanted, nodes_short, phase)
};

}  // namespace mw
