#include "journal/sqlite/writer.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "codec/event_json.h"
#include "journal/sqlite/state_json.h"

namespace mw::sqlite {
namespace {

/// A snapshot's piece is about this large: a few milliseconds of writing between two appends.
constexpr std::size_t kChunkBytes = 256 * 1024;
/// So many pieces of an old snapshot are dropped between two appends.
constexpr std::int64_t kChunksDroppedAtOnce = 8;
/// The last two are kept: the older one serves when the newer cannot be read.
constexpr std::int64_t kSnapshotsKept = 2;
/// What probe() writes; more than a small batch needs.
constexpr std::int64_t kProbeBytes = 64 * 1024;

std::optional<std::int64_t> column_of(JobId job) {
  return job == JobId() ? std::nullopt : std::optional(as_column(job.value()));
}
std::optional<std::int64_t> column_of(std::optional<NodeId> node) {
  return node ? std::optional<std::int64_t>(node->value()) : std::nullopt;
}
std::optional<std::int64_t> column_of(std::optional<Instant> time) {
  return time ? std::optional(time->count()) : std::nullopt;
}

}  // namespace

void Turns::enter() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = next_++;
  changed_.wait(lock, [&] { return serving_ == mine; });
}

void Turns::leave() {
  {
    const std::lock_guard lock(mutex_);
    ++serving_;
  }
  changed_.notify_all();
}

