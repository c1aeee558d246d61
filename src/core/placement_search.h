// What one look for a place keeps in mind; shared by the search itself and by what explains its
// failure.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/placement.h"

namespace mw {

/// The accelerator types that the gang may run on, the best first; all there are when it says none.
std::vector<std::string> types_for(const Topology& topology, const GangShape& gang);
/// The same, those of equal rates together.
std::vector<std::vector<std::string>> types_by_rate(const Topology& topology,
                                                    const GangShape& gang);
/// Nodes of the shape have accelerators that the gang may run on.
bool type_suits(const NodeShape& shape, const GangShape& gang);
/// By site: whether a job may run there.
std::vector<bool> allowed_sites(const Topology& topology, const Whereabouts& where);
/// One node may hold all of it.
bool may_be_one_node(const GangShape& gang);

/// One look for a place, for one type of accelerator.
struct Placer::Search {
  const Topology& topology;
  const Room& room;
  const GangShape& gang;
  std::vector<bool> sites;
  std::vector<bool> shapes;  ///< those of the type that is tried
  std::vector<std::uint32_t>
      by_free;             ///< tasks that fit at most on a node with so many devices free
  bool any_shape = false;  ///< some type of the gang's exists at a site that is allowed
  std::string type;        ///< that is tried
  const PowerBounds::Table* power = nullptr;  ///< what power lets run of such tasks, if known
  bool by_power = false;                      ///< there was less power than room somewhere
  std::uint32_t refusals = 0;                 ///< nodes with room, and no power for it
  std::uint64_t counted = 0;                  ///< tasks that fit where it was last tried
  bool unequal = false;         ///< nodes of one type draw unequally: power is not counted exactly
  std::uint64_t bound_max = 0;  ///< the most that may fit inside one vertex that is near enough
  std::vector<std::uint64_t> most_at{};  ///< the same by site
  // For the reason, when there is no place: the most tasks that one vertex would hold.
  std::uint64_t fitting = 0;
  std::uint64_t fitting_without_power = 0;
  std::optional<FabricId> best;
  std::optional<PowerId> limiting;
  std::uint32_t nodes = 0;  ///< that take work and are of the type, where most would fit

  /// No more than so many tasks fit inside that vertex.
  void note_most(FabricId vertex, std::uint64_t tasks) {
    bound_max = std::max(bound_max, tasks);
    const SiteId site = topology.fabric(vertex).site;
    if (site == kNoId<SiteId>) return;
    if (most_at.empty()) most_at.assign(topology.sites().size(), 0);
    most_at[site.value()] = std::max(most_at[site.value()], tasks);
  }

  /// Several at once, of equal rates: for one node, which has accelerators of one type anyway.
  void choose_types(const std::vector<std::string>& types) {
    type.clear();
    power = nullptr;
    for (const FabricCell& cell : room.cells(Topology::kRoot)) {
      const std::string& present = topology.shape(cell.shape).accelerator_type;
      shapes[cell.shape.value()] = std::find(types.begin(), types.end(), present) != types.end();
    }
    count_by_free();
  }
  bool choose_type(const std::string& chosen) {
    type = chosen;
    shapes.assign(topology.shapes().size(), false);
    bool any = false;
    Watts draw;
    for (const FabricCell& cell : room.cells(Topology::kRoot)) {
      const NodeShape& shape = topology.shape(cell.shape);
      const bool fits = shape.accelerator_type == type;
      shapes[cell.shape.value()] = fits;
      if (fits && any && shape.accelerator != draw) unequal = true;
      if (fits) draw = shape.accelerator;
      any = any || fits;
    }
    any_shape = any_shape || any;
    if (any) count_by_free();
    return any;
  }

  [[nodiscard]] bool allows(FabricId vertex) const {
    const SiteId site = topology.fabric(vertex).site;
    return site == kNoId<SiteId> || sites[site.value()];
  }

  /// At least as many tasks as there is room for below the vertex, from the counts that are kept
  /// with it.  REQUIRES: it is not the whole fleet.
  [[nodiscard]] std::uint64_t bound_by_room(FabricId id) const {
    if (!allows(id)) return 0;
    std::uint64_t sum = 0;
    const bool counted = gang.task.accelerators >= kWholeAccelerator;
    for (const FabricCell& cell : room.cells(id)) {
      if (!shapes[cell.shape.value()]) continue;
      const auto counts = room.counts(cell);
      const std::uint32_t most = cell.width - 1;
      for (std::uint32_t free = 0; free < cell.width; ++free) {
        // Parts of devices are not in the counts: any node may have some.
        sum += std::uint64_t{counts[free]} * by_free[counted ? free : most];
      }
    }
    return sum;
  }
  /// False when no node has as many devices entirely free as all of the gang needs.
  [[nodiscard]] bool may_fit_one_node() const {
    if (gang.task.accelerators < kWholeAccelerator) return true;
    const std::uint64_t needed =
        static_cast<std::uint64_t>(gang.task.accelerators / kWholeAccelerator) * gang.tasks;
    for (const FabricCell& cell : room.cells(Topology::kRoot)) {
      if (!shapes[cell.shape.value()]) continue;
      const auto counts = room.counts(cell);
      for (std::uint64_t free = needed; free < cell.width; ++free) {
        if (counts[free] > 0) return true;
      }
    }
    return false;
  }
  /// A vertex has many counts and a fleet many vertices: what each stands for is divided once.
  void count_by_free() {
    std::uint32_t width = 0;
    for (const FabricCell& cell : room.cells(Topology::kRoot)) {
      if (shapes[cell.shape.value()]) width = std::max(width, cell.width);
    }
    by_free.clear();
    for (std::uint32_t free = 0; free < width; ++free) {
      const std::uint32_t tasks = tasks_by_accelerators(free, gang);
      const bool counted = gang.task.accelerators >= kWholeAccelerator;
      by_free.push_back(counted ? tasks : std::max(tasks, parts_of(free)));
    }
  }
  /// Tasks with a share of one device that a node with that many devices holds at most.
  [[nodiscard]] std::uint32_t parts_of(std::uint32_t devices) const {
    if (gang.task.accelerators.count() == 0) return gang.tasks;
    const auto each = static_cast<std::uint32_t>(kWholeAccelerator / gang.task.accelerators);
    return std::min(devices * each, gang.tasks);
  }
};

}  // namespace mw
