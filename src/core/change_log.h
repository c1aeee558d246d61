// Which positions changed last, for a cache that follows what is free instead of working it out
// anew. Not a part of the value that it stands in: a copy begins as one of which everything has
// changed, so nobody takes one state's changes for another's.
// Changes that were only tried and taken back (claims that are lifted to see what would fit without
// them, claims.h) are void: whoever did not look meanwhile need not know of them.
#pragma once

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

  void add(Position position) { recent_[count_++ & (recent_.size() - 1)] = position; }
  /// Everything may have changed, the positions themselves included. There are so many of them, if
  /// that is known: as many changes are kept at least, for beyond them it is as quick to look at
  /// all there is.
  void add_all(std::uint32_t positions) {
    std::size_t kept = kKeptMin;
    while (kept < positions) kept *= 2;
    if (kept > recent_.size()) recent_.assign(kept, Position{});
    count_ += recent_.size() + 1;
    void_.clear();
    ++resets_;
  }
  /// All that came since there were `since` is as it was then, if that is just so many changes,
  /// those not counted that are void already.
  void take_back(std::uint64_t since, std::uint64_t changes) {
    std::uint64_t more = count_ - since;
    while (!void_.empty() && void_.back().begin >= since) {
      more -= void_.back().end - void_.back().begin;
      void_.pop_back();
    }
    if (more != changes || changes == 0) return;
    if (void_.size() >= kVoidMax) void_.erase(void_.begin(), void_.begin() + kVoidMax / 2);
    void_.push_back({since, count_});
  }

  /// How often everything did.
  [[nodiscard]] std::uint64_t resets() const { return resets_; }
  /// So many changes there were so far; never 0, which stands for having seen none.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Too many came after the first `seen` to be told.
  [[nodiscard]] bool lost(std::uint64_t seen) const {
    if (count_ - seen <= recent_.size()) return false;
    // Of those that are void the positions need not be known.
    std::uint64_t oldest = count_;
    visit_ranges(seen, [&](std::uint64_t begin, std::uint64_t /*end*/) {
      oldest = oldest == count_ ? begin : oldest;
    });
    return count_ - oldest > recent_.size();
  }
  /// The positions that changed after the first `seen`, some of them more than once.
  /// REQUIRES: !lost(seen).
  template <class Visitor>
  void visit(std::uint64_t seen, Visitor&& visit) const {
    visit_ranges(seen, [&](std::uint64_t begin, std::uint64_t end) {
      for (std::uint64_t i = begin; i < end; ++i) visit(recent_[i & (recent_.size() - 1)]);
    });
  }

 private:
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };
  /// What is left of the changes after `seen` without those that are void.
  template <class Visitor>
  void visit_ranges(std::uint64_t seen, Visitor&& visit) const {
    for (const Range& each : void_) {
      if (each.begin < seen) continue;  // seen in part: what was taken back has to be seen too
      if (each.begin > seen) visit(seen, each.begin);
      seen = each.end;
    }
    if (seen < count_) visit(seen, count_);
  }

  static constexpr std::size_t kKeptMin = 2048;
  static constexpr std::size_t kVoidMax = 64;
  std::vector<Position> recent_ = std::vector<Position>(kKeptMin);  ///< a ring; a power of two
  std::vector<Range> void_;                                         ///< in order, apart
  std::uint64_t count_ = kKeptMin + 1;
  std::uint64_t resets_ = 1;
};

}  // namespace mw
