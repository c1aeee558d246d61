// Requests to language models as jobs: replicas of a model server that come and go with the load,
// as an autoscaler has them. The scheduler never sees a request; it sees replicas.
//
// How many: in each interval the requests that arrive there need so many seconds of a replica, and
// replicas are to be busy for no more than a part of the time. What a request needs is roofline
// arithmetic (Pope et al., "Efficiently Scaling Transformer Inference", arXiv 2211.05102, section
// 2): reading a prompt is bound by computing, 2 operations a parameter and token; writing is bound
// by memory, for each step reads all weights once for the whole batch. Efficiencies and the batch
// are ours to state; a measured server's belong here instead.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "codec/trace_jobs.h"
#include "twin/workload.h"
#include "twin/workload_shape.h"

namespace mw {

/// A replica: Llama 2 of 70 billion parameters in 16 bits on eight H100 (989 TFLOP/s, 3.35 TB/s).
struct ServiceModel {
  std::uint32_t accelerators = 8;
  double parameters = 70e9;
  double bytes_per_parameter = 2;
  double flops = 989e12;                ///< of one accelerator, dense, in the model's precision
  double memory_bytes_per_s = 3.35e12;  ///< the same
  double prompt_efficiency = 0.4;       ///< of the operations, while prompts are read
  double writing_efficiency = 0.5;      ///< of the bandwidth, while tokens are written
  double batch = 32;                    ///< requests that are written together
  Duration interval = minutes(1);       ///< how often the number of replicas changes
  double busy_max = 0.7;                ///< part of the time for which a replica may be busy
  std::int64_t scale = 1;               ///< each request of the trace counts as so many
};

/// Seconds of a whole replica that one request needs.
double replica_seconds(const TraceRequest& request, const ServiceModel& model);

/// How many replicas there are in each interval from the first request on: at least one.
std::vector<std::int64_t> replicas_needed(const std::vector<TraceRequest>& requests,
                                          const ServiceModel& model);

/// A job for each replica: from the interval in which it is needed until the one in which it no
/// longer is. The one that came last goes first.
std::vector<TraceJob> replica_jobs(const std::vector<std::int64_t>& needed,
                                   const ServiceModel& model);

}  // namespace mw
