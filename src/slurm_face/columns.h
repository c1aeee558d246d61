// The columns of squeue, sacct and sinfo, and the three ways in which Slurm's users choose them:
// letters (-o "%.18i %j"), long names (-O "jobid:10,name"), and sacct's (--format=JobID,State%20).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/terminal.h"
#include "slurm_face/job_rows.h"

namespace mw::face {

/// What there is to show of one thing; `Row` is a JobRow or a row of sinfo.
template <class Row>
struct Column {
  char letter;                ///< of -o; 0: none
  std::string_view name;      ///< of -O and of sacct, in lower case
  std::string_view header;    ///< of squeue and sinfo
  std::string_view accounts;  ///< sacct's header; empty: it has no such column
  int width;                  ///< sacct's
  std::function<std::string(const Row&, Instant now)> value;
};

/// A column as somebody chose it, with what stands before it.
template <class Row>
struct Chosen {
  const Column<Row>* column = nullptr;  ///< null: only the text
  std::string before;
  int width = 0;  ///< 0: as wide as it is
  bool right = false;
};

const std::vector<Column<JobRow>>& job_columns();
/// What these columns show costs a request a job, so it is asked for by those who show it.
JobDetails details_of(const std::vector<Chosen<JobRow>>& chosen);

/// "%.18i %.9P": an unknown letter is an error that names it.
template <class Row>
Result<std::vector<Chosen<Row>>> choose_by_letters(const std::vector<Column<Row>>& columns,
                                                   std::string_view format) {
  std::vector<Chosen<Row>> chosen;
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    Chosen<Row> one;
    ++i;
    if (i < format.size() && format[i] == '.') one.right = true, ++i;
    while (i < format.size() && format[i] >= '0' && format[i] <= '9') {
      one.width = one.width * 10 + (format[i++] - '0');
    }
    if (i >= format.size()) return Error{ErrorCode::kInvalid, "invalid format: it ends behind %"};
    if (format[i] == '%') {
      text += '%';
      continue;
    }
    for (const Column<Row>& column : columns) {
      if (column.letter == format[i]) one.column = &column;
    }
    if (one.column == nullptr) {
      return Error{ErrorCode::kUnsupported,
                   std::string("%") + format[i] + " is not supported in a format"};
    }
    one.before = std::exchange(text, "");
    chosen.push_back(std::move(one));
  }
  if (!text.empty()) chosen.push_back({nullptr, text, 0, false});
  return chosen;
}

enum class NameStyle { kLong, kAccounts };
/// "jobid:10,name" (-O), or "JobID%20,State" (sacct).
template <class Row>
Result<std::vector<Chosen<Row>>> choose_by_names(const std::vector<Column<Row>>& columns,
                                                 std::string_view format, NameStyle style) {
  constexpr int kLongWidth = 20;  // Slurm's
  std::vector<Chosen<Row>> chosen;
  while (!format.empty()) {
    const std::size_t end = std::min(format.find(','), format.size());
    std::string_view word = format.substr(0, end);
    format.remove_prefix(std::min(end + 1, format.size()));
    if (word.empty()) continue;
    Chosen<Row> one;
    const std::size_t mark = word.find(style == NameStyle::kLong ? ':' : '%');
    std::string name(word.substr(0, mark));
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    for (const Column<Row>& column : columns) {
      if (column.name == name && (style == NameStyle::kLong || !column.accounts.empty())) {
        one.column = &column;
      }
    }
    if (one.column == nullptr) {
      return Error{ErrorCode::kUnsupported,
                   "field " + std::string(word.substr(0, mark)) + " is not supported"};
    }
    one.width = style == NameStyle::kLong ? kLongWidth : one.column->width;
    one.right = style == NameStyle::kAccounts;
    if (mark != std::string_view::npos) {
      std::string_view width = word.substr(mark + 1);
      if (width.starts_with('.')) one.right = true, width.remove_prefix(1);
      if (width.starts_with('-')) one.right = false, width.remove_prefix(1);
      one.width = 0;
      for (const char c : width) {
        if (c < '0' || c > '9' || one.width > 10'000) {
          return Error{ErrorCode::kInvalid, "invalid width in " + std::string(word)};
        }
        one.width = one.width * 10 + (c - '0');
      }
    }
    chosen.push_back(std::move(one));
  }
  return chosen;
}

/// `text` in its column: cut or filled to the width.
std::string fit(std::string_view text, int width, bool right);

/// Lines of squeue and sinfo. Names and comments are other people's: none steers the terminal.
template <class Row>
std::string table_text(const std::vector<Chosen<Row>>& chosen, const std::vector<Row>& rows,
                       Instant now, bool header) {
  std::string text;
  const auto line = [&](const auto& cell) {
    for (const Chosen<Row>& one : chosen) {
      text += one.before;
      if (one.column != nullptr) text += fit(cell(*one.column), one.width, one.right);
    }
    text += '\n';
  };
  if (header) line([](const Column<Row>& column) { return std::string(column.header); });
  for (const Row& row : rows) {
    line([&](const Column<Row>& column) { return printable(column.value(row, now)); });
  }
  return text;
}

}  // namespace mw::face
