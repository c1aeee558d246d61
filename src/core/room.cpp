#include "core/room.h"

#include <algorithm>
#include <bit>
#include <set>

#include "base/check.h"
#include "base/random.h"
#include "core/fit.h"
#include "core/state.h"

namespace mw {
namespace {

Slot present_slot(const Topology& topology, const Node& node) {
  Slot slot;
  slot.shape = static_cast<std::uint16_t>(topology.shape_of(node.id).value() & 0x7FFFU);
  slot.busy = node.slices > 0 ? 1 : 0;
  slot.cpus = static_cast<std::int32_t>(node.cpus_free.count());
  slot.memory = node.memory_free.count();
  if (takes_work(node)) slot.whole = static_cast<std::uint16_t>(node.devices.whole());
  return slot;
}

Slot slot_of(const Topology& topology, const Node& node) {
  Slot slot = unclaimed_slot(topology, node);
  if (node.claim.job == JobId() || !slot.takes_work()) return slot;
  // For whoever would still be there when the claim begins.
  const NodeClaim& claim = node.claim;
  if (claim.exclusive) {
    slot.whole = Slot::kOut;
    return slot;
  }
  slot.busy = 1;
  slot.cpus = std::min(slot.cpus, static_cast<std::int32_t>(claim.cpus_left.count()));
  slot.memory = std::min(slot.memory, claim.memory_left.count());
  // A device that is in use in part may be one that the claim counts on.
  slot.whole = node.devices.has_parts()
                   ? std::uint16_t{0}
                   : std::min(slot.whole, static_cast<std::uint16_t>(claim.whole_left));
  return slot;
}

GroupKey key_of(const Slot& slot, const DeviceRoom* parts) {
  return {.shape = slot.shape,
          .busy = slot.busy != 0,
          .whole = slot.whole,
          .cpus = slot.cpus,
          .memory = slot.memory,
          .parts = parts == nullptr ? DeviceRoom() : parts->sorted()};
}

std::uint64_t fingerprint_of(const GroupKey& key) {
  std::uint64_t sum = 0;
  const auto mix = [&](std::int64_t word) {
    sum = Random(sum ^ static_cast<std::uint64_t>(word)).next();
  };
  // By itself: beside another word, a busy node of one shape would be an idle one of the next.
  mix(key.shape);
  mix((std::int64_t{key.whole} << 1U) + (key.busy ? 1 : 0));
  mix(key.cpus);
  mix(key.memory);
  for (std::uint32_t i = 0; i < key.parts.size(); ++i) mix(key.parts[i].count() + 1);
  return sum;
}

}  // namespace

Watts counted_draw(const NodeShape& shape, AcceleratorShare used, const NodeClaim& claim) {
  const Watts now = draw_of(shape, used);
  if (claim.job == JobId()) return now;
  const std::uint32_t claimed = shape.accelerators - std::min(claim.whole_left, shape.accelerators);
  return std::max(now, draw_of(shape, kWholeAccelerator * claimed));
}

Slot unclaimed_slot(const Topology& topology, const Node& node) {
  Slot slot = present_slot(topology, node);
  if (node.hidden) slot.whole = Slot::kOut;
  return slot;
}

GroupKey present_key(const Topology& topology, const Node& node) {
  return key_of(present_slot(topology, node), node.devices.has_parts() ? &node.devices : nullptr);
}

Slot slot_of(const GroupKey& key) {
  return {.memory = key.memory,
          .cpus = key.cpus,
          .whole = key.whole,
          .shape = static_cast<std::uint16_t>(key.shape & 0x7FFFU),
          .busy = static_cast<std::uint16_t>(key.busy ? 1 : 0)};
}

Room::Room(const Topology& topology) {
  const auto& fabric = topology.fabric();
  // Which shapes stand below each vertex; children come after their parents.
  std::vector<std::set<std::uint32_t>> shapes(fabric.size());
  for (std::uint32_t i = 0; i < topology.size(); ++i) {
    const NodeId node(i);
    shapes[topology.fabric_of(node).value()].insert(topology.shape_of(node).value());
  }
  for (std::size_t v = fabric.size(); v-- > 1;) {
    shapes[fabric[v].parent.value()].insert(shapes[v].begin(), shapes[v].end());
  }
  std::uint32_t counts = 0;
  for (std::size_t v = 0; v < fabric.size(); ++v) {
    first_cell_.push_back(static_cast<std::uint32_t>(cells_.size()));
    for (const std::uint32_t shape : shapes[v]) {
      const std::uint32_t width = topology.shape(ShapeId(shape)).accelerators + 1;
      cells_.push_back({FabricId(static_cast<std::uint32_t>(v)), ShapeId(shape), 0, counts, width});
      counts += width;
    }
  }
  first_cell_.push_back(static_cast<std::uint32_t>(cells_.size()));
  counts_.assign(counts, 0);
  const auto find_cell = [&](FabricId vertex, ShapeId shape) {
    std::uint32_t cell = first_cell_[vertex.value()];
    while (cells_[cell].shape != shape) ++cell;
    return cell;
  };
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const FabricId vertex = cells_[i].vertex;
    const FabricId parent = vertex == Topology::kRoot ? vertex : topology.fabric(vertex).parent;
    cells_[i].parent = find_cell(parent, cells_[i].shape);
  }
  slots_.resize(topology.size());
  cell_of_.resize(topology.size());
  for (Position p = 0; p < topology.size(); ++p) {
    const NodeId node = topology.at(p);
    const ShapeId shape = topology.shape_of(node);
    MW_CHECK(shape.value() < 0x7FFF);
    cell_of_[p] = find_cell(topology.fabric_of(node), shape);
    const NodeShape& hardware = topology.shape(shape);
    set_slot(p, {.memory = hardware.memory.count(),
                 .cpus = static_cast<std::int32_t>(hardware.cpus.count()),
                 .whole = static_cast<std::uint16_t>(hardware.accelerators),
                 .shape = static_cast<std::uint16_t>(shape.value() & 0x7FFFU)});
  }
  for (const PowerVertex& vertex : topology.power()) draw.push_back(vertex.idle);
}

