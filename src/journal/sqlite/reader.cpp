#include "journal/sqlite/reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "codec/event_json.h"
#include "journal/sqlite/state_json.h"

namespace mw::sqlite {
namespace {

/// Rows read at once; a page of ordinary events is about a megabyte.
constexpr std::int64_t kEventsAPage = 2000;
constexpr std::int64_t kBatchesAPage = 500;
/// Connections kept for the next reader.
constexpr std::size_t kIdleMax = 8;

/// Limits and positions past what a column can hold mean the largest that it can.
std::int64_t clamped(std::uint64_t value) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(value, most));
}

}  // namespace

Reader::Reader(std::string path, std::string vfs, std::function<void(const std::string&)> warn)
    : path_(std::move(path)), vfs_(std::move(vfs)), warn_(std::move(warn)) {}

std::unique_ptr<Connection> Reader::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return std::make_unique<Connection>(path_, SQLite::OPEN_READONLY, vfs_);
}

void Reader::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(connection));
}

Error Reader::unreadable(const std::string& what, const Error& error) const {
  return {ErrorCode::kInternal,
          "the journal " + path_ + ": " + what + " cannot be read: " + error.message};
}

// --- snapshots ----------------------------------------------------------------------------------

Result<std::optional<State>> Reader::latest_snapshot() {
  return with_connection([&](Connection& connection) -> Result<std::optional<State>> {
    // One view of the file, so that no snapshot is dropped while it is read.
    connection.run("BEGIN");
    std::vector<std::pair<std::int64_t, std::int64_t>> found;
    {
      Query rows = connection.query(
          "SELECT snapshot, chunks FROM snapshots WHERE complete = 1 ORDER BY snapshot DESC");
      while (rows.step()) found.emplace_back(rows.integer(0), rows.integer(1));
    }
    std::optional<State> state;
    for (const auto& [snapshot, chunks] : found) {
      Result<State> read = read_snapshot(connection, snapshot, chunks);
      if (read) {
        state = std::move(*read);
        break;
      }
      // All events are kept, so an older one, or none at all, leads to the same state: later.
      if (warn_) {
        warn_("the journal " + path_ + ": snapshot " + std::to_string(snapshot) +
              " cannot be used and is passed over: " + read.error().message);
      }
    }
    connection.run("COMMIT");
    return state;
  });
}

Result<State> Reader::read_snapshot(Connection& connection, std::int64_t snapshot,
                                    std::int64_t chunks) {
  StateReader reader;
  Query rows = connection.query(
      "SELECT digest, body FROM snapshot_chunks WHERE snapshot = ? ORDER BY chunk");
  rows.bind(snapshot);
  std::int64_t count = 0;
  while (rows.step()) {
    const std::string_view body = rows.text(1);
    const std::string which = "piece " + std::to_string(count);
    if (from_column(rows.integer(0)) != digest_of(body))
      return Error{ErrorCode::kInternal, which + " is damaged"};
    if (const Result<void> added = reader.add(body); !added) {
      return Error{ErrorCode::kInternal, which + ": " + added.error().message};
    }
    ++count;
  }
  if (count != chunks) {
    return Error{ErrorCode::kInternal,
                 "it has " + std::to_string(count) + " of " + std::to_string(chunks) + " pieces"};
  }
  return reader.finish();
}

// --- history ------------------------------------------------------------------------------------

Result<StoredEvent> Reader::event_of(const Query& row) {
  const EventSeq seq(from_column(row.integer(0)));
  Result<Event> event = parse_event_row(row.text(1));
  if (!event) return unreadable("event " + std::to_string(seq.value()), event.error());
  return StoredEvent{seq, std::move(*event)};
}

Result<void> Reader::visit_events(EventSeq after,
                                  const std::function<bool(const StoredEvent&)>& visitor) {
  std::int64_t last = clamped(after.value());
  for (;;) {
    auto page = with_connection([&](Connection& connection) -> Result<std::vector<StoredEvent>> {
      Query rows =
          connection.query("SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?");
      rows.bind(last, kEventsAPage);
      std::vector<StoredEvent> events;
      while (rows.step()) {
        Result<StoredEvent> event = event_of(rows);
        if (!event) return event.error();
        events.push_back(std::move(*event));
      }
      return events;
    });
    if (!page) return page.error();
    for (const StoredEvent& event : *page) {
      if (!visitor(event)) return {};
    }
    if (page->size() < static_cast<std::size_t>(kEventsAPage)) return {};
    last = as_column(page->back().seq.value());
  }
}

