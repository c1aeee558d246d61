// A node as the brain keeps it: what was decided about it, what is free on it, and what of that is
// kept for whom.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/quantity.h"
#include "base/time.h"
#include "core/device_room.h"
#include "model/check.h"
#include "model/claim.h"
#include "model/fleet.h"
#include "model/others.h"

namespace mw {

/// Capacity that is kept for a job: from `at` on, and before that from whatever would not be gone
/// by then. What else may use a node is counted in its ClaimedNode.
struct Claim {
  JobId job;
  ClaimPurpose purpose = ClaimPurpose::kBackfill;
  Instant at;
  std::vector<ClaimedNode> nodes;  ///< in rank order
  std::vector<JobId> victims;      ///< of them, those that have not ended
  bool operator==(const Claim&) const = default;
  MW_FIELDS(job, purpose, at, nodes, victims)
};

/// What a claim leaves of a node for others that would still be there when it begins.
struct NodeClaim {
  JobId job;  ///< whose it is; 0: nobody's
  bool exclusive = false;
  std::uint32_t whole_left = 0;
  CpuShare cpus_left;
  Bytes memory_left;
  bool operator==(const NodeClaim&) const = default;
};

/// The last check of a node that was not stopped.
struct CheckMark {
  Instant at;
  CheckMoment moment = CheckMoment::kEntry;
  CheckOutcome outcome = CheckOutcome::kPassed;
  bool operator==(const CheckMark&) const = default;
  MW_FIELDS(at, moment, outcome)
};

struct Node {
  NodeId id;
  NodePhase phase = NodePhase::kReady;
  bool lost = false;
  std::string phase_reason;
  std::string phase_by;
  Instant phase_since;
  Mover phase_mover = Mover::kOperator;
  std::optional<DrainOrder> drain;    ///< while it drains
  std::optional<OthersShare> others;  ///< of it that others than us use
  Instant empty_since;                ///< of one that is empty
  std::optional<CheckMark> checked;
  // Derived from attempts and held capacity.
  DeviceRoom devices;
  AcceleratorShare accelerators_free;
  CpuShare cpus_free;
  Bytes memory_free;
  std::uint32_t slices = 0;  ///< attempts and holds on it; what others use is one more
  bool exclusive = false;    ///< one of them wants it for itself
  NodeClaim claim;           ///< none, or whose it will be
  /// It is set aside, and not for whom placement looks just now (reservations.h).
  bool hidden = false;
  bool reserved = false;             ///< the time for which it is set aside has begun
  bool spare = false;                ///< kept free for gangs that lose a node
  bool checking = false;             ///< it is idle and being checked
  std::optional<Instant> check_due;  ///< when it may be; none: it is not idle, or nobody checks
  Watts draw;  ///< counted in the index: of what runs, or what is claimed if more
  bool operator==(const Node&) const = default;
  MW_FIELDS(id, phase, lost, phase_reason, phase_by, phase_since, phase_mover, drain, others,
            empty_since, checked)
};

/// Given new work, as long as something is free.
inline bool takes_work(const Node& node) {
  return node.phase == NodePhase::kReady && !node.lost && !node.exclusive && !node.spare;
}

/// Its room counts for others than who claims it or sees it alone: what comes free there is free.
inline bool is_open(const Node& node) {
  return node.phase == NodePhase::kReady && !node.lost && !node.hidden && !node.spare &&
         node.claim.job == JobId();
}

/// An attempt or a hold of ours is on it; what others use does not count.
inline bool has_work(const Node& node) { return node.slices > (node.others ? 1U : 0U); }

}  // namespace mw
