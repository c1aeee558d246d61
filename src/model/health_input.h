// What people ask of nodes and of the fault policy, and what is seen of faults and repairs: a part
// of model/input.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/boxed.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/check.h"
#include "model/fault.h"
#include "model/fault_policy.h"
#include "model/node_phase.h"

namespace mw {

/// Nothing new on the node; what runs there leaves as told.
struct DrainNode {
  static constexpr std::string_view kKind = "drain_node";
  std::string node;
  std::string reason;
  std::string by;
  std::optional<DrainMode> mode{};   ///< none: wait
  std::optional<Duration> within{};  ///< what is left after that is stopped
  bool operator==(const DrainNode&) const = default;
  MW_FIELDS(node, reason, by, mode, within)
};
/// The node is ready again. What was to be done to it is not done, unless it has begun.
struct ResumeNode {
  static constexpr std::string_view kKind = "resume_node";
  std::string node;
  std::string by;
  std::optional<std::string> reason{};
  bool operator==(const ResumeNode&) const = default;
  MW_FIELDS(node, by, reason)
};
/// The node is to come into this phase, by way of a drain if there is work on it.
struct MoveNode {
  static constexpr std::string_view kKind = "move_node";
  std::string node;
  NodePhase to = NodePhase::kQuarantined;
  std::string reason;
  std::string by;
  std::optional<DrainMode> mode{};  ///< none: by force into quarantine, else wait
  std::optional<Duration> within{};
  bool operator==(const MoveNode&) const = default;
  MW_FIELDS(node, to, reason, by, mode, within)
};

struct FaultReported {
  static constexpr std::string_view kKind = "fault_reported";
  FaultReport fault;
  bool operator==(const FaultReported&) const = default;
  MW_FIELDS(fault)
};
/// What was reported is over. Without sequence and time it is whatever was reported until now.
struct FaultCleared {
  static constexpr std::string_view kKind = "fault_cleared";
  FaultReport fault;
  std::string by{};  ///< a person; empty: the source
  bool operator==(const FaultCleared&) const = default;
  MW_FIELDS(fault, by)
};
/// Judge faults by this from now on.
struct SetFaultPolicy {
  static constexpr std::string_view kKind = "set_fault_policy";
  Boxed<FaultPolicy> policy;
  std::string by;
  bool operator==(const SetFaultPolicy&) const = default;
  MW_FIELDS(policy, by)
};
/// A person has looked: nodes there may be taken out of service by themselves again.
struct ResetBreaker {
  static constexpr std::string_view kKind = "reset_breaker";
  BreakerLevel level = BreakerLevel::kSite;
  std::string place;
  std::string by;
  bool operator==(const ResetBreaker&) const = default;
  MW_FIELDS(level, place, by)
};
/// How a remedy ended, or a check. Of one that is not the node's any more it says nothing.
struct RemedyReported {
  static constexpr std::string_view kKind = "remedy_reported";
  std::string node;
  Epoch remedy;
  bool ok = false;
  std::string detail;
  std::optional<CheckResult> check{};  ///< of one that proves the node
  bool operator==(const RemedyReported&) const = default;
  MW_FIELDS(node, remedy, ok, detail, check)
};

}  // namespace mw
