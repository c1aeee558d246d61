#include "loop/system_clock.h"

#include <chrono>

namespace mw {

Instant SystemClock::now() {
  using std::chrono::nanoseconds;
  const auto wall =
      std::chrono::duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::int64_t last = last_.load();
  std::int64_t next = 0;
  do { next = wall > last ? wall : last + 1; } while (!last_.compare_exchange_weak(last, next));
  return Instant(next);
}

}  // namespace mw
