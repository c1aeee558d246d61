// Which positions changed last, for a cache that follows what is free instead of working it out
// anew. Not a part of the value that it stands in: a copy begins as one of which everything has
// changed, so nobody takes one state's changes for another's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/topology.h"

namespace mw {

class ChangeLog {
 public:
  ChangeLog() = default;
  ChangeLog(const ChangeLog&) {}
  ChangeLog& operator=(const ChangeLog&) {
    add_all(0);
    return *this;
  }
  ~ChangeLog() = default;

  void add(Position position) {
    if (latest_.size() <= position) add_all(position + 1);
    latest_[position] = count_;
    recent_[count_ & (recent_.size() - 1)] = position;
    ++count_;
  }
  /// Everything may have changed, the positions themselves included. There are so many of them, if
  /// that is known: as many changes are kept at least, for beyond them it is as quick to look at
  /// all there is.
  void add_all(std::uint32_t positions) {
    std::size_t kept = kKeptMin;
    while (kept < positions) kept *= 2;
    if (kept > recent_.size()) recent_.assign(kept, Position{});
    latest_.assign(std::max<std::size_t>(latest_.size(), positions), 0);
    count_ += recent_.size() + 1;
    ++resets_;
  }
  /// How often everything did.
  [[nodiscard]] std::uint64_t resets() const { return resets_; }
  /// So many changes there were so far; never 0, which stands for having seen none.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Too many came after the first `seen` to be told.
  [[nodiscard]] bool lost(std::uint64_t seen) const { return count_ - seen > recent_.size(); }
  /// The positions that changed after the first `seen`, each of them once.
  /// REQUIRES: !lost(seen).
  template <class Visitor>
  void visit(std::uint64_t seen, Visitor&& visit) const {
    for (std::uint64_t i = seen; i < count_; ++i) {
      const Position position = recent_[i & (recent_.size() - 1)];
      if (latest_[position] == i) visit(position);
    }
  }

 private:
  static constexpr std::size_t kKeptMin = 2048;
  std::vector<Position> recent_ = std::vector<Position>(kKeptMin);  ///< a ring; a power of two
  std::vector<std::uint64_t> latest_;  ///< by position: its last change
  std::uint64_t count_ = kKeptMin + 1;
  std::uint64_t resets_ = 1;
};

}  // namespace mw
