#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace mw {
namespace {

constexpr std::size_t kGap = 2;  // columns between two columns

std::string padded(const std::string& text, std::size_t width, Column::Align align) {
  const std::size_t used = display_width(text);
  const std::string space(width > used ? width - used : 0, ' ');
  return align == Column::Align::kRight ? space + text : text + space;
}

std::size_t total_width(const std::vector<std::size_t>& widths) {
  std::size_t shown = 0;
  std::size_t sum = 0;
  for (const std::size_t width : widths) {
    shown += width > 0 ? 1 : 0;
    sum += width;
  }
  return shown == 0 ? 0 : sum + kGap * (shown - 1);
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  MW_CHECK(row.size() == columns_.size());
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::fit(std::size_t width) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] > 0) widths[i] = std::max(widths[i], display_width(columns_[i].title));
  }
  if (width == 0) return widths;

  std::vector<std::size_t> order(columns_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return columns_[i].importance; });
  for (const std::size_t i : order) {
    const std::size_t total = total_width(widths);
    if (total <= width) return widths;
    const std::size_t low = std::max(columns_[i].width_min, std::size_t{1});
    if (widths[i] > low) widths[i] = std::max(low, widths[i] - std::min(widths[i], total - width));
  }
  for (const std::size_t i : order) {
    if (total_width(widths) <= width || i == order.back()) break;
    widths[i] = 0;
  }
  widths[order.back()] = std::min(widths[order.back()], width);
  return widths;
}

std::string Table::render(const TerminalTraits& traits) const {
  const std::vector<std::size_t> widths = fit(traits.width);
  std::size_t last = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] > 0) last = i;
  }
  std::string out;
  const auto add_line = [&](const auto& cell_of) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (widths[i] == 0) continue;
      const Cell cell = cell_of(i);
      std::string text = clip(cell.text, widths[i], traits.unicode);
      // The last one needs no room after it; trailing blanks are a nuisance to copy.
      const bool bare = i == last && columns_[i].align == Column::Align::kLeft;
      if (!bare) text = padded(text, widths[i], columns_[i].align);
      const std::size_t end = text.find_last_not_of(' ') + 1;
      out += paint(text.substr(0, end), cell.colour, traits) + text.substr(end);
      if (i != last) out += std::string(kGap, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  add_line([&](std::size_t i) { return Cell{columns_[i].title, Colour::kBold}; });
  for (const auto& row : rows_) {
    add_line([&](std::size_t i) { return row[i]; });
  }
  return out;
}

std::string render_facts(const std::vector<std::pair<std::string, Cell>>& facts, std::size_t indent,
                         const TerminalTraits& traits) {
  std::size_t name_width = 0;
  for (const auto& [name, value] : facts) {
    if (!value.text.empty()) name_width = std::max(name_width, display_width(name));
  }
  std::string out;
  for (const auto& [name, value] : facts) {
    if (value.text.empty()) continue;
    std::string text = printable(value.text);
    const std::size_t used = indent + name_width + kGap;
    if (traits.width > used + 8) text = clip(text, traits.width - used, traits.unicode);
    out += std::string(indent, ' ') + paint(name, Colour::kDim, traits) +
           std::string(name_width - display_width(name) + kGap, ' ') +
           paint(text, value.colour, traits) + '\n';
  }
  return out;
}

}  // namespace mw
