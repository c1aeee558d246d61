#include "journal/sqlite/connection.h"

#include <sqlite3.h>

#include <cstring>

namespace mw::sqlite {
namespace {

/// How long a lock of somebody else's (a person with the sqlite3 shell, say) is waited for.
constexpr int kBusyTimeoutMs = 2000;

}  // namespace

Connection::Connection(const std::string& path, int flags, const std::string& vfs)
    : database_(path, flags | SQLite::OPEN_NOMUTEX, kBusyTimeoutMs, vfs) {}

Query Connection::query(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    found = statements_.emplace(sql, SQLite::Statement(database_, sql)).first;
  }
  return Query(found->second);
}

std::optional<std::int64_t> Connection::number(const char* sql) {
  Query row = query(sql);
  if (!row.step()) return std::nullopt;
  return row.integer(0);
}

void Connection::roll_back() noexcept {
  // SQLite ends the transaction by itself after some failures, a full disk among them.
  if (sqlite3_get_autocommit(database_.getHandle()) == 0) (void)database_.tryExec("ROLLBACK");
}

Error store_error(const std::string& path, const SQLite::Exception& exception) {
  const std::string what = "the journal " + path + " ";
  const std::string said = " (SQLite: " + std::string(exception.what()) + ", code " +
                           std::to_string(exception.getExtendedErrorCode()) + ")";
  switch (exception.getErrorCode() & 0xFF) {
    case SQLITE_FULL:
      return {ErrorCode::kUnavailable,
              what + "cannot be written: the disk is full" + said +
                  ". Free some space there; work goes on by itself when there is room."};
    case SQLITE_IOERR:
      return {ErrorCode::kUnavailable,
              what + "cannot be read or written: its disk reports an error" + said +
                  ". Look for quota, permissions and the system's log."};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {ErrorCode::kUnavailable, what +
                                           "cannot be written: it or its file system is read-only" +
                                           said + ". Make it writable for this user."};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return {ErrorCode::kUnavailable,
              what + "is locked by another program" + said +
                  ". Close what has it open for writing, e.g. a sqlite3 shell."};
    case SQLITE_CANTOPEN:
      return {ErrorCode::kUnavailable,
              what + "cannot be opened" + said +
                  ". Look for the permissions of the file and its folder."};
    case SQLITE_NOMEM:
      return {ErrorCode::kUnavailable,
              what + "cannot be used: there is no memory left" + said + "."};
    case SQLITE_NOTADB:
      return {ErrorCode::kInvalid,
              what + "is not a journal, nor any SQLite database" + said + ". Name another file."};
    case SQLITE_CORRUPT:
      return {ErrorCode::kInternal,
              what + "is damaged" + said +
                  ". Keep a copy of the file and its -wal; \"mw journal verify\" "
                  "says how far it can be read."};
    default:
      return {ErrorCode::kInternal, what + "failed" + said + "."};
  }
}

}  // namespace mw::sqlite
