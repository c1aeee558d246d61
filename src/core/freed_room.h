// Whether there might be room for a gang at all once some attempts have let go: by whole
// accelerators, node by node, by the power of the sites, and nothing else. To find a place in a
// room that is only planned costs many times as much, and most searches for somebody to stop, or
// for something to wait for, end with "not even then". Never says no of a gang that would fit.
#pragma once

#include <cstdint>
#include <vector>

#include "core/state.h"

namespace mw {

class FreedRoom {
 public:
  /// What is free now, as placement sees it.  Cost: O(nodes).
  FreedRoom(const State& state, const GangShape& gang, const Whereabouts& where);

  /// As if it had let go.
  void release(const Attempt& attempt);
  /// False: the gang fits nowhere, whatever CPUs and memory there are.
  [[nodiscard]] bool may_hold() const { return may_hold_; }

 private:
  struct Region {
    std::uint64_t tasks = 0;  ///< for which there may be room
    SiteId site;
  };
  struct AtSite {
    bool has_room = false;  ///< in one of its regions
    Watts power_left;       ///< at most
  };
  struct Seat {
    std::uint32_t region;     ///< that it counts in; kNoRegion: of no use for the gang
    std::uint32_t tasks = 0;  ///< of the gang's
    /// Thousandths of accelerators that were let go of, and one; 0: nothing was.
    std::uint32_t freed = 0;
  };
  static constexpr std::uint32_t kNoRegion = 0xFFFFFFFFU;
  [[nodiscard]] std::uint32_t tasks_at(Position position) const;
  void count(Position position);
  void judge(SiteId site) {
    const AtSite& there = sites_[site.value()];
    may_hold_ = may_hold_ || (there.has_room && there.power_left >= power_needed_);
  }

  const State& state_;
  const GangShape& gang_;
  bool one_node_;  ///< may hold all of it
  bool may_hold_ = false;
  std::vector<Seat> seats_;  ///< by position
  /// The outermost parts of the fabric that are near enough for the gang. Nodes that stand above
  /// all of those are regions of their own; a region that is the whole fleet has no site.
  std::vector<Region> regions_;
  Watts power_needed_;         ///< by all of the gang, at least
  std::vector<AtSite> sites_;  ///< by SiteId
};

}  // namespace mw
