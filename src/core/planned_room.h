// A room as it would be: a copy of what is free now, from which attempts are taken away and into
// which gangs are put, to find out when or instead of whom a job fits.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/placement.h"
#include "core/state.h"

namespace mw {

/// Where the groups of a gang would go, one after the other, without the numbers of devices.
using PlannedGroups = std::vector<std::vector<NodeTasks>>;

class PlannedRoom {
 public:
  enum class Begin : std::uint8_t {
    kNow,        ///< what is free for a job that claims nothing: claimed nodes are out of it
    kUnclaimed,  ///< as if nobody claimed anything
    kEmpty,      ///< as if nothing ran anywhere, and every node took work
  };
  /// `memory`: a room whose memory may be used, whatever is in it.
  explicit PlannedRoom(const State& state, Begin begin = Begin::kNow, Room memory = Room());
  /// For the next one's memory.  Nothing may be asked of this one afterwards.
  Room take_room() { return std::move(room_); }

  /// As if the attempt had let go.
  void release(const Attempt& attempt);
  /// As if it had not, after release().
  void retain(const Attempt& attempt);
  /// As if `tasks` of that gang ran on the node as well.  REQUIRES: they fit.
  void occupy(NodeId node, const GangShape& gang, std::uint32_t tasks);

  [[nodiscard]] const Room& room() const { return room_; }
  [[nodiscard]] const Slot& slot(NodeId node) const {
    return room_.slot(state_->topology->position(node));
  }
  /// The node's devices, when some are free in part; else null.
  [[nodiscard]] const DeviceRoom* parts(NodeId node) const;
  /// The node has room for so many tasks of the gang.
  [[nodiscard]] bool has_room(NodeId node, const GangShape& gang, std::uint32_t tasks) const;

  /// Where the job would go, the smallest number of tasks if it is elastic; nothing when it does
  /// not fit.  `within`: below this vertex.
  std::optional<PlannedGroups> place(Placer& placer, const JobSpec& spec,
                                     FabricId within = Topology::kRoot) const;

 private:
  /// A node that differs from how it is now.
  struct Touched {
    DeviceRoom devices;
    AcceleratorShare used;     ///< what its draw follows from
    std::uint32_t slices = 0;  ///< that are left on it
  };
  Touched& touched(NodeId node);
  void unclaim(const Node& node);
  void change(const Attempt& attempt, std::int64_t sign);
  void add_draw(NodeId node, Watts draw);
  void change_draw(const Node& node, Touched& touched, AcceleratorShare more);
  void set_devices(Position position, Slot slot, const DeviceRoom& devices, bool had_parts);

  const State* state_;
  Begin begin_;
  Room room_;
  std::vector<std::uint32_t> touched_at_;  ///< by node: its place in touched_, and 1; 0: none
  std::vector<Touched> touched_;
};

/// Asks again and again whether groups that fit in a room still do after an attempt was retained
/// there; looks only at the nodes and power paths of that attempt.
class StillFits {
 public:
  StillFits(const State& state, const JobSpec& spec, const PlannedGroups& groups);
  [[nodiscard]] bool after(const PlannedRoom& room, const Attempt& retained) const;

 private:
  struct Part {
    const GangShape* gang;
    std::uint32_t tasks;
  };
  const State& state_;
  std::map<NodeId, std::vector<Part>> parts_;
  std::map<PowerId, Watts> draw_;  ///< of the groups
};

/// The claim of a job on where it would go.  The groups are in the room afterwards.
std::vector<ClaimedNode> claimed_nodes(PlannedRoom& room, const JobSpec& spec,
                                       const PlannedGroups& groups);

}  // namespace mw
