// One connection to the database: statements prepared once, and SQLite's failures as our errors.
// SQLite's exceptions (SQLiteCpp) are thrown here and caught by guarded().
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace mw::sqlite {

/// One run of a prepared statement; ready for the next when this goes.
class Query {
 public:
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  ~Query() { (void)statement_.tryReset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds the parameters in order. Strings are not copied: they must live until the last step.
  template <class... Values>
  Query& bind(const Values&... values) {
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  /// The next row; false when there is none.
  bool step() { return statement_.executeStep(); }
  /// Runs it to its end.
  void run() {
    while (step()) {}
  }

  [[nodiscard]] std::int64_t integer(int column) const {
    return statement_.getColumn(column).getInt64();
  }
  /// Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const {
    const SQLite::Column value = statement_.getColumn(column);
    const char* data = value.getText();  // before getBytes: it may convert
    return {data, static_cast<std::size_t>(value.getBytes())};
  }

 private:
  void bind_one(int index, std::int64_t value) { statement_.bind(index, value); }
  void bind_one(int index, const std::string& value) { statement_.bindNoCopy(index, value); }
  void bind_one(int index, std::string_view value) { statement_.bind(index, std::string(value)); }
  void bind_one(int index, const std::optional<std::int64_t>& value) {
    if (value)
      statement_.bind(index, *value);
    else
      statement_.bind(index);
  }
  SQLite::Statement& statement_;
};

class Connection {
 public:
  /// Throws SQLite::Exception.
  Connection(const std::string& path, int flags, const std::string& vfs);

  /// `sql` must be a literal: its address is the key under which it stays prepared.
  Query query(const char* sql);
  void run(const char* sql) { query(sql).run(); }
  /// The first column of the first row; nothing when there is no row.
  std::optional<std::int64_t> number(const char* sql);
  /// Ends a transaction that failed, if it is still open.
  void roll_back() noexcept;

 private:
  SQLite::Database database_;
  std::map<const char*, SQLite::Statement> statements_;
};

/// What a failure of SQLite means for whoever uses the journal at `path`: kUnavailable with what
/// to do about it when waiting or making room helps, otherwise kInternal.
Error store_error(const std::string& path, const SQLite::Exception& exception);

/// Runs `work`, which may throw what SQLite throws, and returns what it returns.
template <class Work>
auto guarded(const std::string& path, Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const SQLite::Exception& exception) {
    return store_error(path, exception);
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInternal, "the journal " + path + ": " + exception.what()};
  }
}

/// An id as SQLite's signed 64 bits and back; equal stays equal.
constexpr std::int64_t as_column(std::uint64_t id) { return static_cast<std::int64_t>(id); }
constexpr std::uint64_t from_column(std::int64_t column) {
  return static_cast<std::uint64_t>(column);
}

}  // namespace mw::sqlite
