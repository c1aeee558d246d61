#include "core/position_set.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "core/numbered.h"

namespace mw {
namespace {

constexpr std::uint64_t bit(std::uint32_t position) { return std::uint64_t{1} << (position % 64); }

}  // namespace

bool PositionSet::Block::empty() const {
  std::uint64_t any = 0;
  for (const std::uint64_t word : words) any |= word;
  return any == 0;
}

std::size_t PositionSet::lower_bound(std::uint32_t number) const {
  return lower_bound_number(blocks_, number, [](const Block& block) { return block.number; });
}

void PositionSet::insert(std::uint32_t position) {
  const std::uint32_t number = position / kBlockBits;
  const std::size_t at = lower_bound(number);
  if (at == blocks_.size() || blocks_[at].number != number) {
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(at), Block{number, {}});
  }
  std::uint64_t& word = blocks_[at].words[position % kBlockBits / kWordBits];
  MW_CHECK((word & bit(position)) == 0);
  word |= bit(position);
}

void PositionSet::erase(std::uint32_t position) {
  const std::uint32_t number = position / kBlockBits;
  const std::size_t at = lower_bound(number);
  MW_CHECK(at < blocks_.size() && blocks_[at].number == number);
  std::uint64_t& word = blocks_[at].words[position % kBlockBits / kWordBits];
  MW_CHECK((word & bit(position)) != 0);
  word &= ~bit(position);
  if (word == 0 && blocks_[at].empty()) {
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

std::optional<std::uint32_t> PositionSet::next(std::uint32_t from) const {
  const std::uint32_t number = from / kBlockBits;
  for (std::size_t at = lower_bound(number); at < blocks_.size(); ++at) {
    const Block& block = blocks_[at];
    const bool within = block.number == number;
    std::uint32_t i = within ? from % kBlockBits / kWordBits : 0;
    std::uint64_t word = block.words[i];
    if (within) word &= ~std::uint64_t{0} << (from % kWordBits);
    for (; word == 0 && i + 1 < block.words.size(); ++i) word = block.words[i + 1];
    if (word != 0) {
      return block.number * kBlockBits + i * kWordBits +
             static_cast<std::uint32_t>(std::countr_zero(word));
    }
  }
  return std::nullopt;
}

void IndexesByAmount::move(std::uint32_t index, std::uint32_t before, std::uint32_t after) {
  const auto line_of = [&](std::uint32_t amount) {
    return std::lower_bound(
        lines_.begin(), lines_.end(), amount,
        [](const Line& line, std::uint32_t wanted) { return line.amount < wanted; });
  };
  if (before > 0) {
    const auto line = line_of(before);
    MW_CHECK(line != lines_.end() && line->amount == before);
    line->indexes.erase(index);
    if (line->indexes.empty()) lines_.erase(line);
  }
  if (after > 0) {
    auto line = line_of(after);
    if (line == lines_.end() || line->amount != after) line = lines_.insert(line, Line{after, {}});
    line->indexes.insert(index);
  }
}

}  // namespace mw
