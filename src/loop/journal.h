// The port to the store that remembers. Whatever append() has returned ok for survives the
// process, the kernel and the power; whatever it has not, never happened.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "core/state.h"
#include "model/event.h"
#include "model/input.h"

namespace mw {

/// A job as it was when it ended, kept for good; the state forgets it after a while.
struct EndedJob {
  Job job;
  JobSpec spec;
  Instant submitted_at;
  bool operator==(const EndedJob&) const = default;
  MW_FIELDS(job, spec, submitted_at)
};

/// One step of the core: what went in, when, and what came out.
struct Batch {
  Instant now;
  std::span<const Input> inputs;
  EventSeq first_event;  ///< sequence number of events[0]
  std::span<const Event> events;
  /// One for each JobFinished among the events; none when the journal keeps none.
  std::span<const EndedJob> ended;
};

/// A stored event with its place in history.
struct StoredEvent {
  EventSeq seq;
  Event event;
};

/// A stored batch, for verification.
struct StoredBatch {
  Instant now;
  std::vector<Input> inputs;
  EventSeq first_event;
  std::vector<Event> events;
};

/// Which events to read, in order. Absent filters match all.
struct EventQuery {
  EventSeq after;            ///< only later ones
  std::optional<JobId> job;  ///< about this job; its submit event too, also in an array
  std::optional<NodeId> node;
  std::size_t limit = 1000;
};

class Journal {
 public:
  virtual ~Journal() = default;

  /// Stores the batch in one transaction; durable when it returns. On an error nothing of it is
  /// stored: kUnavailable when the store is full, read-only or locked.
  virtual Result<void> append(const Batch& batch) = 0;
  /// It wants Batch::ended, which costs a copy of each job.
  [[nodiscard]] virtual bool keeps_ended_jobs() const { return true; }
  /// Whether an append would work now; writes a little to find out.
  virtual Result<void> probe() = 0;

  /// The newest complete snapshot, indexes rebuilt; none in a new store.
  virtual Result<std::optional<State>> latest_snapshot() = 0;
  /// Stores a snapshot, and lets older ones but the last two go. Safe beside append(), from
  /// another thread.
  virtual Result<void> save_snapshot(const State& state) = 0;

  // Reading; safe from any thread, beside append. A visitor returns false to stop.

  virtual Result<void> visit_events(EventSeq after,
                                    const std::function<bool(const StoredEvent&)>& visitor) = 0;
  virtual Result<void> visit_batches(const std::function<bool(const StoredBatch&)>& visitor) = 0;
  virtual Result<std::vector<StoredEvent>> events(const EventQuery& query) = 0;
  /// The sequence number of the last stored event; 0 when there is none.
  virtual Result<EventSeq> last_event() = 0;
  /// Ended jobs in descending id order, with ids below `before` (0: from the newest).
  virtual Result<std::vector<EndedJob>> ended_jobs(JobId before, std::size_t limit) = 0;
  virtual Result<std::optional<EndedJob>> ended_job(JobId job) = 0;
};

}  // namespace mw
