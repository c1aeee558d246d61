// What an attempt's accelerator-time is called. An attempt's own sums are kept with it and closed
// whenever its category changes; the ledger's totals follow from the same moments.
#pragma once

#include "core/state.h"

namespace mw {

/// Adds the time since the last call to the attempt's current category.
void settle(Attempt& attempt, Instant now);

/// Settles, then counts the attempt under `category` from now on.
void change_category(State& state, Attempt& attempt, LedgerCategory category, Instant now);

/// What the end of an attempt means for its productive time.
struct WorkSplit {
  AcceleratorTime lost;  ///< since the last checkpoint, and has to be done again
  AcceleratorTime kept;
};
/// Nothing is lost when the job is done or was cancelled; otherwise what was not saved is.
WorkSplit split_work(const Attempt& attempt, EndCause cause, Instant now);

/// An attempt's time up to `now`.
JobUsage usage_of_attempt(const Attempt& attempt, Instant now);

}  // namespace mw
