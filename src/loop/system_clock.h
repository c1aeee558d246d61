// The machine's clock as the loop wants it: wall time that never steps back. When the system's
// clock is set back, this one stands still (by one nanosecond a call) until it is overtaken.
#pragma once

#include <atomic>

#include "loop/clock.h"

namespace mw {

class SystemClock final : public Clock {
 public:
  /// `not_before`: where an earlier run left off, so that time goes on across restarts.
  explicit SystemClock(Instant not_before = Instant()) : last_(not_before.count()) {}
  Instant now() override;

 private:
  std::atomic<std::int64_t> last_;
};

}  // namespace mw