Result<std::vector<Reader::BatchRow>> Reader::batch_rows(std::int64_t after) {
  return with_connection([&](Connection& connection) -> Result<std::vector<BatchRow>> {
    Query rows = connection.query(
        "SELECT batch, now_ns, first_input, inputs, first_event, events FROM batches"
        " WHERE batch > ? ORDER BY batch LIMIT ?");
    rows.bind(after, kBatchesAPage);
    std::vector<BatchRow> found;
    while (rows.step()) {
      found.push_back({rows.integer(0), Instant(rows.integer(1)), rows.integer(2), rows.integer(3),
                       rows.integer(4), rows.integer(5)});
    }
    return found;
  });
}

Result<StoredBatch> Reader::read_batch(const BatchRow& row) {
  const std::string which = "batch " + std::to_string(row.batch);
  return with_connection([&](Connection& connection) -> Result<StoredBatch> {
    StoredBatch batch{row.now, {}, EventSeq(from_column(row.first_event)), {}};
    Query inputs =
        connection.query("SELECT body FROM inputs WHERE seq >= ?1 AND seq < ?1 + ?2 ORDER BY seq");
    inputs.bind(row.first_input, row.inputs);
    while (inputs.step()) {
      Result<Input> input = parse_input_row(inputs.text(0));
      if (!input) return unreadable("an input of " + which, input.error());
      batch.inputs.push_back(std::move(*input));
    }
    Query events = connection.query(
        "SELECT seq, body FROM events WHERE seq >= ?1 AND seq < ?1 + ?2 ORDER BY seq");
    events.bind(row.first_event, row.events);
    while (events.step()) {
      Result<StoredEvent> event = event_of(events);
      if (!event) return event.error();
      batch.events.push_back(std::move(event->event));
    }
    if (batch.inputs.size() != static_cast<std::size_t>(row.inputs) ||
        batch.events.size() != static_cast<std::size_t>(row.events)) {
      return unreadable(which, {ErrorCode::kInternal,
                                "it should have " + std::to_string(row.inputs) + " inputs and " +
                                    std::to_string(row.events) + " events, and has " +
                                    std::to_string(batch.inputs.size()) + " and " +
                                    std::to_string(batch.events.size())});
    }
    return batch;
  });
}

Result<void> Reader::visit_batches(const std::function<bool(const StoredBatch&)>& visitor) {
  std::int64_t last = 0;
  for (;;) {
    const auto rows = batch_rows(last);
    if (!rows) return rows.error();
    for (const BatchRow& row : *rows) {
      const Result<StoredBatch> batch = read_batch(row);
      if (!batch) return batch.error();
      if (!visitor(*batch)) return {};
    }
    if (rows->size() < static_cast<std::size_t>(kBatchesAPage)) return {};
    last = rows->back().batch;
  }
}

