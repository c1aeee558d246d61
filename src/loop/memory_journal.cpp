#include "loop/memory_journal.h"

namespace mw {
namespace {

bool is_about(const Event& event, JobId job) {
  if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
    return job >= submitted->job && job.value() < submitted->job.value() + submitted->spec->array;
  }
  return job_of(event) == job;
}

bool matches(const StoredEvent& stored, const EventQuery& query) {
  if (stored.seq <= query.after) return false;
  if (query.job && !is_about(stored.event, *query.job)) return false;
  return !query.node || node_of(stored.event) == query.node;
}

}  // namespace

void MemoryJournal::fail_with(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(error);
}

Result<void> MemoryJournal::append(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  batches_.push_back({batch.now,
                      {batch.inputs.begin(), batch.inputs.end()},
                      batch.first_event,
                      {batch.events.begin(), batch.events.end()}});
  EventSeq seq = batch.first_event;
  for (const Event& event : batch.events) {
    events_.push_back({seq, event});
    seq = seq.next();
  }
  for (const EndedJob& ended : batch.ended) ended_.insert_or_assign(ended.job.id, ended);
  return {};
}

Result<void> MemoryJournal::probe() {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  return {};
}

Result<std::optional<State>> MemoryJournal::latest_snapshot() {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

Result<void> MemoryJournal::save_snapshot(const State& state) {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  snapshot_ = state;
  return {};
}

Result<void> MemoryJournal::visit_events(EventSeq after,
                                         const std::function<bool(const StoredEvent&)>& visitor) {
  const std::lock_guard lock(mutex_);
  for (const StoredEvent& event : events_) {
    if (event.seq > after && !visitor(event)) break;
  }
  return {};
}

Result<void> MemoryJournal::visit_batches(const std::function<bool(const StoredBatch&)>& visitor) {
  const std::lock_guard lock(mutex_);
  for (const StoredBatch& batch : batches_) {
    if (!visitor(batch)) break;
  }
  return {};
}

Result<std::vector<StoredEvent>> MemoryJournal::events(const EventQuery& query) {
  const std::lock_guard lock(mutex_);
  std::vector<StoredEvent> found;
  for (const StoredEvent& event : events_) {
    if (found.size() == query.limit) break;
    if (matches(event, query)) found.push_back(event);
  }
  return found;
}

Result<EventSeq> MemoryJournal::last_event() {
  const std::lock_guard lock(mutex_);
  return events_.empty() ? EventSeq() : events_.back().seq;
}

Result<std::vector<EndedJob>> MemoryJournal::ended_jobs(JobId before, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  std::vector<EndedJob> found;
  for (auto it = ended_.rbegin(); it != ended_.rend() && found.size() < limit; ++it) {
    if (before == JobId() || it->first < before) found.push_back(it->second);
  }
  return found;
}

Result<std::optional<EndedJob>> MemoryJournal::ended_job(JobId job) {
  const std::lock_guard lock(mutex_);
  const auto found = ended_.find(job);
  if (found == ended_.end()) return std::optional<EndedJob>();
  return std::optional<EndedJob>(found->second);
}

}  // namespace mw
