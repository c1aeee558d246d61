// The port through which the loop reads time. Live it is the system's clock, made to never step
// back; in the twin it is the simulation's.
#pragma once

#include "base/time.h"

namespace mw {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Never earlier than what it returned before.
  virtual Instant now() = 0;
};

}  // namespace mw
