// How many tasks of a kind power lets run below a vertex of the fabric, at most: so that where
// power and not room is short, a look for a place ends after a few vertices instead of all their
// nodes.
//
// By vertex of the power tree: no more than fits on the nodes below it (by accelerators alone), and
// no more than may still be drawn below it. A vertex of the fabric holds no more than the power
// vertices that feed its nodes do together. Tables are made for kinds that power has kept out, and
// follow the changes of what is free; so where power is plenty they cost nothing.
// A cache only: without it the same places are found, more slowly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/room.h"
#include "core/topology.h"
#include "model/job.h"

namespace mw {

/// The least that any task with such a share draws on a node of one of these shapes.
/// `shapes`: by ShapeId, which of them count.
Watts least_draw(const Topology& topology, const std::vector<bool>& shapes, AcceleratorShare share);
/// Tasks that a node takes at once or not at all.
inline std::uint32_t tasks_at_once(const GangShape& gang) {
  return gang.nodes == 0 ? 1 : gang.tasks / gang.nodes;
}

class PowerBounds {
 public:
  class Table;

  /// Tables follow this, which has to outlive them, and say nothing about any other.
  void follow(const FreeIndex& free) { free_ = &free; }
  [[nodiscard]] bool follows(const Room& room) const {
    return free_ != nullptr && &free_->room() == &room;
  }

  /// The table for such tasks on accelerators of that type, up to date; null when there is none.
  /// Good until the next call.  REQUIRES: follows the room in question.
  const Table* find(const Topology& topology, const GangShape& gang, const std::string& type);
  /// Makes one; null when such tasks draw nothing.
  const Table* make(const Topology& topology, const GangShape& gang, const std::string& type,
                    const std::vector<bool>& shapes);

  /// The table has spared a look: it is kept. One that spares none for a while is let go of, for it
  /// costs something with each change of what is free.
  void helped(const Table& table) {
    tables_[static_cast<std::size_t>(&table - tables_.data())].idle = 0;
  }

  /// At least as many tasks as may be placed below the vertex.
  /// REQUIRES: it is not the whole fleet.
  std::uint64_t below(const Topology& topology, const Table& table, FabricId vertex);

  class Table {
   private:
    friend class PowerBounds;
    std::string type;
    AcceleratorShare share;  ///< of a task
    std::uint32_t at_once = 1;
    std::vector<bool> shapes;
    Watts draw;                        ///< of a unit: of tasks that go on a node at once
    std::vector<std::uint32_t> units;  ///< by position: that fit there
    std::vector<std::uint64_t> room;   ///< by power vertex: that fit below it
    std::vector<std::uint64_t> most;   ///< of those, what may be drawn
    std::uint64_t seen = 0;            ///< changes of what is free that are in it
    std::uint64_t used = 0;            ///< when it last was
    std::uint32_t idle = 0;            ///< times that it was found since it last helped
  };

 private:
  void follow_topology(const Topology& topology);
  void catch_up(const Topology& topology, Table& table);
  void rebuild(const Topology& topology, Table& table);
  void refresh(const Topology& topology, Table& table, Position position);
  [[nodiscard]] std::uint32_t units_on(const Topology& topology, const Table& table,
                                       Position position) const;
  [[nodiscard]] std::uint64_t may_be_drawn(const Topology& topology, const Table& table,
                                           PowerId vertex) const;
  const std::vector<PowerId>& feeders(const Topology& topology, FabricId vertex);

  const FreeIndex* free_ = nullptr;
  std::vector<Table> tables_;
  std::uint64_t uses_ = 0;
  // Of the topology.
  std::uint64_t version_ = 0;                  ///< ChangeLog::resets() when these were made
  std::vector<std::uint32_t> nodes_below_;     ///< by power vertex
  std::vector<std::vector<PowerId>> feeders_;  ///< by fabric vertex, of those that were asked for
};

}  // namespace mw
