#include "core/ledger.h"

#include "base/check.h"

namespace mw {

void Ledger::advance(Instant to) {
  MW_CHECK(to >= at_);
  const Duration length = to - at_;
  at_ = to;
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    totals_.values[i] += rates_.values[i] * length;
  }
  capacity_time_ += capacity_ * length;
}

void Ledger::change_capacity(LedgerCategory category, AcceleratorShare amount) {
  capacity_ += amount;
  rates_[category] += amount;
  MW_CHECK(rates_[category].count() >= 0);
}

void Ledger::shift(LedgerCategory from, LedgerCategory to, AcceleratorShare amount) {
  rates_[from] -= amount;
  rates_[to] += amount;
  MW_CHECK(rates_[from].count() >= 0);
}

void Ledger::reclassify(LedgerCategory from, LedgerCategory to, AcceleratorTime amount) {
  totals_[from] -= amount;
  totals_[to] += amount;
  MW_CHECK(totals_[from].count() >= 0);
}

bool Ledger::balanced() const {
  return rates_.sum() == capacity_ && totals_.sum() == capacity_time_;
}

}  // namespace mw
