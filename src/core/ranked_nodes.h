// Nodes with their rankings remembered: chooses where a one-node task goes, and takes it there.
// For each need the cost of each node is kept; what a placement touches is recomputed, the rest is
// not. Whatever is remembered is a pure function of the outlook and the rooms, so remembering it
// changes the time that a choice takes and never the choice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/random.h"
#include "core/demand_outlook.h"
#include "core/fill_memo.h"
#include "core/node_room.h"
#include "core/ranking.h"

namespace mw {

struct RankingPolicy {
  RankingKind kind = RankingKind::kMillwright;
  std::uint64_t seed = 0;          ///< for kRandom
  std::vector<NeedCount> typical;  ///< for kFgd
};

/// Where a task goes.
struct NodeChoice {
  std::uint32_t node = 0;
  std::uint32_t device = 0;  ///< meaningful for a share only
  bool operator==(const NodeChoice&) const = default;
};

class RankedNodes {
 public:
  /// One empty node for each entry of `node_kinds`, an index into `kinds`.
  /// REQUIRES: types of kinds are below kTypesMax.
  RankedNodes(RankingPolicy policy, const std::vector<NodeKind>& kinds,
              const std::vector<std::uint32_t>& node_kinds);

  /// A task with this need was asked for, whether or not there is room for it.
  void observe(const TaskNeed& need);
  /// The best node; nothing when no node has room.
  /// Cost: a scan of remembered costs; what changed since this need was last asked for is ranked
  /// again, and all nodes are after the outlook changed.
  std::optional<NodeChoice> choose(const TaskNeed& need);
  /// Takes the need there; the devices taken.  REQUIRES: it fits there.
  std::vector<std::uint16_t> place(const TaskNeed& need, NodeChoice choice);
  /// Replaces a node's room by what is there now, for whoever keeps the rooms elsewhere.
  void set_room(std::uint32_t node, NodeRoom room);

  [[nodiscard]] const std::vector<NodeRoom>& rooms() const { return rooms_; }
  [[nodiscard]] const DemandOutlook& outlook() const { return outlook_; }
  [[nodiscard]] const Supply& supply() const { return supply_; }

 private:
  struct Ranked {
    std::uint64_t version = 0;
    bool has_room = false;
    NodeCost cost;
  };
  struct RankedNeed {
    std::vector<Ranked> nodes;
  };

  void count_room(const NodeRoom& room, std::int64_t sign);
  NodeCost cost_of(std::uint32_t node, const TaskNeed& need);
  NodeCost millwright_cost(std::uint32_t node, const TaskNeed& need);
  std::int64_t value_of(const NodeRoom& room);
  std::optional<NodeChoice> choose_random(const TaskNeed& need);
  void forget_rankings();

  RankingPolicy policy_;
  Random random_;
  std::vector<NodeRoom> rooms_;
  std::vector<std::uint64_t> versions_;  ///< of each node: grows when its room changes
  std::uint64_t version_ = 1;
  DemandOutlook outlook_;
  Supply supply_;
  std::map<TaskNeed, RankedNeed> ranked_;
  std::vector<std::optional<std::int64_t>> values_;  ///< of each node's room as it is
  FillMemo memo_;
};

}  // namespace mw
