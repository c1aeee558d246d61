// Which positions changed last, for a cache that follows what is free instead of working it out
// anew. Not a part of the value that it stands in: a copy begins as one of which everything has
// changed, so nobody takes one state's changes for another's.
#pragma once

#include <array>
#include <cstdint>

#include "core/topology.h"

namespace mw {

class ChangeLog {
 public:
  ChangeLog() = default;
  ChangeLog(const ChangeLog&) {}
  ChangeLog& operator=(const ChangeLog&) {
    add_all();
    return *this;
  }
  ~ChangeLog() = default;

  void add(Position position) { recent_[count_++ % kKept] = position; }
  /// Everything may have changed, the positions themselves included.
  void add_all() {
    count_ += kKept + 1;
    ++resets_;
  }
  /// How often everything did.
  [[nodiscard]] std::uint64_t resets() const { return resets_; }
  /// So many changes there were so far; never 0, which stands for having seen none.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Too many came after the first `seen` to be told.
  [[nodiscard]] bool lost(std::uint64_t seen) const { return count_ - seen > kKept; }
  /// The positions that changed after the first `seen`, some of them more than once.
  /// REQUIRES: !lost(seen).
  template <class Visitor>
  void visit(std::uint64_t seen, Visitor&& visit) const {
    for (std::uint64_t i = seen; i < count_; ++i) visit(recent_[i % kKept]);
  }

 private:
  static constexpr std::uint64_t kKept = 2048;  ///< more than a large gang's nodes; 8 KiB
  std::array<Position, kKept> recent_{};
  std::uint64_t count_ = kKept + 1;
  std::uint64_t resets_ = 1;
};

}  // namespace mw
