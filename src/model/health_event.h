// What became of nodes, faults and repairs: a part of model/event.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/boxed.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/fault.h"
#include "model/fault_policy.h"
#include "model/node_phase.h"

namespace mw {

/// The last four are absent in journals that are older than they.
struct NodeMoved {
  static constexpr std::string_view kKind = "node_moved";
  NodeId node;
  NodePhase phase = NodePhase::kReady;
  std::string reason;
  std::string by;
  std::optional<NodePhase> from{};
  std::optional<Mover> mover{};
  std::optional<DrainOrder> drain{};  ///< of one that drains
  bool operator==(const NodeMoved&) const = default;
  MW_FIELDS(node, phase, reason, by, from, mover, drain)
};
/// The attempt is asked to save a checkpoint: it has to leave a node. Said again to each report.
struct CheckpointWanted {
  static constexpr std::string_view kKind = "checkpoint_wanted";
  JobId job;
  AttemptNumber attempt;
  std::optional<Instant> deadline{};  ///< then it is stopped in any case
  bool operator==(const CheckpointWanted&) const = default;
  MW_FIELDS(job, attempt, deadline)
};

/// A fault happened, for the first time or again. Everything left out in the report is filled in.
struct FaultNoted {
  static constexpr std::string_view kKind = "fault_noted";
  std::optional<NodeId> node{};
  JobId job{};
  FaultReport fault;
  bool operator==(const FaultNoted&) const = default;
  MW_FIELDS(node, job, fault)
};
struct FaultGone {
  static constexpr std::string_view kKind = "fault_gone";
  std::optional<NodeId> node{};
  JobId job{};
  FaultReport fault;
  std::string by;
  bool operator==(const FaultGone&) const = default;
  MW_FIELDS(node, job, fault, by)
};
/// What the policy makes of a fault.
struct FaultJudged {
  static constexpr std::string_view kKind = "fault_judged";
  std::optional<NodeId> node{};
  JobId job{};
  FaultReach scope = FaultReach::kNode;
  std::string place;
  std::optional<std::uint32_t> device{};
  std::string code;
  FaultAction action = FaultAction::kIgnore;
  std::string because;   ///< "3 times within 1h"
  std::string withheld;  ///< why it is not done after all; empty: it is
  bool operator==(const FaultJudged&) const = default;
  MW_FIELDS(node, job, scope, place, device, code, action, because, withheld)
};
/// The node is watched until then at least.
struct NodeWatched {
  static constexpr std::string_view kKind = "node_watched";
  NodeId node;
  Instant until;
  std::string code;
  bool operator==(const NodeWatched&) const = default;
  MW_FIELDS(node, until, code)
};

/// This is to be done to the node, and nothing else is until it has ended. It may be cancelled.
struct RemedyPlanned {
  static constexpr std::string_view kKind = "remedy_planned";
  NodeId node;
  Epoch remedy;
  FaultAction action = FaultAction::kReboot;
  std::string code;  ///< the fault; empty: somebody asked for it
  std::optional<std::uint32_t> device{};
  std::string by;
  bool operator==(const RemedyPlanned&) const = default;
  MW_FIELDS(node, remedy, action, code, device, by)
};
/// It is being done now, and will not be cancelled.
struct RemedyBegun {
  static constexpr std::string_view kKind = "remedy_begun";
  NodeId node;
  Epoch remedy;
  Instant deadline;  ///< who has not told how it ended by then is not waited for
  bool operator==(const RemedyBegun&) const = default;
  MW_FIELDS(node, remedy, deadline)
};
struct RemedyCancelled {
  static constexpr std::string_view kKind = "remedy_cancelled";
  NodeId node;
  Epoch remedy;
  std::string reason;
  std::string by;
  bool operator==(const RemedyCancelled&) const = default;
  MW_FIELDS(node, remedy, reason, by)
};
struct RemedyEnded {
  static constexpr std::string_view kKind = "remedy_ended";
  NodeId node;
  Epoch remedy;
  bool ok = false;
  std::string detail;
  bool operator==(const RemedyEnded&) const = default;
  MW_FIELDS(node, remedy, ok, detail)
};

/// Too many nodes would be out of service by themselves: a person is called.
struct BreakerTripped {
  static constexpr std::string_view kKind = "breaker_tripped";
  BreakerLevel level = BreakerLevel::kSite;
  std::string place;
  std::uint32_t taken = 0;  ///< nodes, within the window
  std::uint32_t limit = 0;
  std::uint32_t nodes = 0;  ///< there are
  bool operator==(const BreakerTripped&) const = default;
  MW_FIELDS(level, place, taken, limit, nodes)
};
struct BreakerWasReset {
  static constexpr std::string_view kKind = "breaker_reset";
  BreakerLevel level = BreakerLevel::kSite;
  std::string place;
  std::string by;
  bool operator==(const BreakerWasReset&) const = default;
  MW_FIELDS(level, place, by)
};
struct FaultPolicyChanged {
  static constexpr std::string_view kKind = "fault_policy_changed";
  Boxed<FaultPolicy> policy;
  std::string by;
  bool operator==(const FaultPolicyChanged&) const = default;
  MW_FIELDS(policy, by)
};

}  // namespace mw
