// Whom to stop for a job that does not fit: a set of attempts without which it does, none of them
// in vain, with little work lost. Nothing is changed here.
//
// Who may be stopped: attempts of preemptible classes that run long enough, of a lower class than a
// class that preempts; or of a tenant over its quota, for a tenant that stays within its own.
// So it ends: a class only takes from lower ones, and a tenant only takes its own back.
#pragma once

#include <optional>

#include "core/placement.h"
#include "core/state.h"

namespace mw {

/// What stopping the attempt now costs: its work since the last checkpoint, and what stopping and
/// starting again takes of each of its accelerators.
AcceleratorTime cost_of_stopping(const State& state, const Attempt& attempt);

/// What becomes of those that are stopped.
enum class Stopping : std::uint8_t {
  kPreempt,  ///< they wait again; by class, or to take back what was borrowed
  kMove,     ///< they go on elsewhere at once: for that each of them has to fit
  kExplain,  ///< nothing: it is only asked who is in the way, and the fewer the better
};

/// The attempt may be stopped for the job by the policy in force.
bool may_be_stopped_for(const State& state, const Attempt& attempt, JobId job,
                        Stopping stopping = Stopping::kPreempt);
/// False when it is plain that nothing may be stopped for the job. Costs little.
bool may_stop_others(const State& state, JobId job);

/// The nodes that the job gets and the victims, or nothing when it would not fit with all that may
/// be stopped gone.
/// REQUIRES: the job is pending, does not fit, and claims nothing.
/// Cost: O(attempts that may be stopped x log), and a few looks for a place.
std::optional<Claim> choose_victims(const State& state, JobId job, Placer& placer,
                                    Stopping stopping = Stopping::kPreempt);

}  // namespace mw
