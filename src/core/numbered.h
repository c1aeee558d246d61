// Looking for a number in a list that is sorted by it.
#pragma once

#include <algorithm>
#include <cstddef>

namespace mw {

/// Index of the first entry whose number is not below `wanted`.
/// Shape:  number_of(entry) is an unsigned integer and grows from entry to entry.
/// Cost:   O(1) where the numbers follow one another without gaps from there to the last; never
///         more than O(log n). Growing integers cannot lie closer than that, so the first and the
///         last number say between which two places an entry must be.
template <class Entries, class Number, class NumberOf>
std::size_t lower_bound_number(const Entries& entries, Number wanted, NumberOf number_of) {
  if (entries.empty()) return 0;
  const std::size_t last = entries.size() - 1;
  const Number from = number_of(entries[0]);
  const Number to = number_of(entries[last]);
  if (wanted <= from) return 0;
  if (wanted > to) return entries.size();
  const auto at_most = static_cast<std::size_t>(wanted - from);
  const auto from_last = static_cast<std::size_t>(to - wanted);
  std::size_t low = from_last > last ? 0 : last - from_last;
  if (number_of(entries[low]) >= wanted) return low;
  std::size_t high = std::min(at_most, last);
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (number_of(entries[middle]) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace mw
