// Tables in comma-separated files: traces and lists that others publish. Cells are found by the
// names of their columns, in any order; every error names file, line and column.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw {

class CsvTable {
 public:
  /// Reads text whose first line names the columns. Lines may end in CR LF; empty ones are passed
  /// over. `file` is for messages.
  /// Errors: kInvalid for a line with too many or too few cells, for quotes (no list that we read
  /// has them), for a column named twice and for no columns.
  static Result<CsvTable> parse(std::string_view text, std::string file);
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
  /// An error about a cell that only the caller can judge: "FILE:LINE: COLUMN: ...".
  [[nodiscard]] Error wrong(std::size_t row, std::string_view column, std::string_view what) const;

 private:
  [[nodiscard]] Result<std::size_t> index_of(std::string_view column) const;

  std::string file_;
  std::vector<std::string> columns_;
  std::vector<std::string> cells_;  ///< row by row
  std::vector<std::size_t> lines_;  ///< of each row, counted from 1
};

}  // namespace mw
