// Whether there might be room for a gang at all once some attempts have let go: by whole
// accelerators, node by node, by the power of each site and of all that is below it, and nothing
// else. To find a place in a room that is only planned costs many times as much, and most searches
// for somebody to stop, or for something to wait for, end with "not even then". Never says no of a
// gang that would fit.
#pragma once

#include <cstdint>
#include <vector>

#include "core/state.h"

namespace mw {

class FreedRoom {
 public:
  /// What is free now, as placement sees it. What is claimed is not.
  /// Cost: O(vertices of fabric and power + nodes of sites that are large enough).
  FreedRoom(const State& state, const GangShape& gang, const Whereabouts& where);

  /// As if it had let go.
  void release(const Attempt& attempt);
  /// False: the gang fits nowhere, whatever CPUs and memory there are.
  [[nodiscard]] bool may_hold() const { return may_hold_; }

 private:
  /// What is below a vertex of the power tree, of nodes of one type, in units: tasks that go on a
  /// node at once.
  struct Power {
    std::uint64_t room = 0;  ///< units that fit there
    std::uint64_t most = 0;  ///< of those, what may be drawn
  };
  /// A gang runs on accelerators of one type.
  struct OfType {
    Watts draw;                       ///< of a unit, at least
    std::vector<Power> power;         ///< by PowerId
    std::vector<std::uint64_t> room;  ///< by FabricId, of regions: tasks that fit
    std::vector<bool> at_site;        ///< by SiteId: it counts there
    std::vector<bool> has_room;       ///< by SiteId: in one of its regions
    bool fleet_has_room = false;
  };
  struct Region {
    SiteId site;  ///< none: the whole fleet
    std::uint64_t tasks = 0;
  };
  static constexpr std::uint32_t kNoType = 0xFFFFFFFFU;
  void find_types(const Whereabouts& where);
  [[nodiscard]] std::uint64_t tasks_if_empty(FabricId vertex, std::uint32_t type) const;
  void count_power();
  void count_regions(FabricId id);
  void leave_out_claimed();
  /// Tasks of the gang on a node with so many accelerators free, and units of them.
  [[nodiscard]] std::uint64_t units_on(std::uint32_t whole) const;
  [[nodiscard]] std::uint32_t whole_at(Position position, std::uint32_t freed) const;
  [[nodiscard]] FabricId region_of(NodeId node) const;
  Region change_room(NodeId node, OfType& type, std::uint32_t before, std::uint32_t now);
  void refresh_power(OfType& type, PowerId lowest, std::uint64_t units_before,
                     std::uint64_t units_now);
  [[nodiscard]] std::uint64_t may_be_drawn(const OfType& type, PowerId vertex) const;
  void note_room(OfType& type, SiteId site, std::uint64_t tasks);
  void judge(SiteId site);

  const State& state_;
  const GangShape& gang_;
  bool may_hold_ = false;
  std::uint32_t at_once_;               ///< tasks in a unit
  std::vector<std::uint32_t> type_of_;  ///< by ShapeId
  std::vector<OfType> types_;
  std::vector<Watts> left_;  ///< by PowerId: that may still be drawn
  /// By position: thousandths of accelerators that were let go of, and one; 0: nothing was.
  std::vector<std::uint32_t> freed_;
};

}  // namespace mw
