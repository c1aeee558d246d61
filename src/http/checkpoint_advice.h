// How often a job should save, from what was measured: how long its checkpoints take, how long its
// starts take, and how often nodes of this fleet fail. It is offered in the answer to each report,
// and shown beside the interval in use.
#pragma once

#include <boost/json/object.hpp>
#include <optional>

#include "core/goodput.h"

namespace mw::http {

/// Until a fleet has seen failures of its own it is taken to fail as often as Llama 3's did, and
/// that counts as one failure seen: 3.79 in a thousand days of a node (arXiv 2407.21783).
inline constexpr Duration kNodeMttfPrior = hours(24 * 264);

struct CheckpointAdvice {
  Duration mttf;                     ///< of the job: until some node below it fails
  std::uint64_t failures = 0;        ///< of nodes, that this rests on besides the prior
  Duration restart;                  ///< from its placement until it works, in the mean
  std::optional<Duration> cost{};    ///< of a checkpoint, in the mean; none: it has not told
  std::optional<Duration> in_use{};  ///< work between two of them, in the mean
  std::optional<Duration> best{};    ///< none: the cost is not known
  /// What of its time is lost by that, as a part of 1; none: not known.
  std::optional<double> loss_in_use{};
  std::optional<double> loss_best{};
};

CheckpointAdvice advise(const JobGoodput& job, const Goodput::FailureRate& rate);
/// The same of a job as it is now; none: it has not run, or the history is still being read.
struct ApiContext;
std::optional<CheckpointAdvice> advise(const ApiContext& context, JobId job);

boost::json::object advice_view(const CheckpointAdvice& advice);

}  // namespace mw::http
