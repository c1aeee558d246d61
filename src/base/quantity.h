// Strong integer quantities. Every amount that the brain keeps is an integer with a unit in its
// type, so that two machines always agree on a sum and a length is never added to a power.
// There is no implicit way in or out: construct with a named factory, leave with count().
#pragma once

#include <compare>
#include <cstdint>

namespace mw {

/// An additive amount of one unit. Tag names the unit; Rep holds it.
template <class Tag, class Rep = std::int64_t>
class Quantity {
 public:
  using rep = Rep;
  using tag = Tag;

  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep count) : count_(count) {}

  [[nodiscard]] constexpr Rep count() const { return count_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity& operator+=(Quantity other) {
    count_ += other.count_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    count_ -= other.count_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity(a.count_ + b.count_);
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity(a.count_ - b.count_);
  }
  friend constexpr Quantity operator-(Quantity a) { return Quantity(-a.count_); }
  friend constexpr Quantity operator*(Quantity a, Rep n) { return Quantity(a.count_ * n); }
  friend constexpr Quantity operator*(Rep n, Quantity a) { return Quantity(n * a.count_); }
  /// How many whole `b` go into `a`.  REQUIRES: b != 0.
  friend constexpr Rep operator/(Quantity a, Quantity b) { return a.count_ / b.count_; }

 private:
  Rep count_ = 0;
};

/// Electrical power in milliwatts.
using Watts = Quantity<struct WattsTag>;
/// Memory or storage in bytes.
using Bytes = Quantity<struct BytesTag>;
/// Thousandths of one accelerator: 1000 is a whole one.
using AcceleratorShare = Quantity<struct AcceleratorShareTag>;
/// Thousandths of one CPU core.
using CpuShare = Quantity<struct CpuShareTag>;

inline constexpr AcceleratorShare kWholeAccelerator{1000};
inline constexpr CpuShare kWholeCpu{1000};

}  // namespace mw
