// What is now so. State changes only by applying these, in order: they are the whole history.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/boxed.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/check_event.h"
#include "model/claim.h"
#include "model/fleet.h"
#include "model/fleet_spec.h"
#include "model/health_event.h"
#include "model/input.h"
#include "model/job.h"
#include "model/ledger.h"
#include "model/others_event.h"
#include "model/policy.h"
#include "model/reason.h"
#include "model/reservation_event.h"
#include "model/resilience_event.h"

namespace mw {

/// The answer to an input that changed nothing.
struct Refused {
  static constexpr std::string_view kKind = "refused";
  Refusal refusal;
  bool operator==(const Refused&) const = default;
  MW_FIELDS(refusal)
};
struct ControllerTookOver {
  static constexpr std::string_view kKind = "controller_took_over";
  std::string version;
  std::optional<bool> replaces_ranks{};  ///< as its engine says of itself
  bool operator==(const ControllerTookOver&) const = default;
  MW_FIELDS(version, replaces_ranks)
};

// --- nodes ------------------------------------------------------------------------------------

/// A whole fleet as its file describes it; its nodes have the first ids, in the file's order.
struct FleetDeclared {
  static constexpr std::string_view kKind = "fleet_declared";
  FleetSpec fleet;
  std::optional<NodePhase> phase{};  ///< of its nodes; none: ready
  bool operator==(const FleetDeclared&) const = default;
  MW_FIELDS(fleet, phase)
};
struct NodeJoined {
  static constexpr std::string_view kKind = "node_joined";
  NodeId node;
  NodeSpec spec;
  std::optional<NodePhase> phase{};  ///< none: ready
  bool operator==(const NodeJoined&) const = default;
  MW_FIELDS(node, spec, phase)
};
/// The engine describes it differently now. Attempts on it have ended or still fit.
struct NodeChanged {
  static constexpr std::string_view kKind = "node_changed";
  NodeId node;
  NodeSpec spec;
  bool operator==(const NodeChanged&) const = default;
  MW_FIELDS(node, spec)
};
struct NodeContact {
  static constexpr std::string_view kKind = "node_contact";
  NodeId node;
  bool lost = false;
  bool operator==(const NodeContact&) const = default;
  MW_FIELDS(node, lost)
};

// --- jobs -------------------------------------------------------------------------------------

/// Jobs `job` .. `job + spec.array - 1` now exist.
struct JobSubmitted {
  static constexpr std::string_view kKind = "job_submitted";
  JobId job;
  Boxed<JobSpec> spec;
  std::string client_key;
  bool operator==(const JobSubmitted&) const = default;
  MW_FIELDS(job, spec, client_key)
};
/// The same client key and the same spec as before: nothing new, this is the job.
struct SubmitRepeated {
  static constexpr std::string_view kKind = "submit_repeated";
  JobId job;
  bool operator==(const SubmitRepeated&) const = default;
  MW_FIELDS(job)
};
struct JobHeld {
  static constexpr std::string_view kKind = "job_held";
  JobId job;
  std::string by;
  bool operator==(const JobHeld&) const = default;
  MW_FIELDS(job, by)
};
struct JobReleased {
  static constexpr std::string_view kKind = "job_released";
  JobId job;
  std::string by;
  bool operator==(const JobReleased&) const = default;
  MW_FIELDS(job, by)
};
/// The pass looked at the job's shape and it does not fit; said once per kind of reason.
struct JobBlocked {
  static constexpr std::string_view kKind = "job_blocked";
  JobId job;  ///< the first in line of its shape
  PendingReason reason;
  bool operator==(const JobBlocked&) const = default;
  MW_FIELDS(job, reason)
};
/// What it waited for has come: its earliest start, the jobs before it. It stands in line now.
struct JobEligible {
  static constexpr std::string_view kKind = "job_eligible";
  JobId job;
  bool operator==(const JobEligible&) const = default;
  MW_FIELDS(job)
};
/// It has waited for so long that it goes before all others (Policy::starvation_after).
struct JobBoosted {
  static constexpr std::string_view kKind = "job_boosted";
  JobId job;
  bool operator==(const JobBoosted&) const = default;
  MW_FIELDS(job)
};
/// These nodes are for this job from `at` on: what starts there before has to end before.
struct CapacityClaimed {
  static constexpr std::string_view kKind = "capacity_claimed";
  JobId job;
  ClaimPurpose purpose = ClaimPurpose::kBackfill;
  Instant at;
  std::vector<ClaimedNode> nodes;  ///< in rank order
  std::vector<JobId> victims;      ///< stopped for it
  bool operator==(const CapacityClaimed&) const = default;
  MW_FIELDS(job, purpose, at, nodes, victims)
};
struct ClaimDropped {
  static constexpr std::string_view kKind = "claim_dropped";
  JobId job;
  bool operator==(const ClaimDropped&) const = default;
  MW_FIELDS(job)
};
/// The job is given these resources from now on, and its engine is to start it.
struct AttemptPlaced {
  static constexpr std::string_view kKind = "attempt_placed";
  JobId job;
  AttemptNumber attempt;
  Epoch epoch;
  Placement placement;
  Checkpoint resume_from;  ///< step 0 and no path: from the beginning
  /// Ranks that go on where they are, in rank order; only the others are started.
  std::optional<std::vector<KeptRanks>> kept{};
  std::optional<AcceleratorTime> carried_work{};  ///< theirs that is neither saved nor lost yet
  bool operator==(const AttemptPlaced&) const = default;
  MW_FIELDS(job, attempt, epoch, placement, resume_from, kept, carried_work)
};
struct AttemptRunning {
  static constexpr std::string_view kKind = "attempt_running";
  JobId job;
  AttemptNumber attempt;
  bool operator==(const AttemptRunning&) const = default;
  MW_FIELDS(job, attempt)
};
struct TaskEnded {
  static constexpr std::string_view kKind = "task_ended";
  JobId job;
  AttemptNumber attempt;
  Rank rank;
  TaskExit exit;
  bool operator==(const TaskEnded&) const = default;
  MW_FIELDS(job, attempt, rank, exit)
};
/// The engine is to stop what still runs: ask, wait `grace`, kill.
struct AttemptStopping {
  static constexpr std::string_view kKind = "attempt_stopping";
  JobId job;
  AttemptNumber attempt;
  EndCause cause = EndCause::kCancelled;
  Duration grace;
  std::string by;
  bool operator==(const AttemptStopping&) const = default;
  MW_FIELDS(job, attempt, cause, grace, by)
};
/// Nothing of it runs any more and its resources are free, or held for the job's next attempt.
struct AttemptEnded {
  static constexpr std::string_view kKind = "attempt_ended";
  JobId job;
  AttemptNumber attempt;
  EndCause cause = EndCause::kCompleted;
  AcceleratorTime lost_work;   ///< since the last checkpoint; 0 when nothing has to be done again
  AcceleratorTime kept_work;   ///< productive, and not lost
  bool capacity_held = false;  ///< its accelerators are kept for the job's next attempt
  std::string detail;
  std::optional<AcceleratorTime> carried_work{};  ///< of ranks that go on; none: no such
  std::optional<NodeId> failed_on{};              ///< that could not start it, by the engine's word
  bool operator==(const AttemptEnded&) const = default;
  MW_FIELDS(job, attempt, cause, lost_work, kept_work, capacity_held, detail, carried_work,
            failed_on)
};
/// It will start again, not before `not_before`.
struct RestartPlanned {
  static constexpr std::string_view kKind = "restart_planned";
  JobId job;
  std::uint32_t restarts = 0;  ///< used so far, this one included
  Instant not_before;
  Checkpoint resume_from;
  bool first_in_line = true;  ///< goes before all others; not after it was stopped for others
  bool operator==(const RestartPlanned&) const = default;
  MW_FIELDS(job, restarts, not_before, resume_from, first_in_line)
};
struct JobFinished {
  static constexpr std::string_view kKind = "job_finished";
  JobId job;
  JobState state = JobState::kSucceeded;
  std::string by;  ///< who cancelled it
  bool operator==(const JobFinished&) const = default;
  MW_FIELDS(job, state, by)
};
/// It is being cancelled already: nothing new.
struct CancelRepeated {
  static constexpr std::string_view kKind = "cancel_repeated";
  JobId job;
  bool operator==(const CancelRepeated&) const = default;
  MW_FIELDS(job)
};
struct ProgressNoted {
  static constexpr std::string_view kKind = "progress_noted";
  JobId job;
  AttemptNumber attempt;
  Rank rank;
  Progress progress;
  bool operator==(const ProgressNoted&) const = default;
  MW_FIELDS(job, attempt, rank, progress)
};
struct CheckpointStarted {
  static constexpr std::string_view kKind = "checkpoint_started";
  JobId job;
  AttemptNumber attempt;
  bool operator==(const CheckpointStarted&) const = default;
  MW_FIELDS(job, attempt)
};
struct CheckpointKept {
  static constexpr std::string_view kKind = "checkpoint_kept";
  JobId job;
  AttemptNumber attempt;
  Checkpoint checkpoint;
  bool operator==(const CheckpointKept&) const = default;
  MW_FIELDS(job, attempt, checkpoint)
};

// --- fleet ------------------------------------------------------------------------------------

struct PolicyChanged {
  static constexpr std::string_view kKind = "policy_changed";
  Boxed<Policy> policy;
  std::string by;
  bool operator==(const PolicyChanged&) const = default;
  MW_FIELDS(policy, by)
};
/// Why free accelerators are idle has changed.
struct IdleCauseChanged {
  static constexpr std::string_view kKind = "idle_cause_changed";
  LedgerCategory cause = LedgerCategory::kIdleNoDemand;
  bool operator==(const IdleCauseChanged&) const = default;
  MW_FIELDS(cause)
};

using EventBody = std::variant<
    Refused, ControllerTookOver, NodeJoined, NodeChanged, NodeContact, NodeMoved, JobSubmitted,
    SubmitRepeated, JobHeld, JobReleased, JobBlocked, AttemptPlaced, AttemptRunning, TaskEnded,
    AttemptStopping, AttemptEnded, RestartPlanned, JobFinished, ProgressNoted, CheckpointStarted,
    CheckpointKept, IdleCauseChanged, CancelRepeated, FleetDeclared, JobEligible, JobBoosted,
    CapacityClaimed, ClaimDropped, PolicyChanged, ReservationMade, ReservationBegun,
    ReservationMended, ReservationEnded, CheckpointWanted, FaultNoted, FaultGone, FaultJudged,
    NodeWatched, RemedyPlanned, RemedyBegun, RemedyCancelled, RemedyEnded, BreakerTripped,
    BreakerWasReset, FaultPolicyChanged, CheckBegun, CheckEnded, NodeUseChanged, CapacityKept,
    CapacityLetGo, CrashLoopFound, RanksCompared, SparesChanged, RanksLeaving>;

struct Event {
  Instant at;
  RequestId request;  ///< the input that it answers; 0: none
  EventBody body;
  bool operator==(const Event&) const = default;
  MW_FIELDS(at, request, body)
};

/// The job that an event is about; 0 when it is about none.
JobId job_of(const Event& event);
/// The node that an event is about. A placement touches many nodes and is found by its job.
std::optional<NodeId> node_of(const Event& event);

}  // namespace mw
