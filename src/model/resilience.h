// By what rules jobs survive what breaks below them: when a failure is the job's own and when its
// node's, when a rank is slow, when a node fails too often, and how much is kept in reserve. Parts
// of the fault policy (docs/faults.md) and of the policy (docs/policy.md).
#pragma once

#include <cstdint>
#include <optional>

#include "base/fields.h"
#include "base/time.h"
#include "model/fleet_spec.h"

namespace mw {

/// Telling a broken job from a broken node. The same failure, again and again and on several nodes,
/// is the job's; failures of several jobs on a node where nothing else goes well are the node's.
struct CrashLoopRules {
  std::uint32_t failures = 4;   ///< alike, one after the other, without a checkpoint between
  Duration over = minutes(1);   ///< the first and the last of them are at least so far apart
  std::uint32_t node_jobs = 3;  ///< different jobs that failed on a node
  Duration node_within = hours(24);
  bool operator==(const CrashLoopRules&) const = default;
  MW_FIELDS(failures, over, node_jobs, node_within)
};

/// Finding slow ranks. Ranks are compared by what they tell of their step times, all of a round
/// together; a rank that stands out in `rounds` of them, one after the other, is slow.
struct StragglerRules {
  std::uint32_t ranks_min = 8;         ///< fewer are not compared
  std::uint32_t slower_permille = 30;  ///< than the median, at least
  std::uint32_t deviations = 4;        ///< (robust standard deviations) above the median, at least
  std::uint32_t rounds = 2;
  bool operator==(const StragglerRules&) const = default;
  MW_FIELDS(ranks_min, slower_permille, deviations, rounds)
};

/// Finding nodes that fail more often than chance allows, among those of their shape and site.
struct LemonRules {
  Duration over = hours(24 * 28);   ///< what happened longer ago does not count
  std::uint32_t incidents_min = 3;  ///< fewer are never too many
  /// Chance in a million that at one look any healthy node of the pool is taken for one.
  std::uint32_t false_alarms_ppm = 1000;
  bool operator==(const LemonRules&) const = default;
  MW_FIELDS(over, incidents_min, false_alarms_ppm)
};

/// Nodes kept free for gangs that lose one: so many at each vertex of `level`, for each shape of
/// node there. Either a number, or as many as are out of use at once with this confidence.
struct SpareRule {
  FabricLevel level = FabricLevel::kPod;
  std::optional<std::uint32_t> count{};
  std::uint32_t confidence_ppm = 990'000;
  /// Failures of a thousand nodes in a thousand days; none: as measured in the fleet so far.
  std::optional<std::uint32_t> failures{};
  Duration repair = hours(24);  ///< until a failed node is back
  bool operator==(const SpareRule&) const = default;
  MW_FIELDS(level, count, confidence_ppm, failures, repair)
};

}  // namespace mw
