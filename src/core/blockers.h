// What stands in a job's way: few things whose end would let it start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "core/state.h"

namespace mw {

struct Blockers {
  /// Attempts that have to end: as few as are found, and with none of them left out it still would
  /// not start.
  std::vector<JobId> jobs;
  std::optional<Instant> by;  ///< when the last of those has ended at the latest; none: unknown
  std::vector<JobId> claims;  ///< jobs for which capacity is kept that it would fit in
  std::vector<NodeId> nodes;  ///< that would do but are drained or lost, when no jobs suffice
  std::vector<std::string> reservations;  ///< whose nodes it would fit on
  bool operator==(const Blockers&) const = default;
  MW_FIELDS(jobs, by, claims, nodes, reservations)
};

/// REQUIRES: the job is pending.  Cost: as a preemption over everything that runs; for people.
/// `now`: what it is judged at; not before state.now.
Blockers blockers_of(const State& state, JobId job, Instant now);

}  // namespace mw
