// What is free, in the forms in which placement asks for it. All of it follows from the nodes;
// it is kept up to date with each change rather than computed anew.
//
//   Room       a slot a node, in fabric order, and for each vertex of the fabric how many of its
//              nodes have how many accelerators free. A plain value: planning ahead is working on
//              a copy.
//   NodeGroups nodes whose rooms are equal are one group, so that a choice among half a million
//              nodes is a choice among a few groups.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/change_log.h"
#include "core/device_room.h"
#include "core/position_set.h"
#include "core/topology.h"

namespace mw {

struct Node;
struct NodeClaim;

/// A node as placement sees it.
struct Slot {
  static constexpr std::uint16_t kOut = 0xFFFF;
  std::int64_t memory = 0;     ///< bytes free
  std::int32_t cpus = 0;       ///< thousandths free
  std::uint16_t whole = kOut;  ///< accelerators that are entirely free; kOut: takes no work
  std::uint16_t shape : 15 = 0;
  std::uint16_t busy : 1 = 0;  ///< something runs or is held there, be it without any resource
  [[nodiscard]] bool takes_work() const { return whole != kOut; }
  bool operator==(const Slot&) const = default;
};

/// Nodes of one shape at or below one vertex of the fabric.
struct FabricCell {
  FabricId vertex;
  ShapeId shape;
  std::uint32_t parent = 0;  ///< the same shape at the vertex's parent; the root's is itself
  std::uint32_t counts = 0;  ///< where its counts begin
  std::uint32_t width = 0;   ///< how many there are: 0 .. accelerators of the shape
};

class Room {
 public:
  Room() = default;
  /// All nodes empty and taking work.
  explicit Room(const Topology& topology);

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(slots_.size()); }
  [[nodiscard]] const Slot& slot(Position position) const { return slots_[position]; }
  void set_slot(Position position, const Slot& slot);

  /// Cells of a vertex, by shape.
  [[nodiscard]] std::span<const FabricCell> cells(FabricId vertex) const;
  /// The cell that the node itself counts in.
  [[nodiscard]] std::uint32_t cell_of(Position position) const { return cell_of_[position]; }
  [[nodiscard]] const FabricCell& cell(std::uint32_t index) const { return cells_[index]; }
  /// By number of free accelerators: how many nodes of the cell that take work have just that many.
  [[nodiscard]] std::span<const std::uint32_t> counts(const FabricCell& cell) const {
    return {counts_.data() + cell.counts, cell.width};
  }

  /// Devices of which a part is free; nodes that have none are not in it.
  std::map<Position, DeviceRoom> parts;
  /// Power that is drawn or claimed below each vertex of the power tree, idle draw included.
  std::vector<Watts> draw;

  bool operator==(const Room& other) const {
    return slots_ == other.slots_ && counts_ == other.counts_ && parts == other.parts &&
           draw == other.draw;
  }

 private:
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> cell_of_;
  std::vector<FabricCell> cells_;
  std::vector<std::uint32_t> first_cell_;  ///< by vertex, and one past the last
  std::vector<std::uint32_t> counts_;
};

/// What nodes of a group have in common.
struct GroupKey {
  std::uint16_t shape = 0;
  bool busy = false;
  std::uint16_t whole = 0;  ///< accelerators that are entirely free
  std::int32_t cpus = 0;
  std::int64_t memory = 0;
  DeviceRoom parts{};  ///< all devices, sorted, when some are free in part; else none
  auto operator<=>(const GroupKey&) const = default;
  bool operator==(const GroupKey&) const = default;
};

/// What a node counts for beside its idle draw: what it draws, or will when the claim on it begins,
/// if that is more.
Watts counted_draw(const NodeShape& shape, AcceleratorShare used, const NodeClaim& claim);

/// How placement would see the node if nothing were claimed of it.
Slot unclaimed_slot(const Topology& topology, const Node& node);
/// The group that a node would be in then.
GroupKey present_key(const Topology& topology, const Node& node);
/// A slot like those of a group's nodes.
Slot slot_of(const GroupKey& key);

/// The nodes of a group, and what lets others remember things about it: a number that no other
/// group has at the same time, small so that it can be an index, and a fingerprint of the key.
struct NodeGroup {
  PositionSet positions;
  std::uint32_t nodes = 0;
  std::uint32_t number = 0;
  std::uint64_t fingerprint = 0;
  bool operator==(const NodeGroup& other) const { return positions == other.positions; }
};

class NodeGroups {
 public:
  using Map = std::map<GroupKey, NodeGroup>;
  [[nodiscard]] const Map& groups() const { return groups_; }
  void insert(const GroupKey& key, Position position);
  void erase(const GroupKey& key, Position position);
  bool operator==(const NodeGroups& other) const { return groups_ == other.groups_; }

 private:
  /// A group that was changed before and may be the next: nodes of a gang go from one group to
  /// another together. A copy begins without, since it has groups of its own.
  struct Last {
    Last() = default;
    Last(const Last&) {}
    Last& operator=(const Last&) {
      group = nullptr;
      return *this;
    }
    ~Last() = default;
    Map::value_type* group = nullptr;
  };

  Map groups_;
  std::vector<std::uint32_t> unused_numbers_;
  Last inserted_;
  Last erased_;
};

/// Both together, for the nodes as they are now.
class FreeIndex {
 public:
  /// From scratch, when the fleet itself has changed.
  void rebuild(const Topology& topology, std::vector<Node>& nodes);
  /// After a node's room, its readiness or the claim on it has changed.
  /// Cost: O(depth of the fabric and of the power tree + log groups).
  void update(const Topology& topology, Node& node);

  [[nodiscard]] const Room& room() const { return room_; }
  [[nodiscard]] const NodeGroups& groups() const { return groups_; }
  /// The leaf cell of `shape` that has the fewest entirely free nodes, but some: where a node is
  /// taken with the least harm to large gangs.  In that order: all of them.
  [[nodiscard]] const IndexesByAmount& fullest(ShapeId shape) const {
    return fullest_[shape.value()];
  }
  /// As if nothing ran anywhere and every node took work.
  [[nodiscard]] const Room& empty_room() const { return *empty_; }
  /// Which nodes' room changed last, and with it the draw above them.
  [[nodiscard]] const ChangeLog& changes() const { return changes_; }
  /// Since `before` of them there were just so many, and all is as it was.
  void take_back(std::uint64_t before, std::uint64_t changes) {
    changes_.take_back(before, changes);
  }
  bool operator==(const FreeIndex& other) const {
    return room_ == other.room_ && groups_ == other.groups_ && fullest_ == other.fullest_;
  }

 private:
  void count_free(std::uint32_t cell, std::uint32_t before, std::uint32_t after);
  void count_draw(const Topology& topology, Node& node);

  std::shared_ptr<const Room> empty_ = std::make_shared<Room>();
  Room room_;
  NodeGroups groups_;
  std::vector<IndexesByAmount> fullest_;   ///< by shape: cells by free nodes
  std::vector<std::uint32_t> free_nodes_;  ///< by cell: entirely free nodes that stand there
  ChangeLog changes_;
};

}  // namespace mw
