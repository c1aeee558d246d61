// Everything that is read from the journal. Each call borrows a connection of its own from a
// small pool, so readers wait neither for each other nor for the writer. Long walks read page by
// page and hold nothing open meanwhile: history only grows at its end, so pages fit together, and
// a slow visitor does not keep the write-ahead log from being emptied.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/state.h"
#include "journal/sqlite/connection.h"
#include "loop/journal.h"

namespace mw::sqlite {

class Reader {
 public:
  Reader(std::string path, std::string vfs, std::function<void(const std::string&)> warn);

  Result<std::optional<State>> latest_snapshot();
  Result<void> visit_events(EventSeq after, const std::function<bool(const StoredEvent&)>& visitor);
  Result<void> visit_batches(const std::function<bool(const StoredBatch&)>& visitor);
  Result<std::vector<StoredEvent>> events(const EventQuery& query);
  Result<EventSeq> last_event();
  Result<std::vector<EndedJob>> ended_jobs(JobId before, std::size_t limit);
  Result<std::optional<EndedJob>> ended_job(JobId job);

  /// Calls work(connection) with a connection that nobody else uses meanwhile.
  template <class Work>
  auto with_connection(Work&& work) -> decltype(work(std::declval<Connection&>()));

 private:
  struct BatchRow {
    std::int64_t batch = 0;
    Instant now;
    std::int64_t first_input = 0;
    std::int64_t inputs = 0;
    std::int64_t first_event = 0;
    std::int64_t events = 0;
  };

  std::unique_ptr<Connection> borrow();
  void give_back(std::unique_ptr<Connection> connection);
  Result<State> read_snapshot(Connection& connection, std::int64_t snapshot, std::int64_t chunks);
  Result<std::vector<BatchRow>> batch_rows(std::int64_t after);
  Result<StoredBatch> read_batch(const BatchRow& row);
  Result<StoredEvent> event_of(const Query& row);
  Result<EndedJob> ended_of(const Query& row);
  /// The submit of the array that `job` is an element of, when it is not the job's own.
  Result<std::optional<StoredEvent>> array_submit(Connection& connection, JobId job);
  Error unreadable(const std::string& what, const Error& error) const;

  std::string path_;
  std::string vfs_;
  std::function<void(const std::string&)> warn_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

template <class Work>
auto Reader::with_connection(Work&& work) -> decltype(work(std::declval<Connection&>())) {
  return guarded(path_, [&] {
    std::unique_ptr<Connection> connection = borrow();
    auto result = work(*connection);
    // Not given back after a failure: a new one starts clean.
    give_back(std::move(connection));
    return result;
  });
}

}  // namespace mw::sqlite
