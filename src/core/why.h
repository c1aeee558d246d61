// Why a job does not start, by the code that decides it.
#pragma once

#include "core/job_placer.h"
#include "core/state.h"
#include "model/reason.h"

namespace mw {

/// Why a job that stands in line does not start; NotYetConsidered when the next pass would start
/// it. The state is the same afterwards; claims are lifted meanwhile, to see whether it is for
/// them.
PendingReason why_blocked(State& state, JobId job, JobPlacer& placer);

}  // namespace mw
