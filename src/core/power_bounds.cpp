#include "core/power_bounds.h"

#include <algorithm>
#include <optional>

#include "core/fit.h"

namespace mw {
namespace {

/// Kinds differ in the type, the share and the tasks a node takes at once; there are few of them.
constexpr std::size_t kTablesMax = 32;
/// To be found so often without helping means that power is short no more.
constexpr std::uint32_t kIdleMost = 16;
/// To follow so many changes costs more than to do without, until power is found to be short again.
constexpr std::uint64_t kFollowedMost = 2048;

bool is_far_behind(const ChangeLog& log, std::uint64_t seen) {
  if (log.count() - seen <= kFollowedMost) return false;
  if (log.lost(seen)) return true;
  std::uint64_t changes = 0;  // without those that are void
  log.visit(seen, [&](Position) { ++changes; });
  return changes > kFollowedMost;
}

}  // namespace

Watts least_draw(const Topology& topology, const std::vector<bool>& shapes,
                 AcceleratorShare share) {
  std::optional<Watts> least;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!shapes[i]) continue;
    const Watts draw = draw_of(topology.shapes()[i], share);
    if (!least || draw < *least) least = draw;
  }
  return least.value_or(Watts());
}

const PowerBounds::Table* PowerBounds::find(const Topology& topology, const GangShape& gang,
                                            const std::string& type) {
  for (Table& each : tables_) {
    if (each.share != gang.task.accelerators || each.at_once != tasks_at_once(gang) ||
        each.type != type) {
      continue;
    }
    // One that is far behind is made anew when power is found to be short.
    if (++each.idle > kIdleMost || is_far_behind(free_->changes(), each.seen)) {
      if (&each != &tables_.back()) each = std::move(tables_.back());
      tables_.pop_back();
      return nullptr;
    }
    each.used = ++uses_;
    catch_up(topology, each);
    return &each;
  }
  return nullptr;
}

const PowerBounds::Table* PowerBounds::make(const Topology& topology, const GangShape& gang,
                                            const std::string& type,
                                            const std::vector<bool>& shapes) {
  const Watts draw = least_draw(topology, shapes, gang.task.accelerators) * tasks_at_once(gang);
  if (draw.count() <= 0) return nullptr;
  if (tables_.size() >= kTablesMax) {
    tables_.erase(std::min_element(tables_.begin(), tables_.end(),
                                   [](const Table& a, const Table& b) { return a.used < b.used; }));
  }
  Table& made = tables_.emplace_back();
  made.type = type;
  made.share = gang.task.accelerators;
  made.at_once = tasks_at_once(gang);
  made.shapes = shapes;
  made.draw = draw;
  made.used = ++uses_;
  catch_up(topology, made);
  return &made;
}

void PowerBounds::follow_topology(const Topology& topology) {
  if (version_ == free_->changes().resets() && nodes_below_.size() == topology.power().size())
    return;
  version_ = free_->changes().resets();
  feeders_.assign(topology.fabric().size(), {});
  nodes_below_.assign(topology.power().size(), 0);
  for (Position p = 0; p < topology.size(); ++p) {
    ++nodes_below_[topology.power_of(topology.at(p)).value()];
  }
  // Parents come before their children.
  for (std::size_t v = nodes_below_.size(); v-- > 0;) {
    const PowerId parent = topology.power()[v].parent;
    if (parent != kNoId<PowerId>) nodes_below_[parent.value()] += nodes_below_[v];
  }
}

void PowerBounds::catch_up(const Topology& topology, Table& table) {
  const ChangeLog& log = free_->changes();
  if (table.seen == log.count()) return;
  if (log.lost(table.seen)) {
    rebuild(topology, table);
  } else {
    log.visit(table.seen, [&](Position each) { refresh(topology, table, each); });
  }
  table.seen = log.count();
}

