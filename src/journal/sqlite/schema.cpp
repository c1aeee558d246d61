#include "journal/sqlite/schema.h"

#include "journal/sqlite/sqlite_journal.h"

namespace mw::sqlite {
namespace {

// "MWJ1" in ASCII: the mark of our files, as `file` and PRAGMA application_id show it.
constexpr std::int64_t kApplicationId = 0x4D574A31;

constexpr const char* kTables[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE batches(batch INTEGER PRIMARY KEY, now_ns INTEGER NOT NULL,"
    " first_input INTEGER NOT NULL, inputs INTEGER NOT NULL,"
    " first_event INTEGER NOT NULL, events INTEGER NOT NULL, core_version TEXT NOT NULL)",
    "CREATE TABLE inputs(seq INTEGER PRIMARY KEY, batch INTEGER NOT NULL, kind TEXT NOT NULL,"
    " body TEXT NOT NULL)",
    "CREATE TABLE events(seq INTEGER PRIMARY KEY, batch INTEGER NOT NULL, at_ns INTEGER NOT NULL,"
    " kind TEXT NOT NULL, job INTEGER, node INTEGER, body TEXT NOT NULL)",
    "CREATE INDEX events_by_job ON events(job) WHERE job IS NOT NULL",
    "CREATE INDEX events_by_node ON events(node) WHERE node IS NOT NULL",
    // An element of an array has no submit event of its own: it is found by the last one before it.
    "CREATE INDEX events_of_submits ON events(job) WHERE kind = 'job_submitted'",
    "CREATE TABLE job_specs(record INTEGER PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE TABLE ended_jobs(job INTEGER PRIMARY KEY, record INTEGER NOT NULL, name TEXT NOT NULL,"
    " tenant TEXT NOT NULL, state TEXT NOT NULL, submitted_at_ns INTEGER NOT NULL,"
    " started_at_ns INTEGER, finished_at_ns INTEGER, body TEXT NOT NULL)",
    "CREATE TABLE snapshots(snapshot INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at_ns INTEGER NOT "
    "NULL,"
    " chunks INTEGER NOT NULL DEFAULT 0, complete INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE snapshot_chunks(snapshot INTEGER NOT NULL, chunk INTEGER NOT NULL,"
    " digest INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(snapshot, chunk))",
    // Written by probe(), to find out whether there is room.
    "CREATE TABLE probe(id INTEGER PRIMARY KEY, filler BLOB)",
};

/// No tables at all: the file is new. One read transaction tells both facts together.
bool is_empty(Connection& connection) {
  return connection.number("SELECT count(*) FROM sqlite_master") == 0;
}

bool is_write_ahead(Connection& connection) {
  Query mode = connection.query("PRAGMA journal_mode = WAL");
  return mode.step() && mode.text(0) == "wal";
}

Error not_a_journal(const std::string& path) {
  return {ErrorCode::kInvalid,
          path + " is an SQLite database, but not a Millwright journal. Name another file."};
}

}  // namespace

Result<void> check_schema(Connection& connection, const std::string& path,
                          const std::string& version) {
  if (connection.number("PRAGMA application_id") != kApplicationId) return not_a_journal(path);
  const auto schema = connection.number("SELECT value FROM meta WHERE key = 'schema'");
  if (!schema) return not_a_journal(path);
  if (*schema > kSqliteJournalSchema) {
    return Error{ErrorCode::kUnsupported,
                 "the journal " + path + " has schema " + std::to_string(*schema) +
                     ", made by a newer mw; this mw (" + version + ") knows schemas up to " +
                     std::to_string(kSqliteJournalSchema) +
                     ". Use the newer mw, or another MILLWRIGHT_HOME."};
  }
  if (*schema < 1) return not_a_journal(path);
  // No release wrote any of these, so nothing converts them.
  if (*schema < kSqliteJournalSchema) {
    return Error{ErrorCode::kUnsupported,
                 "the journal " + path + " has schema " + std::to_string(*schema) +
                     ", made by a development version before the first release; this mw (" +
                     version + ") reads schema " + std::to_string(kSqliteJournalSchema) +
                     " only. Use that version, or another MILLWRIGHT_HOME."};
  }
  return {};
}

Result<void> prepare_schema(Connection& connection, const std::string& path,
                            const std::string& version) {
  if (!is_empty(connection)) {
    // Nothing of a file that is not ours may be changed, so this comes before all else.
    if (const Result<void> known = check_schema(connection, path, version); !known) return known;
  }
  if (!is_write_ahead(connection)) {
    return Error{ErrorCode::kUnavailable,
                 "the journal " + path +
                     " cannot use a write-ahead log on this file system (a network share?). "
                     "Put MILLWRIGHT_HOME on a local disk."};
  }
  connection.run("PRAGMA synchronous = FULL");
  // 16 MiB of log before it is moved into the tables: a large batch then costs one move, not many.
  connection.run("PRAGMA wal_autocheckpoint = 4096");
  connection.run("PRAGMA journal_size_limit = 67108864");
  if (!is_empty(connection)) return {};
  connection.run("BEGIN IMMEDIATE");
  connection.run("PRAGMA application_id = 0x4D574A31");
  for (const char* table : kTables) connection.run(table);
  connection.query("INSERT INTO meta VALUES('schema', ?)")
      .bind(std::int64_t{kSqliteJournalSchema})
      .run();
  connection.query("INSERT INTO meta VALUES('made_by', ?)").bind("mw " + version).run();
  connection.run("COMMIT");
  return {};
}

}  // namespace mw::sqlite
