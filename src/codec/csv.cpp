#include "codec/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::uintmax_t kBytesMax = std::uintmax_t{256} << 20U;  // over any trace in traces/

std::vector<std::string> cells_of(std::string_view line, char separator) {
  std::vector<std::string> cells;
  while (true) {
    const std::size_t end = line.find(separator);
    cells.emplace_back(line.substr(0, end));
    if (end == std::string_view::npos) return cells;
    line.remove_prefix(end + 1);
  }
}

Error at(const std::string& file, std::size_t line, std::string_view what) {
  return {ErrorCode::kInvalid, fmt::format("{}:{}: {}", file, line, what)};
}

}  // namespace

Result<CsvTable> CsvTable::parse(std::string_view text, std::string file, const CsvForm& form) {
  CsvTable table;
  table.file_ = std::move(file);
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (!form.quotes && line.find('"') != std::string_view::npos) {
      return at(table.file_, number, "quotes are not supported in this kind of list");
    }
    std::vector<std::string> cells = cells_of(line, form.separator);
    if (table.columns_.empty()) {
      table.columns_ = std::move(cells);
      std::vector<std::string> sorted = table.columns_;
      std::sort(sorted.begin(), sorted.end());
      const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
      if (twice != sorted.end()) {
        return at(table.file_, number, fmt::format("column {} is named twice", in_quotes(*twice)));
      }
      continue;
    }
    if (cells.size() != table.columns_.size()) {
      return at(table.file_, number,
                fmt::format("expected {} cells as the first line has, found {}",
                            table.columns_.size(), cells.size()));
    }
    table.lines_.push_back(number);
    std::move(cells.begin(), cells.end(), std::back_inserter(table.cells_));
  }
  if (table.columns_.empty()) return at(table.file_, 1, "expected the names of the columns");
  return table;
}

Result<std::string> read_list_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) return Error{ErrorCode::kNotFound, fmt::format("{}: cannot be opened", path)};
  const auto size = static_cast<std::intmax_t>(stream.tellg());
  if (size < 0) return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot be read", path)};
  if (static_cast<std::uintmax_t>(size) > kBytesMax) {
    return Error{ErrorCode::kTooLarge,
                 fmt::format("{}: {} bytes; at most {} are read", path, size, kBytesMax)};
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  stream.seekg(0);
  if (size > 0 && !stream.read(text.data(), size)) {
    return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot be read", path)};
  }
  return text;
}

Result<CsvTable> CsvTable::read(const std::string& path) {
  const auto text = read_list_file(path);
  if (!text) return text.error();
  return parse(*text, path);
}

bool CsvTable::has(std::string_view column) const {
  return std::find(columns_.begin(), columns_.end(), column) != columns_.end();
}

Result<std::size_t> CsvTable::index_of(std::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end()) {
    return at(
        file_, 1,
        fmt::format("no column {}; there are: {}", in_quotes(column), fmt::join(columns_, ", ")));
  }
  return static_cast<std::size_t>(found - columns_.begin());
}

Result<std::string> CsvTable::text(std::size_t row, std::string_view column) const {
  MW_CHECK(row < size());
  const auto index = index_of(column);
  if (!index) return index.error();
  return cells_[row * columns_.size() + *index];
}

Result<std::int64_t> CsvTable::whole(std::size_t row, std::string_view column, std::int64_t low,
                                     std::int64_t high) const {
  const auto cell = text(row, column);
  if (!cell) return cell.error();
  const auto number = parse_whole(*cell, low, high);
  if (!number) {
    return wrong(row, column,
                 fmt::format("{}, found {}", number.error().message, in_quotes(*cell)));
  }
  return *number;
}

Result<std::int64_t> CsvTable::whole_or_0(std::size_t row, std::string_view column,
                                          std::int64_t low, std::int64_t high) const {
  const auto cell = text(row, column);
  if (!cell) return cell.error();
  if (cell->empty()) return std::int64_t{0};
  return whole(row, column, low, high);
}

Result<Duration> CsvTable::seconds(std::size_t row, std::string_view column, Duration high) const {
  const auto cell = text(row, column);
  if (!cell) return cell.error();
  const auto length = parse_seconds(*cell, high);
  if (!length) {
    return wrong(row, column,
                 fmt::format("{}, found {}", length.error().message, in_quotes(*cell)));
  }
  return *length;
}

Result<Duration> parse_seconds(std::string_view text, Duration high) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const Error wrong{ErrorCode::kInvalid, fmt::format("expected a number of seconds from 0 to {}",
                                                     high.count() / kSecond)};
  const std::size_t point = text.find('.');
  const std::string_view whole_part = text.substr(0, point);
  const auto whole = parse_whole(whole_part, 0, high.count() / kSecond);
  if (!whole || whole_part == "-0") return wrong;
  std::int64_t length = *whole * kSecond;
  if (point != std::string_view::npos) {
    const std::string_view decimals = text.substr(point + 1);
    if (decimals.empty()) return wrong;
    std::int64_t unit = kSecond / 10;
    bool rounded = false;
    for (const char c : decimals) {
      if (c < '0' || c > '9') return wrong;
      if (unit > 0) {
        length += (c - '0') * unit;
        unit /= 10;
      } else if (!rounded) {
        length += c >= '5' ? 1 : 0;
        rounded = true;
      }
    }
  }
  if (length > high.count()) return wrong;
  return Duration(length);
}

Error CsvTable::wrong(std::size_t row, std::string_view column, std::string_view what) const {
  MW_CHECK(row < size());
  return at(file_, lines_[row], fmt::format("{}: {}", column, what));
}

}  // namespace mw
