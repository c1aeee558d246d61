// Capacity that is kept for a job which cannot start yet: its start is planned, or others are being
// stopped for it. A claim is of whole nodes, less what is left beside the job's tasks.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/fields.h"
#include "base/id.h"
#include "base/quantity.h"

namespace mw {

/// Why capacity is kept for a job.
enum class ClaimPurpose : std::uint8_t {
  kBackfill,    ///< its start is planned, and nothing may delay it
  kPreemption,  ///< jobs are being stopped for it
};
template <>
struct EnumNames<ClaimPurpose> {
  static constexpr std::array<std::string_view, 2> value = {"backfill", "preemption"};
};

/// A node in a claim, and what others may use of it even after the claim begins.
struct ClaimedNode {
  NodeId node;
  std::uint32_t tasks = 0;       ///< of the claiming job
  std::uint32_t whole_left = 0;  ///< accelerators
  CpuShare cpus_left;
  Bytes memory_left;
  bool operator==(const ClaimedNode&) const = default;
  MW_FIELDS(node, tasks, whole_left, cpus_left, memory_left)
};

}  // namespace mw
