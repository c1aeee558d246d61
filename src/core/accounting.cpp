#include "core/accounting.h"

#include "base/check.h"

namespace mw {
namespace {

/// Time since the attempt's sums were closed, if it is of that category. Asked of every attempt in
/// a search for victims, so the attempt is not copied to settle it.
AcceleratorTime open_time(const Attempt& attempt, LedgerCategory category, Instant now) {
  if (attempt.category != category) return AcceleratorTime();
  return attempt.accelerators * (now - attempt.category_since);
}

}  // namespace

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
  const AcceleratorTime unsaved =
      attempt.unsaved + open_time(attempt, LedgerCategory::kProductive, now);
  const bool all_kept = cause == EndCause::kCompleted || cause == EndCause::kCancelled;
  if (all_kept) return {AcceleratorTime(), attempt.saved + unsaved};
  return {unsaved, attempt.saved};
}

JobUsage usage_of_attempt(const Attempt& attempt, Instant now) {
  const auto with_open = [&](AcceleratorTime closed, LedgerCategory category) {
    return closed + open_time(attempt, category, now);
  };
  return {with_open(attempt.starting, LedgerCategory::kStarting),
          attempt.saved + with_open(attempt.unsaved, LedgerCategory::kProductive),
          with_open(attempt.checkpointing, LedgerCategory::kCheckpointing), AcceleratorTime()};
}

}  // namespace mw
