// Where a gang goes: feasibility first, then rank. Nothing is changed here.
//
// One node that holds it all, if there is one. Otherwise the lowest vertex of the fabric that holds
// it whole; among those the fullest, so that the roomier ones stay whole for larger gangs; below
// it as few children as possible, again and again down to the nodes. Ranks follow the fabric.
// docs/scheduling.md tells it for operators.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/fit.h"
#include "core/group_ranking.h"
#include "core/power_bounds.h"
#include "core/room.h"
#include "core/topology.h"
#include "model/job.h"
#include "model/reason.h"

namespace mw {

struct Node;
struct VictimMemory;

/// Where placement looks: the fleet, what is free in it (now, or as planned), and the nodes
/// themselves for the numbers of their devices.
struct Surroundings {
  const Topology& topology;
  const FreeIndex& free;
  const std::vector<Node>& nodes;
  /// By what nodes are ranked; none: by best fit. Whether there is a place does not depend on it.
  const Demand* demand = nullptr;
  const RankingRules* rules = nullptr;
};

/// There is no place. What that says about when to look again.
struct NoPlace {
  /// So many more tasks have to fit somewhere, at least, before there may be a place.
  std::uint64_t shortage = 1;
  /// Power is a part of what was counted: watts that come free help as room does.
  bool power = false;
  /// By site: the same of a place inside it, for gangs that have to be at one. Empty: not known.
  std::vector<std::uint64_t> shortage_at{};
};

/// Tasks by node, in rank order.
struct NodeTasks {
  NodeId node;
  std::uint32_t tasks = 0;
  bool operator==(const NodeTasks&) const = default;
};

/// Remembers how nodes rank, so one Placer serves one state as it changes.
class Placer {
 public:
  /// From now on it is quicker where power is short in `free`, which has to outlive it.
  void follow(const FreeIndex& free) { bounds_.follow(free); }

  /// Result: slices in rank order; or nothing.
  /// REQUIRES: gang.tasks > 0, and gang.nodes is 0 or divides it; so does gang.segment.
  /// Cost: O(vertices that may hold it x shapes) to find where, then O(nodes below it); for one
  ///       node, O(groups of equal nodes).
  std::variant<Placement, NoPlace> place(const Surroundings& around, const GangShape& gang,
                                         const Whereabouts& where);

  /// Why there is no place, with figures; costs more than finding out that there is none.
  /// NotYetConsidered when there is one.
  PendingReason explain(const Surroundings& around, const GangShape& gang,
                        const Whereabouts& where);

  /// The same over a room that need not be the present one, without the numbers of devices.
  /// `within`: nodes below this vertex are looked at, and no others.
  std::optional<std::vector<NodeTasks>> place_in(const Topology& topology, const Room& room,
                                                 const GangShape& gang, const Whereabouts& where,
                                                 FabricId within = Topology::kRoot);

  /// At least as many tasks of the gang as power lets run below the vertex beside what runs now.
  /// Makes the tables that it needs.  REQUIRES: the vertex is not the whole fleet.
  /// Many when that is not known: for a room that it does not follow, or tasks that draw nothing.
  std::uint64_t most_by_power(const Topology& topology, const Room& room, const GangShape& gang,
                              FabricId vertex);

  /// Scratch memory of searches for victims (victim_search.h), null at first; here because all who
  /// search have a placer. Without it each search begins with fresh pages of the kernel's.
  std::shared_ptr<VictimMemory>& victim_memory() { return victim_memory_; }

 private:
  struct Search;
  bool choose(Search& search, const std::string& type);
  bool power_for_one(Search& search, FabricId vertex);
  std::optional<NodeTasks> one_node_of(const Surroundings& around, Search& search,
                                       const std::vector<std::string>& types,
                                       std::optional<AcceleratorShare>& device_left);
  std::optional<NodeTasks> one_node(const Surroundings& around, Search& search,
                                    std::optional<AcceleratorShare>& device_left);
  std::optional<Position> node_of(const Surroundings& around, Search& search, const GroupKey& key,
                                  const PositionSet& positions);
  std::optional<NodeTasks> one_node_in(Search& search, FabricId within);
  bool suits(Search& search, Position position);
  std::optional<std::vector<NodeTasks>> in_fabric(Search& search,
                                                  FabricId within = Topology::kRoot);
  void candidates_below(Search& search, FabricId vertex);
  /// At least as many tasks as fit below a vertex: by room alone, and by power where it is known.
  struct Bound {
    std::uint64_t by_room = 0;
    std::uint64_t by_both = 0;
  };
  Bound bound(Search& search, FabricId vertex);
  void learn_of_power(Search& search);
  static NoPlace shortage_of(const Search& search);
  std::optional<std::vector<NodeTasks>> inside(Search& search, FabricId vertex);
  void count_tasks(const Search& search, FabricId vertex, TaskCounts& tasks);
  void take(const Search& search, FabricId vertex, std::uint64_t want);
  static Search begin(const Topology& topology, const Room& room, const GangShape& gang,
                      const Whereabouts& where);
  Search most_that_fit(const Topology& topology, const Room& room, const GangShape& gang,
                       const Whereabouts& where);
  static void best_node(Search& search);
  static Resource binding(const Search& search, const GangShape& gang);
  PendingReason why_not(const Surroundings& around, const GangShape& gang, const Whereabouts& where,
                        const Search& search);

  struct Candidate {
    std::int64_t cost = 0;
    FitCost fit;
    std::optional<AcceleratorShare> device_left;
    const NodeGroups::Map::value_type* group = nullptr;
  };
  /// Groups that are ranked for one gang; where there are more, those with the best fit are. What
  /// a look costs at worst is this times 20 microseconds.
  static constexpr std::size_t kRankedMax = 1024;
  void rank_groups(const Surroundings& around, Search& search);

  GroupRanking ranking_;
  std::vector<Candidate> ranked_;
  PowerTrimmer power_;
  PowerBounds bounds_;
  std::shared_ptr<VictimMemory> victim_memory_;
  TaskCounts counts_;                 ///< of the vertex that is looked at
  std::vector<std::uint64_t> below_;  ///< sums of counts_ up to each position
  TaskCounts taken_;
  TaskCounts alone_;  ///< of one node
  /// By level: the vertices that may hold the gang, with how much they hold at most.
  std::array<std::vector<std::pair<std::uint64_t, FabricId>>, EnumNames<FabricLevel>::value.size()>
      candidates_;
  Position origin_ = 0;  ///< of the vertex that is looked at
};

/// The devices that `tasks` tasks get on a node: whole ones lowest number first, parts of a device
/// on the fullest that has room.  REQUIRES: they fit.
DeviceList pick_devices(const DeviceRoom& devices, AcceleratorShare share, std::uint32_t tasks);

}  // namespace mw
