// Jobs that have ended are kept for a while, and then no more.
#pragma once

#include "core/state.h"

namespace mw {

/// The job that ended longest ago goes, and with the last of its array all that was submitted.
/// REQUIRES: state.finished is not empty.
void forget_oldest(State& state);

}  // namespace mw
