// The only way in: what was asked, and what was observed. Inputs are validated before they get
// here (src/codec); the core still answers for what only it can know, with a Refused event.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/boxed.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/fleet.h"
#include "model/fleet_spec.h"
#include "model/health_input.h"
#include "model/job.h"
#include "model/others.h"
#include "model/policy.h"
#include "model/reservation.h"

namespace mw {

// --- asked ------------------------------------------------------------------------------------

struct SubmitJob {
  static constexpr std::string_view kKind = "submit_job";
  Boxed<JobSpec> spec;
  std::string client_key;  ///< empty: none. The same key and spec again gives the same job.
  bool operator==(const SubmitJob&) const = default;
  MW_FIELDS(spec, client_key)
};
struct CancelJob {
  static constexpr std::string_view kKind = "cancel_job";
  JobId job;
  bool whole_array = false;  ///< every unfinished element of the job's array
  std::string by;
  bool operator==(const CancelJob&) const = default;
  MW_FIELDS(job, whole_array, by)
};
struct HoldJob {
  static constexpr std::string_view kKind = "hold_job";
  JobId job;
  bool whole_array = false;  ///< every unfinished element of the job's array
  std::string by;
  bool operator==(const HoldJob&) const = default;
  MW_FIELDS(job, whole_array, by)
};
struct ReleaseJob {
  static constexpr std::string_view kKind = "release_job";
  JobId job;
  bool whole_array = false;  ///< every unfinished element of the job's array
  std::string by;
  bool operator==(const ReleaseJob&) const = default;
  MW_FIELDS(job, whole_array, by)
};
/// Stop the running attempt and start the job again; does not count against its restart limit.
struct RequeueJob {
  static constexpr std::string_view kKind = "requeue_job";
  JobId job;
  std::string by;
  bool operator==(const RequeueJob&) const = default;
  MW_FIELDS(job, by)
};

/// The fleet is this from now on. Refused once there are nodes, unless it is the same.
struct DeclareFleet {
  static constexpr std::string_view kKind = "declare_fleet";
  FleetSpec fleet;
  std::string by;
  bool operator==(const DeclareFleet&) const = default;
  MW_FIELDS(fleet, by)
};

/// Decide by these rules from now on.
struct SetPolicy {
  static constexpr std::string_view kKind = "set_policy";
  Boxed<Policy> policy;
  std::string by;
  bool operator==(const SetPolicy&) const = default;
  MW_FIELDS(policy, by)
};

/// Set these nodes aside for that time.
struct ReserveNodes {
  static constexpr std::string_view kKind = "reserve_nodes";
  ReservationSpec reservation;
  std::string by;
  bool operator==(const ReserveNodes&) const = default;
  MW_FIELDS(reservation, by)
};
/// End a reservation, or take it back before it begins.
struct ReleaseReservation {
  static constexpr std::string_view kKind = "release_reservation";
  std::string reservation;
  std::string by;
  bool operator==(const ReleaseReservation&) const = default;
  MW_FIELDS(reservation, by)
};

// --- observed ---------------------------------------------------------------------------------

/// A control plane took over: a new process, on this state. Asks for a fresh look at everything.
struct ControllerStarted {
  static constexpr std::string_view kKind = "controller_started";
  std::string version;
  /// Its engine can start some ranks of an attempt anew while the others go on; none: it cannot.
  std::optional<bool> replaces_ranks{};
  bool operator==(const ControllerStarted&) const = default;
  MW_FIELDS(version, replaces_ranks)
};
/// An engine has this node, as described. New, changed, or back from being lost.
struct NodeSeen {
  static constexpr std::string_view kKind = "node_seen";
  NodeSpec spec;
  bool operator==(const NodeSeen&) const = default;
  MW_FIELDS(spec)
};
/// An engine no longer hears from this node.
struct NodeLost {
  static constexpr std::string_view kKind = "node_lost";
  std::string node;
  bool operator==(const NodeLost&) const = default;
  MW_FIELDS(node)
};
/// Others than us use so much of the node from now on.
struct NodeUseReported {
  static constexpr std::string_view kKind = "node_use_reported";
  std::string node;
  OthersUse use;
  bool operator==(const NodeUseReported&) const = default;
  MW_FIELDS(node, use)
};
/// Every task of the attempt runs.
struct AttemptStarted {
  static constexpr std::string_view kKind = "attempt_started";
  JobId job;
  Epoch epoch;
  bool operator==(const AttemptStarted&) const = default;
  MW_FIELDS(job, epoch)
};
/// One task has ended; repeated reports change nothing.
struct TaskExited {
  static constexpr std::string_view kKind = "task_exited";
  JobId job;
  Epoch epoch;
  Rank rank;
  TaskExit exit;
  bool operator==(const TaskExited&) const = default;
  MW_FIELDS(job, epoch, rank, exit)
};
/// All tasks of the attempt have ended, those not reported by then as `exit` says: from engines
/// that know of an attempt as a whole, and for gangs of a hundred thousand tasks.
struct AttemptExited {
  static constexpr std::string_view kKind = "attempt_exited";
  JobId job;
  Epoch epoch;
  TaskExit exit;
  /// The engine has a time limit of its own, and ended it there. None: it did not.
  std::optional<bool> over_time{};
  bool operator==(const AttemptExited&) const = default;
  MW_FIELDS(job, epoch, exit, over_time)
};
/// Nothing of the attempt is left on the engine, whatever was reported before.
/// `start_failed`: it never ran. `node`: the one that could not start it, where the engine knows
/// that; not one that merely was among its nodes.
struct AttemptGone {
  static constexpr std::string_view kKind = "attempt_gone";
  JobId job;
  Epoch epoch;
  bool start_failed = false;
  std::string detail;
  std::optional<std::string> node{};
  bool operator==(const AttemptGone&) const = default;
  MW_FIELDS(job, epoch, start_failed, detail, node)
};
/// A job's own report. Refused when the attempt is not the current one.
struct ReportProgress {
  static constexpr std::string_view kKind = "report_progress";
  JobId job;
  AttemptNumber attempt;
  Rank rank;
  Progress progress;
  bool operator==(const ReportProgress&) const = default;
  MW_FIELDS(job, attempt, rank, progress)
};
/// How long a step takes each rank of an attempt by itself, once most of them have told: one input
/// a round, however many ranks there are.
struct ReportStepTimes {
  static constexpr std::string_view kKind = "report_step_times";
  JobId job;
  AttemptNumber attempt;
  std::vector<Duration> steps;  ///< by rank; 0: not told
  bool operator==(const ReportStepTimes&) const = default;
  MW_FIELDS(job, attempt, steps)
};
/// The job begins to save; its time counts as checkpointing until CheckpointSaved or progress.
struct CheckpointBegun {
  static constexpr std::string_view kKind = "checkpoint_begun";
  JobId job;
  AttemptNumber attempt;
  std::optional<Rank> rank{};  ///< who tells of it
  bool operator==(const CheckpointBegun&) const = default;
  MW_FIELDS(job, attempt, rank)
};
struct CheckpointSaved {
  static constexpr std::string_view kKind = "checkpoint_saved";
  JobId job;
  AttemptNumber attempt;
  Checkpoint checkpoint;
  std::optional<Rank> rank{};  ///< who tells of it
  bool operator==(const CheckpointSaved&) const = default;
  MW_FIELDS(job, attempt, checkpoint, rank)
};

using InputBody =
    std::variant<SubmitJob, CancelJob, HoldJob, ReleaseJob, RequeueJob, DrainNode, ResumeNode,
                 ControllerStarted, NodeSeen, NodeLost, AttemptStarted, TaskExited, AttemptGone,
                 ReportProgress, CheckpointBegun, CheckpointSaved, DeclareFleet, SetPolicy,
                 AttemptExited, ReserveNodes, ReleaseReservation, MoveNode, FaultReported,
                 FaultCleared, SetFaultPolicy, ResetBreaker, RemedyReported, NodeUseReported,
                 ReportStepTimes>;

struct Input {
  RequestId request;  ///< 0: nobody waits for the answer
  InputBody body;
  bool operator==(const Input&) const = default;
  MW_FIELDS(request, body)
};

}  // namespace mw
