// The journal in one SQLite file: for one machine up to a large site, and for reading with the
// `sqlite3` shell. Write-ahead log, synchronous=FULL: append() returns after the disk has it.
//
//   batches(batch, now_ns, first_input, inputs, first_event, events, core_version)
//   inputs(seq, batch, kind, body)            body: JSON, see codec/event_json.h
//   events(seq, batch, at_ns, kind, job, node, body)
//   ended_jobs(job, record, name, tenant, state, submitted_at_ns, started_at_ns, finished_at_ns,
//   body) job_specs(record, body)                   what ended jobs were submitted as, once an
//   array snapshots, snapshot_chunks                the state in pieces, so that appends go in
//   between meta(key, value)                          "schema", and who made the file
//
// One process writes, and holds PATH.lock (flock) meanwhile; any number may read.
// An append that failed left nothing behind. One exception that no store can avoid: when the
// disk fails while it confirms a batch and the process dies before it wrote anything else, that
// batch may be found, whole, after the restart. Its caller was told that nothing is known.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "loop/journal.h"

namespace mw {

/// The layout of the tables that this program writes.
inline constexpr int kSqliteJournalSchema = 3;

struct SqliteJournalOptions {
  /// For looking only: takes no lock, changes nothing; append() and its like are refused.
  bool read_only = false;
  /// Of the program, noted with each batch and named in messages.
  std::string version = "unknown";
  /// Told what is wrong though the journal can go on, e.g. an unreadable snapshot. May be empty.
  std::function<void(const std::string& warning)> warn = {};
  /// The SQLite VFS to use; empty: the default one. Tests inject faults through it.
  std::string vfs = {};
};

/// Opens the journal at `path`, and makes it (mode 0600) when there is none.
/// Errors: kConflict when another process writes to it, naming that; kUnsupported when it has a
/// newer schema; kInvalid when the file is something else; kNotFound when there is none to read;
/// kUnavailable when it cannot be opened.
Result<std::unique_ptr<Journal>> open_sqlite_journal(const std::string& path,
                                                     const SqliteJournalOptions& options = {});

}  // namespace mw
