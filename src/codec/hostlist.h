// Slurm's way to write many host names in few letters, "n[1-3,07],login", and its way to say what
// generic resources a node has, "gpu:h100:8(S:0-1),shard:80". Both are read as Slurm writes them;
// what does not look like that is refused, since to misread it would be to lose nodes in silence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::slurm {

/// Names that one list may stand for; far above any cluster, and a bound for what is read.
inline constexpr std::size_t kHostsMax = 1'000'000;

/// The names in the order in which they are written. Empty text: none.
/// Errors: kInvalid, for brackets or ranges that are none, and for more than kHostsMax names.
Result<std::vector<std::string>> expand_hostlist(std::string_view text);

/// The other way round: neighbours whose names differ in their last number only are written as one
/// range, in the order in which they are given: n1 n2 n3 m7 is "n[1-3],m7".
std::string compress_hostlist(const std::vector<std::string>& names);

/// The accelerators in a list of generic resources. Of a node with several types the one that it
/// has most of counts: a node has one type.
struct GpuCount {
  std::string type;  ///< "gpu" where Slurm does not name one
  std::uint32_t count = 0;
  bool operator==(const GpuCount&) const = default;
};
GpuCount gpus_in(std::string_view gres);
/// All of them, by type.
std::vector<GpuCount> gpus_by_type(std::string_view gres);

}  // namespace mw::slurm
