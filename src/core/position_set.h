// A set of small numbers, in order: positions of nodes, indexes of cells. Bits in blocks of 512, of
// which only those that hold something exist: a full set takes an eighth of a byte a position, one
// that holds a single node a hundred bytes, and all of it lies in one piece of memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace mw {

class PositionSet {
 public:
  /// REQUIRES: it is not in the set.
  void insert(std::uint32_t position);
  /// REQUIRES: it is in the set.
  void erase(std::uint32_t position);
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  /// The first at or after `from`.
  [[nodiscard]] std::optional<std::uint32_t> next(std::uint32_t from) const;
  bool operator==(const PositionSet&) const = default;

 private:
  static constexpr std::uint32_t kWordBits = 64;
  static constexpr std::uint32_t kBlockBits = 512;
  struct Block {
    std::uint32_t number = 0;  ///< of the positions [512 number, 512 (number + 1))
    std::array<std::uint64_t, kBlockBits / kWordBits> words{};
    [[nodiscard]] bool empty() const;
    bool operator==(const Block&) const = default;
  };
  /// Index of the first block that is not before `number`.
  [[nodiscard]] std::size_t lower_bound(std::uint32_t number) const;

  std::vector<Block> blocks_;  ///< by number; none is empty
};

/// The lines of who has how much: for each amount above 0 the indexes that have just that much, to
/// walk over from the least amount on.
class IndexesByAmount {
  struct Line {
    std::uint32_t amount = 0;
    PositionSet indexes;
    bool operator==(const Line&) const = default;
  };

 public:
  /// Moves `index` from one amount to another; 0: it is in no line.
  void move(std::uint32_t index, std::uint32_t before, std::uint32_t after);
  /// Over pairs (amount, index), by amount, then by index.
  class Iterator {
   public:
    std::pair<std::uint32_t, std::uint32_t> operator*() const { return {line_->amount, index_}; }
    Iterator& operator++() {
      find_from(index_ + 1);
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return line_ == end_; }

   private:
    friend class IndexesByAmount;
    Iterator(const Line* line, const Line* end) : line_(line), end_(end) {
      if (line_ != end_) find_from(0);
    }
    void find_from(std::uint32_t from) {
      auto next = line_->indexes.next(from);
      while (!next && ++line_ != end_) next = line_->indexes.next(0);
      index_ = next.value_or(0);
    }
    const Line* line_;
    const Line* end_;
    std::uint32_t index_ = 0;
  };
  [[nodiscard]] Iterator begin() const { return {lines_.data(), lines_.data() + lines_.size()}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
  bool operator==(const IndexesByAmount&) const = default;

 private:
  std::vector<Line> lines_;  ///< by amount; none is empty
};

}  // namespace mw
