// Where every accelerator-second went. The rates say how much of the fleet is in each category
// now; the totals are the rates integrated over time. Always: the sum of the rates is the
// capacity, and the sum of the totals is the capacity integrated over time, exactly.
#pragma once

#include <array>

#include "base/fields.h"
#include "base/quantity.h"
#include "base/time.h"
#include "model/ledger.h"

namespace mw {

/// One amount a category, indexed by LedgerCategory.
template <class T>
struct ByCategory {
  std::array<T, kLedgerCategories> values{};
  T& operator[](LedgerCategory category) { return values[static_cast<std::size_t>(category)]; }
  const T& operator[](LedgerCategory category) const {
    return values[static_cast<std::size_t>(category)];
  }
  [[nodiscard]] T sum() const {
    T total{};
    for (const T& value : values) total += value;
    return total;
  }
  bool operator==(const ByCategory&) const = default;
  MW_FIELDS(values)
};

class Ledger {
 public:
  /// Integrates the rates up to `to`.  REQUIRES: `to` is not before the last call's.
  void advance(Instant to);

  /// Adds capacity (or takes it away, when negative) in `category`.
  void change_capacity(LedgerCategory category, AcceleratorShare amount);
  /// Moves `amount` of the fleet from one category to another, from now on.
  void shift(LedgerCategory from, LedgerCategory to, AcceleratorShare amount);
  /// Says of time already counted under `from` that it belongs to `to`.
  void reclassify(LedgerCategory from, LedgerCategory to, AcceleratorTime amount);

  [[nodiscard]] Instant at() const { return at_; }
  [[nodiscard]] AcceleratorShare capacity() const { return capacity_; }
  [[nodiscard]] const ByCategory<AcceleratorShare>& rates() const { return rates_; }
  [[nodiscard]] const ByCategory<AcceleratorTime>& totals() const { return totals_; }
  /// Capacity integrated over time.
  [[nodiscard]] AcceleratorTime capacity_time() const { return capacity_time_; }
  /// True when both sums hold. Checked after every step of every test.
  [[nodiscard]] bool balanced() const;

  bool operator==(const Ledger&) const = default;
  MW_FIELDS(at_, capacity_, rates_, totals_, capacity_time_)

 private:
  Instant at_;
  AcceleratorShare capacity_;
  ByCategory<AcceleratorShare> rates_;
  ByCategory<AcceleratorTime> totals_;
  AcceleratorTime capacity_time_;
};

}  // namespace mw
