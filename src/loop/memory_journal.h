// A journal that forgets with its process: for tests, and for simulations that keep their own
// record. It can be told to fail, as a full disk would.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "loop/journal.h"

namespace mw {

class MemoryJournal final : public Journal {
 public:
  /// From now on append() and probe() fail with `error`, until it is set to nothing.
  void fail_with(std::optional<Error> error);

  Result<void> append(const Batch& batch) override;
  Result<void> probe() override;
  Result<std::optional<State>> latest_snapshot() override;
  Result<void> save_snapshot(const State& state) override;
  Result<void> visit_events(EventSeq after,
                            const std::function<bool(const StoredEvent&)>& visitor) override;
  Result<void> visit_batches(const std::function<bool(const StoredBatch&)>& visitor) override;
  Result<std::vector<StoredEvent>> events(const EventQuery& query) override;
  Result<EventSeq> last_event() override;
  Result<std::vector<EndedJob>> ended_jobs(JobId before, std::size_t limit) override;
  Result<std::optional<EndedJob>> ended_job(JobId job) override;

 private:
  std::mutex mutex_;
  std::optional<Error> failure_;
  std::vector<StoredBatch> batches_;
  std::vector<StoredEvent> events_;
  std::map<JobId, EndedJob> ended_;
  std::optional<State> snapshot_;
};

}  // namespace mw
