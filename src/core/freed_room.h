// Whether there might be room at all once some attempts have let go: by whole accelerators, node by
// node, and nothing else. To find a place in a room that is only planned costs many times as much,
// and most searches for somebody to stop, or for something to wait for, end with "not even then".
// Never false for a gang that would fit.
#pragma once

#include <cstdint>
#include <vector>

#include "core/state.h"

namespace mw {

class FreedRoom {
 public:
  /// What is free now, as placement sees it.
  explicit FreedRoom(const State& state)
      : state_(state), freed_(state.free.room().size(), kUntouched) {}

  /// As if it had let go.
  void release(const Attempt& attempt);
  /// False: the gang fits nowhere, whatever CPUs, memory and power there are.
  /// Cost: O(nodes).
  [[nodiscard]] bool may_hold(const GangShape& gang, const Whereabouts& where) const;

 private:
  static constexpr std::uint32_t kUntouched = 0;
  [[nodiscard]] std::uint32_t tasks_at(Position position, const GangShape& gang) const;

  const State& state_;
  std::vector<std::uint32_t> freed_;  ///< by position: thousandths of accelerators, and one
};

}  // namespace mw
