// Why a job does not start, by the code that decides it.
#pragma once

#include <optional>

#include "core/job_placer.h"
#include "core/state.h"
#include "model/reason.h"

namespace mw {

enum class Asked : std::uint8_t {
  kByItself,        ///< by somebody who wants to know
  kWhenItWasTried,  ///< by the pass that has just found no place for it
};

/// Why a job that stands in line does not start; NotYetConsidered when the next pass would start
/// it. The state is the same afterwards; when asked by itself, claims are lifted meanwhile, to see
/// whether it is for them. A pass lifts none, as that costs more than all else, and so its figures
/// are those of what others have not claimed.
PendingReason why_blocked(State& state, JobId job, JobPlacer& placer, Instant now,
                          Asked asked = Asked::kByItself);

/// The same where nothing has to be tried out: nothing is claimed, and the job has one group.
/// Nothing when that is not so.  Cost: without a copy of the state.
std::optional<PendingReason> why_unclaimed(const State& state, JobId job);

}  // namespace mw
