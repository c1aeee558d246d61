// Seeded random numbers that are the same on every machine and compiler (the standard library's
// distributions are not). Everything random takes one of these as an argument.
// Source: SplitMix64, Steele, Lea and Flood, OOPSLA 2014; bounded draws by Lemire, TOMACS 2019.
#pragma once

#include <cstdint>

namespace mw {

class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// Uniform in [0, bound).  REQUIRES: bound > 0. The bias is below 2^-32 for bounds below 2^32.
  constexpr std::uint64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64U);
  }
  /// Uniform in [low, high].
  constexpr std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  /// True with probability numerator/denominator.
  constexpr bool chance(std::uint64_t numerator, std::uint64_t denominator) {
    return below(denominator) < numerator;
  }
  /// An independent stream, so that one consumer's draws do not shift another's.
  constexpr Random fork() { return Random(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace mw
