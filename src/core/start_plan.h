// When a job that cannot start now can start at the latest, judged by when others must have ended.
#pragma once

#include <optional>

#include "core/placement.h"
#include "core/state.h"

namespace mw {

/// The earliest instant by which the job fits, and where, if every attempt runs as long as it may.
/// Nothing when that gives no such instant: what is in its way may run for ever.
/// REQUIRES: the job is pending and claims nothing.
/// Cost: a look for a place for each doubling of the attempts that have to end, and as many again.
std::optional<Claim> plan_start(const State& state, JobId job, Placer& placer);

/// Where it would go if everything on nodes that take work let go now: what to keep for a job that
/// must not wait any longer, though nothing says when the others end.
std::optional<Claim> plan_anyway(const State& state, JobId job, Placer& placer);

}  // namespace mw
