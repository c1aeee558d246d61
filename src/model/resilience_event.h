// What was found out about failures, and what is kept for those that they hit: a part of
// model/event.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/job.h"
#include "model/placement.h"

namespace mw {

/// What a gang has lost: the ranks that ran on a node which is not theirs any more.
struct LostSlice {
  NodeId node;
  std::uint32_t first_rank = 0;
  std::uint32_t tasks = 0;
  bool operator==(const LostSlice&) const = default;
  MW_FIELDS(node, first_rank, tasks)
};
/// Ranks that have run since an earlier attempt, and were kept when others were replaced.
struct KeptRanks {
  std::uint32_t first_rank = 0;
  std::uint32_t tasks = 0;
  AttemptNumber attempt;  ///< in which they were started
  Epoch epoch;            ///< of that attempt
  bool operator==(const KeptRanks&) const = default;
  MW_FIELDS(first_rank, tasks, attempt, epoch)
};
/// These ranks of an attempt leave their nodes, and the others go on: when these have ended, they
/// are replaced. The engine is to stop them: ask, wait `grace`, kill.
struct RanksLeaving {
  static constexpr std::string_view kKind = "ranks_leaving";
  JobId job;
  AttemptNumber attempt;
  std::vector<LostSlice> lost;  ///< in rank order
  EndCause cause = EndCause::kNodeLost;
  Duration grace;
  std::string by;
  bool operator==(const RanksLeaving&) const = default;
  MW_FIELDS(job, attempt, lost, cause, grace, by)
};
/// What is good of where the job ran is kept for it until then, while the rest is replaced.
struct CapacityKept {
  static constexpr std::string_view kKind = "capacity_kept";
  JobId job;
  Placement placement;          ///< in rank order, with gaps
  std::vector<LostSlice> lost;  ///< in rank order: the gaps
  Instant until;
  bool operator==(const CapacityKept&) const = default;
  MW_FIELDS(job, placement, lost, until)
};
/// Nothing is kept any more; the job is placed like any other.
struct CapacityLetGo {
  static constexpr std::string_view kKind = "capacity_let_go";
  JobId job;
  std::optional<JobId> taken_by{};  ///< whose class goes before its own; none: its time is over
  bool operator==(const CapacityLetGo&) const = default;
  MW_FIELDS(job, taken_by)
};

/// The job has failed in the same way again and again, whatever node it ran on: it is not started
/// again.
struct CrashLoopFound {
  static constexpr std::string_view kKind = "crash_loop_found";
  JobId job;
  std::uint32_t failures = 0;  ///< one after the other, all alike
  TaskExit exit;               ///< how its first task failed each time
  std::vector<NodeId> nodes;   ///< where they were, some of them
  bool operator==(const CrashLoopFound&) const = default;
  MW_FIELDS(job, failures, exit, nodes)
};

/// All ranks have told how long their steps take, and were compared.
struct RanksCompared {
  static constexpr std::string_view kKind = "ranks_compared";
  JobId job;
  AttemptNumber attempt;
  std::uint32_t ranks = 0;  ///< that told
  Duration median;          ///< of a step
  Duration deviation;       ///< robust: what is a standard deviation where times are normal
  Rank slowest;
  Duration slowest_step;
  std::vector<Rank> outliers;  ///< by rank: those that stand out in this round
  bool operator==(const RanksCompared&) const = default;
  MW_FIELDS(job, attempt, ranks, median, deviation, slowest, slowest_step, outliers)
};

/// These nodes are kept free from now on for gangs that lose one; those are not any more.
struct SparesChanged {
  static constexpr std::string_view kKind = "spares_changed";
  std::vector<NodeId> come;
  std::vector<NodeId> go;
  bool operator==(const SparesChanged&) const = default;
  MW_FIELDS(come, go)
};

}  // namespace mw
