// The parts of `./dev bench scheduler` that have files of their own.
#pragma once

#include "support/figures.h"

namespace mw::bench {

/// Long queues: pass_1m_pending_ms, wake_one_ms.
void bench_pending(const Figures& figures);
/// A preemption among many running jobs: preempt_2000_ms.
void bench_preemption(const Figures& figures);
/// Over HTTP and the durable journal: http_jobs_per_s.
void bench_http(const Figures& figures);

}  // namespace mw::bench
