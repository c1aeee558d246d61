// Identifiers that cannot be mixed up: a JobId is not a NodeId, and neither is a number.
#pragma once

#include <compare>
#include <cstdint>

namespace mw {

template <class Tag, class Rep>
class Id {
 public:
  using rep = Rep;
  using tag = Tag;

  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }
  /// The next one in sequence; ids are handed out in order.
  [[nodiscard]] constexpr Id next() const { return Id(value_ + 1); }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Rep value_ = 0;
};

/// A job, unique for the life of a control plane; 0 is no job. The elements of an array have
/// consecutive ids.
using JobId = Id<struct JobTag, std::uint64_t>;
/// A node; an index into the fleet, never used again for another node.
using NodeId = Id<struct NodeTag, std::uint32_t>;
/// Which run of its job an attempt is; the first is 1.
using AttemptNumber = Id<struct AttemptTag, std::uint32_t>;
/// Fences commands and observations: each attempt gets a larger one than any before it.
using Epoch = Id<struct EpochTag, std::uint64_t>;
/// Position of an event in the journal; the first is 1.
using EventSeq = Id<struct EventSeqTag, std::uint64_t>;
/// Ties an input to the events that answer it; 0 when nobody waits for an answer. Never stored
/// across a restart: only the loop that made it knows it.
using RequestId = Id<struct RequestTag, std::uint64_t>;
/// Which task of a gang, in fabric order; the first is 0.
using Rank = Id<struct RankTag, std::uint32_t>;

}  // namespace mw
