// Which group of equal nodes a gang that fits on one node should go to: what it costs there, by
// what the demand seen so far would miss, and among equals by the best fit. What is remembered is a
// pure function of the outlook, the group and the gang, so remembering changes no choice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "core/demand.h"
#include "core/fill_memo.h"
#include "core/room.h"
#include "model/job.h"

namespace mw {

/// What is left of a node when it takes all of the gang: the least is the best fit. A device that
/// is begun counts before all else, as it is lost to every task that wants whole ones.
using FitCost = std::tuple<std::uint32_t, std::uint32_t, std::int64_t, std::int64_t, std::int64_t>;

/// What others could use and no longer can; smaller is better.
struct GroupCost {
  std::int64_t cost = 0;
  /// A share goes to the first device with just so much left; none: to the fullest with room.
  std::optional<AcceleratorShare> device_left;
};

/// How well a group suits.
struct GroupRank {
  bool fits = false;
  FitCost fit{};  ///< among equal costs
};

/// By what to rank: nothing of it changes during one look for a place.
struct RankingView {
  const Topology& topology;
  const Demand* demand = nullptr;  ///< none: by best fit alone
  const RankingRules* rules = nullptr;
};

class GroupRanking {
 public:
  /// From now on ranks for this gang. What is given has to stay until the next call.
  void begin(const RankingView& view, const GangShape& gang);
  /// Whether it fits there, and how well.
  GroupRank rank(const GroupKey& key, const NodeGroup& group);
  /// REQUIRES: it fits there.
  /// Cost: 10 ns when it was asked for this group and gang before, and neither sample nor prices
  ///       changed meanwhile; else about 1 microsecond, or 20 for a room that is new.
  GroupCost cost(const GroupKey& key, const NodeGroup& group);

 private:
  /// What of a gang counts on one node.
  using Shape = std::tuple<AcceleratorShare, CpuShare, Bytes, std::uint32_t, std::uint32_t, bool>;
  struct Remembered {
    std::uint64_t fingerprint = 0;
    GroupRank rank;
    std::optional<GroupCost> cost;
  };
  using ByNumber = std::vector<Remembered>;
  /// Ranks that are remembered at most, over all shapes: about 40 MB.
  static constexpr std::size_t kRememberedMax = 400'000;

  [[nodiscard]] GroupRank rank_anew(const GroupKey& key) const;
  [[nodiscard]] GroupCost cost_anew(const GroupKey& key);
  std::int64_t value_of(const NodeRoom& room);

  const Topology* topology_ = nullptr;
  const Demand* demand_ = nullptr;
  const GangShape* gang_ = nullptr;
  std::uint64_t mark_ = 0;  ///< of the outlook that the ranks follow from
  std::uint32_t percent_ = 0;
  std::map<Shape, ByNumber> ranks_;
  std::size_t remembered_ = 0;
  ByNumber* by_number_ = nullptr;  ///< of the present shape
  FillMemo memo_;
};

}  // namespace mw
