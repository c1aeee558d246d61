// What a journal is for: getting the state back, and proving that it is the right one.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "core/state.h"
#include "loop/journal.h"

namespace mw {

/// The state as of the last append: the newest snapshot, and apply() of what came after.
Result<State> recover(Journal& journal);

struct VerifyReport {
  std::uint64_t batches = 0;
  std::uint64_t inputs = 0;
  std::uint64_t events = 0;
};

/// Steps all stored inputs through a new Core and compares its events with the stored ones, and
/// the state at the end with what recover() gives.
/// Errors: kInternal, naming the first difference.
Result<VerifyReport> verify(Journal& journal,
                            const std::function<void(std::uint64_t events_done)>& progress);

}  // namespace mw
