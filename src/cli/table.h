// Tables that fit. On a terminal the least important columns give way first, by shrinking to
// their minimum and then by leaving altogether; a line never wraps. Into a file or a pipe
// everything is written in full, so that a script sees whole values.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace mw {

struct Column {
  enum class Align { kLeft, kRight };
  std::string title;
  int importance = 0;         ///< larger stays longer
  std::size_t width_min = 4;  ///< shrinks down to this before it leaves
  Align align = Align::kLeft;
};

struct Cell {
  std::string text;  ///< plain; made printable here
  Colour colour = Colour::kNone;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// REQUIRES: one cell a column.
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// With titles, each line with its end. A column that is empty in every row is left out.
  [[nodiscard]] std::string render(const TerminalTraits& traits) const;

 private:
  /// Columns to show, each with its width; 0: not shown.
  [[nodiscard]] std::vector<std::size_t> fit(std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// "name   value" lines, for one thing at a time; rows with an empty value are left out.
/// `indent`: in columns.
std::string render_facts(const std::vector<std::pair<std::string, Cell>>& facts, std::size_t indent,
                         const TerminalTraits& traits);

}  // namespace mw