Writer::Writer(std::string path, std::unique_ptr<Connection> connection, std::string version)
    : path_(std::move(path)), connection_(std::move(connection)), version_(std::move(version)) {
  struct stat file = {};
  if (::stat(path_.c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
  next_batch_ = connection_->number("SELECT coalesce(max(batch), 0) FROM batches").value_or(0) + 1;
  next_input_ = connection_->number("SELECT coalesce(max(seq), 0) FROM inputs").value_or(0) + 1;
  next_event_ =
      from_column(connection_->number("SELECT coalesce(max(seq), 0) FROM events").value_or(0)) + 1;
}

/// Runs `work` in one transaction: all of it is durable, or nothing happened.
template <class Work>
Result<void> Writer::transact(Work&& work) {
  const Turns::Turn turn(turns_);
  if (const Result<void> there = still_there(); !there) return there;
  Result<void> done = guarded(path_, [&]() -> Result<void> {
    connection_->run("BEGIN IMMEDIATE");
    work();
    connection_->run("COMMIT");
    return {};
  });
  if (!done) connection_->roll_back();
  return done;
}

/// What is written to a file that was deleted would be gone with this process.
Result<void> Writer::still_there() const {
  struct stat file = {};
  if (::stat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_)
    return {};
  return Error{ErrorCode::kUnavailable,
               "the journal " + path_ +
                   " was deleted or replaced while in use. Put it back (with its "
                   "-wal file), or stop the control plane and start it again on the file that is "
                   "there now."};
}

Result<void> Writer::append(const Batch& batch) {
  // Only this thread changes next_event_, so it can be read without a turn.
  if (batch.first_event.value() != next_event_) {
    return Error{ErrorCode::kInternal,
                 "the journal " + path_ + ": a batch that begins with event " +
                     std::to_string(batch.first_event.value()) + " cannot follow event " +
                     std::to_string(next_event_ - 1) + "; nothing was stored"};
  }
  const auto inputs = static_cast<std::int64_t>(batch.inputs.size());
  const auto events = static_cast<std::int64_t>(batch.events.size());
  Result<void> stored = transact([&] {
    connection_->query("INSERT INTO batches VALUES(?,?,?,?,?,?,?)")
        .bind(next_batch_, batch.now.count(), next_input_, inputs, as_column(next_event_), events,
              version_)
        .run();
    insert_inputs(batch);
    insert_events(batch);
    for (const EndedJob& ended : batch.ended) insert_ended(ended);
  });
  if (!stored) return stored;
  ++next_batch_;
  next_input_ += inputs;
  next_event_ += batch.events.size();
  return {};
}

void Writer::insert_inputs(const Batch& batch) {
  std::int64_t seq = next_input_;
  for (const Input& input : batch.inputs) {
    row_.clear();
    append_input_row(row_, input);
    connection_->query("INSERT INTO inputs VALUES(?,?,?,?)")
        .bind(seq, next_batch_, kind_of(input.body), row_)
        .run();
    ++seq;
  }
}

void Writer::insert_events(const Batch& batch) {
  std::int64_t seq = as_column(next_event_);
  for (const Event& event : batch.events) {
    row_.clear();
    append_event_row(row_, event);
    connection_->query("INSERT INTO events VALUES(?,?,?,?,?,?,?)")
        .bind(seq, next_batch_, event.at.count(), kind_of(event.body), column_of(job_of(event)),
              column_of(node_of(event)), row_)
        .run();
    ++seq;
  }
}

void Writer::insert_ended(const EndedJob& ended) {
  const std::int64_t record = as_column(ended.job.record.value());
  if (!connection_->query("SELECT 1 FROM job_specs WHERE record = ?").bind(record).step()) {
    row_ = spec_row(ended.spec);
    connection_->query("INSERT INTO job_specs VALUES(?,?)").bind(record, row_).run();
  }
  row_ = job_row(ended.job);
  connection_->query("INSERT OR REPLACE INTO ended_jobs VALUES(?,?,?,?,?,?,?,?,?)")
      .bind(as_column(ended.job.id.value()), record, ended.spec.name, ended.spec.tenant,
            name_of(ended.job.state), ended.submitted_at.count(), column_of(ended.job.started_at),
            column_of(ended.job.finished_at), row_)
      .run();
}

Result<void> Writer::probe() {
  return transact([&] {
    connection_->query("INSERT OR REPLACE INTO probe VALUES(1, randomblob(?))")
        .bind(kProbeBytes)
        .run();
  });
}

Result<void> Writer::save_snapshot(const State& state) {
  const std::lock_guard lock(snapshot_mutex_);
  std::int64_t snapshot = 0;
  Result<void> result = transact([&] {
    snapshot =
        connection_->number("SELECT coalesce(max(snapshot), 0) FROM snapshots").value_or(0) + 1;
    connection_->query("INSERT INTO snapshots(snapshot, seq, at_ns) VALUES(?,?,?)")
        .bind(snapshot, as_column(state.last_seq.value()), state.now.count())
        .run();
  });
  if (!result) return result;
  std::int64_t chunks = 0;
  write_state(state, kChunkBytes, [&](const std::string& chunk) {
    result = transact([&] {
      connection_->query("INSERT INTO snapshot_chunks VALUES(?,?,?,?)")
          .bind(snapshot, chunks, as_column(digest_of(chunk)), chunk)
          .run();
    });
    ++chunks;
    return result.ok();
  });
  if (result) {
    result = transact([&] {
      connection_->query("UPDATE snapshots SET chunks = ?, complete = 1 WHERE snapshot = ?")
          .bind(chunks, snapshot)
          .run();
    });
  }
  if (!result) {
    // The pieces are worth nothing without the rest, and take room that may be what is missing.
    (void)drop_snapshot(snapshot);
    return result;
  }
  return drop_old_snapshots(snapshot);
}

Result<void> Writer::drop_snapshot(std::int64_t snapshot) {
  bool more = true;
  while (more) {
    const Result<void> dropped = transact([&] {
      connection_
          ->query(
              "DELETE FROM snapshot_chunks WHERE rowid IN"
              " (SELECT rowid FROM snapshot_chunks WHERE snapshot = ? LIMIT ?)")
          .bind(snapshot, kChunksDroppedAtOnce)
          .run();
      more = connection_->query("SELECT 1 FROM snapshot_chunks WHERE snapshot = ? LIMIT 1")
                 .bind(snapshot)
                 .step();
      if (!more)
        connection_->query("DELETE FROM snapshots WHERE snapshot = ?").bind(snapshot).run();
    });
    if (!dropped) return dropped;
  }
  return {};
}

Result<void> Writer::drop_old_snapshots(std::int64_t newest) {
  std::vector<std::int64_t> old;
  const Result<void> found = transact([&] {
    // An incomplete one is of a process that died while it wrote it.
    Query rows = connection_->query(
        "SELECT snapshot FROM snapshots WHERE snapshot < ?1 AND (complete = 0 OR snapshot NOT IN"
        " (SELECT snapshot FROM snapshots WHERE complete = 1 ORDER BY snapshot DESC LIMIT ?2))");
    rows.bind(newest, kSnapshotsKept);
    while (rows.step()) old.push_back(rows.integer(0));
  });
  if (!found) return found;
  for (const std::int64_t snapshot : old) {
    if (const Result<void> dropped = drop_snapshot(snapshot); !dropped) return dropped;
  }
  return {};
}

}  // namespace mw::sqlite
