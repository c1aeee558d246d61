// What a journal is for: getting the state back, and proving that it is the right one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "core/state.h"
#include "loop/journal.h"

namespace mw {

/// The state as of the last append: the newest snapshot, and apply() of what came after.
/// Errors: what the journal answers; kInternal when its events are not the continuation of its
/// snapshot, naming the first that is not.
Result<State> recover(Journal& journal);

struct VerifyReport {
  std::uint64_t batches = 0;
  std::uint64_t inputs = 0;
  std::uint64_t events = 0;
};

/// How an event is written in a message; the loop knows no JSON (codec/event_json.h: event_row).
using EventWriter = std::function<std::string(const Event&)>;

/// Steps all stored inputs through a new Core and compares its events with the stored ones, and
/// the state at the end with what recover() gives. Reads batch by batch, and may run beside a
/// control plane that goes on appending.
/// `progress` and `write` may be empty; without `write` events are named by kind only.
/// Errors: kInternal, naming batch and event of the first difference, and both events.
Result<VerifyReport> verify(Journal& journal,
                            const std::function<void(std::uint64_t events_done)>& progress,
                            const EventWriter& write = {});

}  // namespace mw
