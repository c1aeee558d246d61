#include "core/accounting.h"

#include "base/check.h"

namespace mw {

void settle(Attempt& attempt, Instant now) {
  const AcceleratorTime spent = attempt.accelerators * (now - attempt.category_since);
  attempt.category_since = now;
  switch (attempt.category) {
    case LedgerCategory::kStarting:
      attempt.starting += spent;
      return;
    case LedgerCategory::kProductive:
      attempt.unsaved += spent;
      return;
    case LedgerCategory::kCheckpointing:
      attempt.checkpointing += spent;
      return;
    default:
      MW_CHECK(!"an attempt is starting, productive or checkpointing");
  }
}

void change_category(State& state, Attempt& attempt, LedgerCategory category, Instant now) {
  settle(attempt, now);
  state.ledger.shift(attempt.category, category, attempt.accelerators);
  attempt.category = category;
}

WorkSplit split_work(const Attempt& attempt, EndCause cause, Instant now) {
  Attempt settled = attempt;
  settle(settled, now);
  const bool all_kept = cause == EndCause::kCompleted || cause == EndCause::kCancelled;
  if (all_kept) return {AcceleratorTime(), settled.saved + settled.unsaved};
  return {settled.unsaved, settled.saved};
}

JobUsage usage_of_attempt(const Attempt& attempt, Instant now) {
  Attempt settled = attempt;
  settle(settled, now);
  return {settled.starting, settled.saved + settled.unsaved, settled.checkpointing,
          AcceleratorTime()};
}

}  // namespace mw
