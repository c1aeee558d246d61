// Tables in comma-separated files: traces and lists that others publish. Cells are found by the
// names of their columns, in any order; every error names file, line and column.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace mw {

struct CsvForm {
  char separator = ',';
  /// Quotes are text like any other, as in the lists that `sacct --parsable2` prints. Otherwise
  /// they are refused: no comma-separated list that we read has them.
  bool quotes = false;
};

class CsvTable {
 public:
  /// Reads text whose first line names the columns. Lines may end in CR LF; empty ones are passed
  /// over. `file` is for messages.
  /// Errors: kInvalid for a line with too many or too few cells, for quotes where the form has
  /// none, for a column named twice and for no columns.
  static Result<CsvTable> parse(std::string_view text, std::string file, const CsvForm& form = {});
  /// The same from a file.  Errors: kNotFound, kUnavailable, kTooLarge.
  static Result<CsvTable> read(const std::string& path);

  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] bool has(std::string_view column) const;
  /// The text of a cell.  Errors: kInvalid when there is no such column.  REQUIRES: row < size().
  [[nodiscard]] Result<std::string> text(std::size_t row, std::string_view column) const;
  /// A whole number in [low, high].
  [[nodiscard]] Result<std::int64_t> whole(std::size_t row, std::string_view column,
                                           std::int64_t low, std::int64_t high) const;
  /// The same; an empty cell is 0.
  [[nodiscard]] Result<std::int64_t> whole_or_0(std::size_t row, std::string_view column,
                                                std::int64_t low, std::int64_t high) const;
  /// A number of seconds in [0, high], with any decimals, rounded to the nanosecond.
  [[nodiscard]] Result<Duration> seconds(std::size_t row, std::string_view column,
                                         Duration high) const;
  /// An error about a cell that only the caller can judge: "FILE:LINE: COLUMN: ...".
  [[nodiscard]] Error wrong(std::size_t row, std::string_view column, std::string_view what) const;

 private:
  [[nodiscard]] Result<std::size_t> index_of(std::string_view column) const;

  std::string file_;
  std::vector<std::string> columns_;
  std::vector<std::string> cells_;  ///< row by row
  std::vector<std::size_t> lines_;  ///< of each row, counted from 1
};

/// "2323172.0": a number of seconds without a sign, rounded to the nanosecond.
/// Errors: kInvalid, "expected ..."; also above `high`.
Result<Duration> parse_seconds(std::string_view text, Duration high);

/// All of a list's file.  Errors: kNotFound, kUnavailable, kTooLarge.
Result<std::string> read_list_file(const std::string& path);

/// One row of a table, cell by cell; keeps the first error, so that it is asked for once.
class CsvRow {
 public:
  CsvRow(const CsvTable& table, std::size_t row) : table_(table), row_(row) {}

  std::string text(std::string_view column) {
    return keep(table_.text(row_, column), std::string());
  }
  std::int64_t whole(std::string_view column, std::int64_t low, std::int64_t high) {
    return keep(table_.whole(row_, column, low, high), low);
  }
  std::int64_t whole_or_0(std::string_view column, std::int64_t low, std::int64_t high) {
    return keep(table_.whole_or_0(row_, column, low, high), low);
  }
  Duration seconds(std::string_view column, Duration high) {
    return keep(table_.seconds(row_, column, high), Duration(0));
  }
  void wrong(std::string_view column, std::string_view what) {
    if (error_.ok()) error_ = table_.wrong(row_, column, what);
  }
  [[nodiscard]] const Result<void>& checked() const { return error_; }

 private:
  template <class T>
  T keep(Result<T> read, T otherwise) {
    if (read.ok()) return *read;
    if (error_.ok()) error_ = read.error();
    return otherwise;
  }
  const CsvTable& table_;
  std::size_t row_;
  Result<void> error_;
};

/// Reads every row by `read(CsvRow&)`; the first error ends it.
template <class T, class Read>
Result<std::vector<T>> csv_rows(const CsvTable& table, Read read) {
  std::vector<T> all;
  all.reserve(table.size());
  for (std::size_t row = 0; row < table.size(); ++row) {
    CsvRow reader(table, row);
    T value = read(reader);
    if (!reader.checked().ok()) return reader.checked().error();
    all.push_back(std::move(value));
  }
  return all;
}

}  // namespace mw
