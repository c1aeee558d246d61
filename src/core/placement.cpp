#include "core/placement.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "base/check.h"

namespace mw {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint32_t>::max();

/// What of a node counts: as it is now, or as if nothing ran on it.
enum class View : std::uint8_t { kFree, kEmpty };

/// How many tasks fit by each resource alone.
struct Fit {
  std::uint64_t accelerators = kUnlimited;
  std::uint64_t cpus = kUnlimited;
  std::uint64_t memory = kUnlimited;
  [[nodiscard]] std::uint64_t tasks() const { return std::min({accelerators, cpus, memory}); }
};

std::uint64_t count_of(std::int64_t n) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(n, 0));
}

std::uint64_t tasks_by_accelerators(const Node& node, AcceleratorShare share, View view) {
  if (share.count() == 0) return kUnlimited;
  if (share >= kWholeAccelerator) {
    std::int64_t whole = node.spec.accelerators;
    if (view == View::kFree) {
      whole = std::count(node.device_free.begin(), node.device_free.end(), kWholeAccelerator);
    }
    return count_of(whole / (share / kWholeAccelerator));
  }
  if (view == View::kEmpty) return node.spec.accelerators * count_of(kWholeAccelerator / share);
  std::uint64_t tasks = 0;
  for (const AcceleratorShare free : node.device_free) tasks += count_of(free / share);
  return tasks;
}

Fit fit_of(const Node& node, const TaskShape& task, View view) {
  Fit fit;
  fit.accelerators = tasks_by_accelerators(node, task.accelerators, view);
  const CpuShare cpus = view == View::kFree ? node.cpus_free : node.spec.cpus;
  const Bytes memory = view == View::kFree ? node.memory_free : node.spec.memory;
  if (task.cpus.count() > 0) fit.cpus = count_of(cpus / task.cpus);
  if (task.memory.count() > 0) fit.memory = count_of(memory / task.memory);
  return fit;
}

bool has_type(const Node& node, const TaskShape& task) {
  return task.accelerator_type.empty() || task.accelerator_type == node.spec.accelerator_type;
}

bool takes_work(const Node& node) { return node.phase == NodePhase::kReady && !node.lost; }

/// How many of the gang's tasks a node that could hold `fitting` of them is used for.
std::uint64_t usable(const GangShape& gang, std::uint64_t fitting) {
  if (gang.nodes == 0) return std::min<std::uint64_t>(fitting, gang.tasks);
  const std::uint64_t each = gang.tasks / gang.nodes;
  return fitting >= each ? each : 0;
}

/// Sums over nodes, to say which resource binds.
struct Sums {
  std::uint64_t tasks = 0, accelerators = 0, cpus = 0, memory = 0;
  std::uint32_t nodes = 0, nodes_usable = 0;
  void add(const GangShape& gang, const Fit& fit) {
    ++nodes;
    const std::uint64_t usable_tasks = usable(gang, fit.tasks());
    tasks += usable_tasks;
    nodes_usable += usable_tasks > 0 ? 1 : 0;
    accelerators += usable(gang, fit.accelerators);
    cpus += usable(gang, fit.cpus);
    memory += usable(gang, fit.memory);
  }
  /// The resource that alone would allow the fewest tasks; nodes when each alone would do.
  [[nodiscard]] Resource binding(std::uint32_t needed) const {
    const std::uint64_t least = std::min({accelerators, cpus, memory});
    if (least >= needed) return Resource::kNodes;
    if (least == accelerators) return Resource::kAccelerators;
    return least == cpus ? Resource::kCpus : Resource::kMemory;
  }
  [[nodiscard]] bool holds(const GangShape& gang) const {
    return gang.nodes == 0 ? tasks >= gang.tasks : nodes_usable >= gang.nodes;
  }
};

std::uint32_t saturated(std::uint64_t n) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, kUnlimited));
}

PendingReason why_not(std::span<const Node> nodes, const GangShape& gang, const Sums& now) {
  Sums empty;
  std::set<std::string> types;
  for (const Node& node : nodes) {
    types.insert(node.spec.accelerator_type);
    if (has_type(node, gang.task)) empty.add(gang, fit_of(node, gang.task, View::kEmpty));
  }
  if (empty.nodes == 0 && !gang.task.accelerator_type.empty()) {
    return NoSuchAccelerator{gang.task.accelerator_type, {types.begin(), types.end()}};
  }
  if (!empty.holds(gang)) {
    return FleetTooSmall{empty.binding(gang.tasks), gang.tasks, saturated(empty.tasks)};
  }
  return NoRoomNow{now.binding(gang.tasks), gang.tasks, saturated(now.tasks), now.nodes};
}

/// The device with the least room that still has enough; the first among equals.
std::size_t fullest_with_room(const std::vector<AcceleratorShare>& free, AcceleratorShare share) {
  std::size_t best = free.size();
  for (std::size_t i = 0; i < free.size(); ++i) {
    if (free[i] >= share && (best == free.size() || free[i] < free[best])) best = i;
  }
  MW_CHECK(best < free.size());
  return best;
}

std::vector<DeviceShare> pick_devices(const Node& node, AcceleratorShare share,
                                      std::uint32_t tasks) {
  std::vector<DeviceShare> picked;
  if (share.count() == 0) return picked;
  std::vector<AcceleratorShare> free = node.device_free;
  const bool whole = share >= kWholeAccelerator;
  const AcceleratorShare piece = whole ? kWholeAccelerator : share;
  const auto pieces = static_cast<std::uint32_t>(whole ? share / kWholeAccelerator : 1) * tasks;
  picked.reserve(pieces);
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < pieces; ++i) {
    if (whole) {
      while (free[next] != kWholeAccelerator) ++next;
    } else {
      next = fullest_with_room(free, share);
    }
    free[next] -= piece;
    picked.push_back({static_cast<std::uint16_t>(next), piece});
  }
  return picked;
}

struct Candidate {
  std::uint64_t tasks;
  const Node* node;
};

}  // namespace

std::variant<Placement, PendingReason> place_first_fit(std::span<const Node> nodes,
                                                       const GangShape& gang) {
  MW_CHECK(gang.tasks > 0);
  MW_CHECK(gang.nodes == 0 || gang.tasks % gang.nodes == 0);
  std::vector<Candidate> candidates;
  Sums sums;
  for (const Node& node : nodes) {
    if (!takes_work(node) || !has_type(node, gang.task)) continue;
    const Fit fit = fit_of(node, gang.task, View::kFree);
    sums.add(gang, fit);
    const std::uint64_t tasks = usable(gang, fit.tasks());
    if (tasks > 0) candidates.push_back({tasks, &node});
  }
  if (!sums.holds(gang)) return why_not(nodes, gang, sums);

  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.tasks > b.tasks; });
  std::vector<Candidate> chosen;
  std::uint64_t left = gang.tasks;
  for (const Candidate& candidate : candidates) {
    if (left == 0) break;
    const std::uint64_t tasks = std::min(left, candidate.tasks);
    chosen.push_back({tasks, candidate.node});
    left -= tasks;
  }
  std::sort(chosen.begin(), chosen.end(),
            [](const Candidate& a, const Candidate& b) { return a.node->id < b.node->id; });

  Placement placement;
  std::uint32_t rank = 0;
  for (const Candidate& candidate : chosen) {
    const auto tasks = static_cast<std::uint32_t>(candidate.tasks);
    placement.push_back({candidate.node->id, rank, tasks,
                         pick_devices(*candidate.node, gang.task.accelerators, tasks)});
    rank += tasks;
  }
  return placement;
}

}  // namespace mw
