// How often a job should save. Source: J. T. Daly, "A higher order estimate of the optimum
// checkpoint interval for restart dumps", Future Generation Computer Systems 22 (2006), equations
// 20 and 37; the first term of the latter is Young's (CACM 17, 1974). How long a restart takes does
// not change the best interval, only what failures cost in all. It is advice, and decides nothing.
#pragma once

#include "base/time.h"

namespace mw {

/// Time of work between two checkpoints that costs the least, when saving one takes `cost` and
/// failures come after `mttf` in the mean; at least a second. `mttf` itself where saving takes
/// longer than twice of it.
/// REQUIRES: cost >= 0, mttf > 0.
Duration checkpoint_interval(Duration cost, Duration mttf);

/// The part of all time, from 0 to 1, that is not work which is kept: saving, work that failures
/// undo, and restarts of length `restart`.
/// REQUIRES: interval > 0, mttf > 0; cost, restart >= 0.
double checkpoint_loss(Duration interval, Duration cost, Duration restart, Duration mttf);

}  // namespace mw