Result<std::vector<StoredEvent>> Reader::events(const EventQuery& query) {
  // Each text is one statement that stays prepared, with the index it needs.
  const char* sql = "SELECT seq, body FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";
  if (query.job && query.node) {
    sql =
        "SELECT seq, body FROM events WHERE seq > ?1 AND job = ?3 AND node = ?4 ORDER BY seq LIMIT "
        "?2";
  } else if (query.job) {
    sql = "SELECT seq, body FROM events WHERE seq > ?1 AND job = ?3 ORDER BY seq LIMIT ?2";
  } else if (query.node) {
    sql = "SELECT seq, body FROM events WHERE seq > ?1 AND node = ?3 ORDER BY seq LIMIT ?2";
  }
  return with_connection([&](Connection& connection) -> Result<std::vector<StoredEvent>> {
    const std::int64_t after = clamped(query.after.value());
    const std::int64_t limit = clamped(query.limit);
    Query rows = connection.query(sql);
    if (query.job && query.node)
      rows.bind(after, limit, as_column(query.job->value()), std::int64_t{query.node->value()});
    else if (query.job)
      rows.bind(after, limit, as_column(query.job->value()));
    else if (query.node)
      rows.bind(after, limit, std::int64_t{query.node->value()});
    else
      rows.bind(after, limit);
    std::vector<StoredEvent> found;
    while (rows.step()) {
      Result<StoredEvent> event = event_of(rows);
      if (!event) return event.error();
      found.push_back(std::move(*event));
    }
    if (!query.job || query.node) return found;
    Result<std::optional<StoredEvent>> submit = array_submit(connection, *query.job);
    if (!submit) return submit.error();
    if (*submit && (*submit)->seq > query.after) {
      const auto later = std::find_if(found.begin(), found.end(), [&](const StoredEvent& event) {
        return event.seq > (*submit)->seq;
      });
      found.insert(later, std::move(**submit));
      if (found.size() > query.limit) found.pop_back();
    }
    return found;
  });
}

Result<std::optional<StoredEvent>> Reader::array_submit(Connection& connection, JobId job) {
  Query rows = connection.query(
      "SELECT seq, body FROM events WHERE kind = 'job_submitted' AND job < ? ORDER BY job DESC "
      "LIMIT 1");
  rows.bind(as_column(job.value()));
  if (!rows.step()) return std::optional<StoredEvent>();
  Result<StoredEvent> event = event_of(rows);
  if (!event) return event.error();
  const auto* submitted = std::get_if<JobSubmitted>(&event->event.body);
  const bool holds_it = submitted != nullptr && job > submitted->job &&
                        job.value() - submitted->job.value() < submitted->spec->array;
  if (!holds_it) return std::optional<StoredEvent>();
  return std::optional<StoredEvent>(std::move(*event));
}

Result<EventSeq> Reader::last_event() {
  return with_connection([&](Connection& connection) -> Result<EventSeq> {
    return EventSeq(
        from_column(connection.number("SELECT coalesce(max(seq), 0) FROM events").value_or(0)));
  });
}

// --- ended jobs ---------------------------------------------------------------------------------

Result<EndedJob> Reader::ended_of(const Query& row) {
  const std::string which = "ended job " + std::to_string(from_column(row.integer(0)));
  Result<Job> job = parse_job_row(row.text(2));
  if (!job) return unreadable(which, job.error());
  Result<JobSpec> spec = parse_spec_row(row.text(3));
  if (!spec) return unreadable(which, spec.error());
  return EndedJob{std::move(*job), std::move(*spec), Instant(row.integer(1))};
}

Result<std::vector<EndedJob>> Reader::ended_jobs(JobId before, std::size_t limit) {
  return with_connection([&](Connection& connection) -> Result<std::vector<EndedJob>> {
    Query rows = connection.query(
        "SELECT job, submitted_at_ns, ended_jobs.body, job_specs.body FROM ended_jobs"
        " JOIN job_specs USING (record) WHERE job < ? ORDER BY job DESC LIMIT ?");
    rows.bind(
        before == JobId() ? std::numeric_limits<std::int64_t>::max() : clamped(before.value()),
        clamped(limit));
    std::vector<EndedJob> found;
    while (rows.step()) {
      Result<EndedJob> job = ended_of(rows);
      if (!job) return job.error();
      found.push_back(std::move(*job));
    }
    return found;
  });
}

Result<std::optional<EndedJob>> Reader::ended_job(JobId job) {
  return with_connection([&](Connection& connection) -> Result<std::optional<EndedJob>> {
    Query rows = connection.query(
        "SELECT job, submitted_at_ns, ended_jobs.body, job_specs.body FROM ended_jobs"
        " JOIN job_specs USING (record) WHERE job = ?");
    rows.bind(as_column(job.value()));
    if (!rows.step()) return std::optional<EndedJob>();
    Result<EndedJob> ended = ended_of(rows);
    if (!ended) return ended.error();
    return std::optional<EndedJob>(std::move(*ended));
  });
}

}  // namespace mw::sqlite
