// Time as the brain sees it: integers of nanoseconds, handed in from outside. Nothing here reads
// a clock; whoever owns one (src/loop, src/twin) passes an Instant.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "base/quantity.h"

namespace mw {

/// A length of time in nanoseconds; may be negative.
using Duration = Quantity<struct DurationTag>;

constexpr Duration nanoseconds(std::int64_t n) { return Duration(n); }
constexpr Duration microseconds(std::int64_t n) { return Duration(n * 1'000); }
constexpr Duration milliseconds(std::int64_t n) { return Duration(n * 1'000'000); }
constexpr Duration seconds(std::int64_t n) { return Duration(n * 1'000'000'000); }
constexpr Duration minutes(std::int64_t n) { return seconds(n * 60); }
constexpr Duration hours(std::int64_t n) { return minutes(n * 60); }

/// A point in time: nanoseconds since the Unix epoch (live) or since the start of a simulation.
class Instant {
 public:
  constexpr Instant() = default;
  constexpr explicit Instant(std::int64_t ns) : ns_(ns) {}
  [[nodiscard]] constexpr std::int64_t count() const { return ns_; }
  /// Later than anything that happens: "no such time".
  static constexpr Instant never() { return Instant(std::numeric_limits<std::int64_t>::max()); }

  constexpr auto operator<=>(const Instant&) const = default;
  /// Saturates at never(), so that "now + a very long limit" stays a time.
  friend constexpr Instant operator+(Instant t, Duration d) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(t.ns_, d.count(), &sum)) return never();
    return Instant(sum);
  }
  friend constexpr Instant operator-(Instant t, Duration d) { return t + (-d); }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration(a.ns_ - b.ns_); }

 private:
  std::int64_t ns_ = 0;
};

/// Accelerators integrated over time, in thousandths of an accelerator x nanoseconds. 128 bits
/// because 4 million accelerators over a month need 84.
__extension__ using Int128 = __int128;
using AcceleratorTime = Quantity<struct AcceleratorTimeTag, Int128>;

constexpr AcceleratorTime operator*(AcceleratorShare share, Duration length) {
  return AcceleratorTime(static_cast<AcceleratorTime::rep>(share.count()) * length.count());
}

}  // namespace mw
