#include "codec/suggest.h"

#include <algorithm>
#include <vector>

namespace mw {
namespace {

/// Letters to change, add, drop or swap with their neighbour (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string_view closest(std::string_view word, std::span<const std::string_view> allowed) {
  constexpr std::size_t kLengthMax =
      64;  // nothing allowed is nearly as long, and the cost is a square
  if (word.size() < 2 || word.size() > kLengthMax) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view beginning;
  int beginnings = 0;
  for (const std::string_view candidate : allowed) {
    const std::size_t far = distance(word, candidate);
    if (far < best_distance) {
      best = candidate;
      best_distance = far;
    }
    if (word.size() >= 3 && candidate.starts_with(word)) {
      beginning = candidate;
      ++beginnings;
    }
  }
  if (!best.empty()) return best;
  return beginnings == 1 ? beginning : std::string_view();
}

}  // namespace mw