std::uint32_t PowerBounds::units_on(const Topology& topology, const Table& table,
                                    Position position) const {
  const Slot& slot = free_->room().slot(position);
  if (!slot.takes_work() || !table.shapes[slot.shape]) return 0;
  std::uint32_t tasks = 0;
  if (table.share >= kWholeAccelerator) {
    tasks = slot.whole / static_cast<std::uint32_t>(table.share / kWholeAccelerator);
  } else {
    // Any of its devices may be free in part.
    tasks = topology.shape(ShapeId(slot.shape)).accelerators *
            static_cast<std::uint32_t>(kWholeAccelerator / table.share);
  }
  return tasks / table.at_once;
}

/// As many of the units that fit there as may be drawn.
std::uint64_t PowerBounds::may_be_drawn(const Topology& topology, const Table& table,
                                        PowerId vertex) const {
  const Watts left = topology.power(vertex).limit - free_->room().draw[vertex.value()];
  // To divide takes longer than all else here, and mostly power is enough for all that fits.
  const std::uint64_t room = table.room[vertex.value()];
  if (table.draw * static_cast<std::int64_t>(room) <= left) return room;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(left / table.draw, 0));
}

void PowerBounds::rebuild(const Topology& topology, Table& table) {
  // A fleet that was declared anew has other shapes.
  table.shapes.assign(topology.shapes().size(), false);
  for (std::size_t i = 0; i < table.shapes.size(); ++i) {
    table.shapes[i] = topology.shapes()[i].accelerator_type == table.type;
  }
  // Where some now draw nothing, power bounds hardly anything.
  table.draw = std::max(least_draw(topology, table.shapes, table.share) * table.at_once, Watts(1));
  table.units.assign(topology.size(), 0);
  table.room.assign(topology.power().size(), 0);
  table.most.assign(topology.power().size(), 0);
  for (Position p = 0; p < topology.size(); ++p) {
    table.units[p] = units_on(topology, table, p);
    table.room[topology.power_of(topology.at(p)).value()] += table.units[p];
  }
  for (std::uint32_t v = static_cast<std::uint32_t>(table.most.size()); v-- > 0;) {
    table.most[v] = may_be_drawn(topology, table, PowerId(v));
    const PowerId parent = topology.power(PowerId(v)).parent;
    if (parent != kNoId<PowerId>) table.room[parent.value()] += table.most[v];
  }
}

/// What a node holds has changed, or what is drawn above it.
void PowerBounds::refresh(const Topology& topology, Table& table, Position position) {
  PowerId at = topology.power_of(topology.at(position));
  const std::uint32_t units = units_on(topology, table, position);
  table.room[at.value()] += units;
  table.room[at.value()] -= table.units[position];
  table.units[position] = units;
  while (at != kNoId<PowerId>) {
    const std::uint64_t before = table.most[at.value()];
    const std::uint64_t now = may_be_drawn(topology, table, at);
    table.most[at.value()] = now;
    at = topology.power(at).parent;
    if (at == kNoId<PowerId>) return;
    table.room[at.value()] += now;
    table.room[at.value()] -= before;
  }
}

/// Of each node's power path the highest vertex that has no more nodes than the fabric's vertex,
/// or else the lowest there is. No two of them are above one another: what is above both of two
/// nodes is on the paths of both.
const std::vector<PowerId>& PowerBounds::feeders(const Topology& topology, FabricId id) {
  follow_topology(topology);
  std::vector<PowerId>& found = feeders_[id.value()];
  if (!found.empty()) return found;
  const FabricVertex& vertex = topology.fabric(id);
  PowerId last = kNoId<PowerId>;
  for (Position p = vertex.first; p < vertex.last; ++p) {
    PowerId at = topology.power_of(topology.at(p));
    if (at == last) continue;
    last = at;
    for (PowerId above = topology.power(at).parent; above != kNoId<PowerId>;
         above = topology.power(above).parent) {
      if (nodes_below_[above.value()] > vertex.last - vertex.first) break;
      at = above;
    }
    if (found.empty() || found.back() != at) found.push_back(at);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::uint64_t PowerBounds::below(const Topology& topology, const Table& table, FabricId vertex) {
  std::uint64_t units = 0;
  for (const PowerId each : feeders(topology, vertex)) units += table.most[each.value()];
  return units * table.at_once;
}

}  // namespace mw