std::span<const FabricCell> Room::cells(FabricId vertex) const {
  const std::uint32_t first = first_cell_[vertex.value()];
  return {cells_.data() + first, first_cell_[vertex.value() + 1] - first};
}

void Room::set_slot(Position position, const Slot& slot) {
  const std::uint16_t before = slots_[position].whole;
  slots_[position] = slot;
  if (before == slot.whole) return;
  for (std::uint32_t cell = cell_of_[position];; cell = cells_[cell].parent) {
    if (before != Slot::kOut) --counts_[cells_[cell].counts + before];
    if (slot.whole != Slot::kOut) ++counts_[cells_[cell].counts + slot.whole];
    if (cells_[cell].parent == cell) return;
  }
}

void NodeGroups::insert(const GroupKey& key, Position position) {
  if (inserted_.group == nullptr || inserted_.group->first != key) {
    const auto [at, is_new] = groups_.try_emplace(key);
    if (is_new) {
      // Numbers in use and unused ones together are all below the number of groups there ever were.
      NodeGroup& group = at->second;
      group.number = static_cast<std::uint32_t>(groups_.size() - 1);
      if (!unused_numbers_.empty()) {
        group.number = unused_numbers_.back();
        unused_numbers_.pop_back();
      }
      group.fingerprint = fingerprint_of(key);
    }
    inserted_.group = &*at;
  }
  inserted_.group->second.positions.insert(position);
  ++inserted_.group->second.nodes;
}

void NodeGroups::erase(const GroupKey& key, Position position) {
  if (erased_.group == nullptr || erased_.group->first != key) {
    const auto found = groups_.find(key);
    MW_CHECK(found != groups_.end());
    erased_.group = &*found;
  }
  erased_.group->second.positions.erase(position);
  --erased_.group->second.nodes;
  if (!erased_.group->second.positions.empty()) return;
  unused_numbers_.push_back(erased_.group->second.number);
  if (inserted_.group == erased_.group) inserted_.group = nullptr;
  erased_.group = nullptr;
  groups_.erase(key);
}

void FreeIndex::rebuild(const Topology& topology, std::vector<Node>& nodes) {
  empty_ = std::make_shared<const Room>(topology);
  room_ = *empty_;
  groups_ = NodeGroups();
  fullest_.assign(topology.shapes().size(), {});
  free_nodes_.clear();
  for (Position p = 0; p < topology.size(); ++p) {
    const Slot& slot = room_.slot(p);
    groups_.insert(key_of(slot, nullptr), p);
    count_free(room_.cell_of(p), 0, 1);
  }
  for (Node& node : nodes) {
    node.draw = Watts();
    update(topology, node);
  }
  changes_.add_all(topology.size());
}

void FreeIndex::update(const Topology& topology, Node& node) {
  count_draw(topology, node);
  const Position position = topology.position(node.id);
  changes_.add(position);
  const Slot before = room_.slot(position);
  const auto had_parts = room_.parts.find(position);
  if (before.takes_work()) {
    groups_.erase(key_of(before, had_parts != room_.parts.end() ? &had_parts->second : nullptr),
                  position);
  }
  const Slot after = slot_of(topology, node);
  if (had_parts != room_.parts.end()) room_.parts.erase(had_parts);
  if (after.takes_work()) {
    const bool parts = node.claim.job == JobId() && node.devices.has_parts();
    if (parts) room_.parts.emplace(position, node.devices);
    groups_.insert(key_of(after, parts ? &node.devices : nullptr), position);
  }
  room_.set_slot(position, after);
  const auto free_before = std::uint32_t{before.takes_work() && before.busy == 0};
  const auto free_after = std::uint32_t{after.takes_work() && after.busy == 0};
  if (free_before != free_after) count_free(room_.cell_of(position), free_before, free_after);
}

void FreeIndex::count_free(std::uint32_t cell, std::uint32_t before, std::uint32_t after) {
  if (free_nodes_.size() <= cell) free_nodes_.resize(cell + 1);
  std::uint32_t& count = free_nodes_[cell];
  const std::uint32_t count_before = count;
  count = count + after - before;
  fullest_[room_.cell(cell).shape.value()].move(cell, count_before, count);
}

void FreeIndex::count_draw(const Topology& topology, Node& node) {
  const NodeShape& shape = topology.shape(node.id);
  const AcceleratorShare used = kWholeAccelerator * shape.accelerators - node.accelerators_free;
  const Watts draw = counted_draw(shape, used, node.claim);
  const Watts change = draw - node.draw;
  if (change.count() == 0) return;
  node.draw = draw;
  for (PowerId at = topology.power_of(node.id); at != kNoId<PowerId>;
       at = topology.power(at).parent) {
    room_.draw[at.value()] += change;
  }
}

}  // namespace mw
