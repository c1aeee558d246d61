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
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/device_room.h"
#include "core/topology.h"

namespace mw {

struct Node;

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
struct Cell {
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
  [[nodiscard]] std::span<const Cell> cells(FabricId vertex) const;
  /// The cell that the node itself counts in.
  [[nodiscard]] std::uint32_t cell_of(Position position) const { return cell_of_[position]; }
  [[nodiscard]] const Cell& cell(std::uint32_t index) const { return cells_[index]; }
  /// By number of free accelerators: how many nodes of the cell that take work have just that many.
  [[nodiscard]] std::span<const std::uint32_t> counts(const Cell& cell) const {
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
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> first_cell_;  ///< by vertex, and one past the last
  std::vector<std::uint32_t> counts_;
};

/// A set of positions; small however it lies, in order.
class PositionSet {
 public:
  void insert(Position position) { words_[position / 64] |= bit(position); }
  void erase(Position position) {
    const auto word = words_.find(position / 64);
    word->second &= ~bit(position);
    if (word->second == 0) words_.erase(word);
  }
  [[nodiscard]] bool empty() const { return words_.empty(); }
  /// The first at or after `from`.
  [[nodiscard]] std::optional<Position> next(Position from) const;
  bool operator==(const PositionSet&) const = default;

 private:
  static std::uint64_t bit(Position position) { return std::uint64_t{1} << (position % 64); }
  std::map<std::uint32_t, std::uint64_t> words_;
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

/// The group that a node would be in if nothing were claimed of it.
GroupKey present_key(const Topology& topology, const Node& node);
/// A slot like those of a group's nodes.
Slot slot_of(const GroupKey& key);

class NodeGroups {
 public:
  using Map = std::map<GroupKey, PositionSet>;
  [[nodiscard]] const Map& groups() const { return groups_; }
  void insert(const GroupKey& key, Position position) { groups_[key].insert(position); }
  void erase(const GroupKey& key, Position position);
  bool operator==(const NodeGroups&) const = default;

 private:
  Map groups_;
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
  using ByFree = std::set<std::pair<std::uint32_t, std::uint32_t>>;
  [[nodiscard]] const ByFree& fullest(ShapeId shape) const { return fullest_[shape.value()]; }
  /// As if nothing ran anywhere and every node took work.
  [[nodiscard]] const Room& empty_room() const { return *empty_; }
  bool operator==(const FreeIndex& other) const {
    return room_ == other.room_ && groups_ == other.groups_ && fullest_ == other.fullest_;
  }

 private:
  void count_free(std::uint32_t cell, std::uint32_t before, std::uint32_t after);
  void count_draw(const Topology& topology, Node& node);

  std::shared_ptr<const Room> empty_ = std::make_shared<Room>();
  Room room_;
  NodeGroups groups_;
  std::vector<ByFree> fullest_;            ///< by shape: (free nodes, cell)
  std::vector<std::uint32_t> free_nodes_;  ///< by cell: entirely free nodes that stand there
};

}  // namespace mw
