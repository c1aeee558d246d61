// The queueing experiment of Muri (SIGCOMM'22): training jobs arrive at a small cluster whose jobs
// can be stopped and go on later; how long does a job take from its submission to its end?
//
// Two sets of rules. `kPublished` repeats the simulator of the paper: at every event everything is
// stopped, sorted and placed again, and every running job loses its overhead, whether or not
// anything about it changed. `kTrue` takes the overhead only of a job that is really started, or
// moved to other accelerators. docs/experiments.md has both in full.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "codec/trace_files.h"
#include "core/service_order.h"

namespace mw {

enum class OverheadRules : std::uint8_t { kPublished, kTrue };
template <>
struct EnumNames<OverheadRules> {
  static constexpr std::array<std::string_view, 2> value = {"published", "true"};
};

struct QueueingOptions {
  ServicePolicy policy = ServicePolicy::kMillwright;
  OverheadRules rules = OverheadRules::kPublished;
  std::uint32_t nodes = 8;
  std::uint32_t accelerators_per_node = 8;
};

struct QueueingResult {
  double jct_average_s = 0;  ///< submission to end
  double jct_p99_s = 0;
  double makespan_s = 0;
  std::uint64_t jobs = 0;
  std::uint64_t events = 0;  ///< times at which the order was made
  std::uint64_t starts = 0;  ///< by the true rules only; with them moves
  std::uint64_t moves = 0;
};

/// What starting a job of that model costs, by how many accelerators it uses.
/// Source: Muri's simulator, as docs/experiments.md lists it. A model that is not in the table
/// costs as much as the median of those that are.
Duration start_overhead(const std::string& model, std::uint32_t accelerators);

/// `progress` is told how many jobs have ended, now and then; may be empty.
/// Errors: kInvalid when a job is larger than the cluster, or there is none.
Result<QueueingResult> run_queueing(const std::vector<TraceTrainingJob>& jobs,
                                    const QueueingOptions& options,
                                    const std::function<void(std::uint64_t)>& progress = {});

}  // namespace mw
