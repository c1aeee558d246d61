#include "slurm_face/step_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace mw::face {
namespace {

std::uint32_t free_devices(const JobNode& node) {
  return static_cast<std::uint32_t>(std::ranges::count(node.device_taken, false));
}

/// Takes `count` free devices.
std::vector<std::uint32_t> take_devices(JobNode& node, std::uint32_t count) {
  std::vector<std::uint32_t> taken;
  for (std::uint32_t i = 0; i < node.devices.size() && taken.size() < count; ++i) {
    if (node.device_taken[i]) continue;
    node.device_taken[i] = true;
    taken.push_back(i);
  }
  return taken;
}

std::vector<std::uint32_t> all_devices(const JobNode& node) {
  std::vector<std::uint32_t> all(node.devices.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

/// Ranks by node: block counts on, cyclic deals out.
std::vector<std::uint32_t> nodes_by_rank(const StepPlan& plan, bool cyclic) {
  std::vector<std::uint32_t> places;
  if (!cyclic) {
    for (std::uint32_t k = 0; k < plan.nodes.size(); ++k)
      places.insert(places.end(), plan.tasks_on[k], k);
    return places;
  }
  std::uint32_t most = 0;
  for (const std::uint32_t count : plan.tasks_on) most = std::max(most, count);
  for (std::uint32_t round = 0; round < most; ++round) {
    for (std::uint32_t k = 0; k < plan.nodes.size(); ++k) {
      if (round < plan.tasks_on[k]) places.push_back(k);
    }
  }
  return places;
}

std::uint32_t seat_size(const JobNode& node) {
  return node.seats.empty() ? 0 : node.cpus / static_cast<std::uint32_t>(node.seats.size());
}

/// What a node can take of a step's tasks.
struct Room {
  std::uint32_t node = 0;  ///< index into the job's nodes
  std::uint32_t tasks = 0;
};

/// `empty`: as if nothing else ran.
std::uint32_t tasks_that_fit(const JobNode& node, const StepRequest& request, bool empty) {
  const std::uint32_t devices =
      empty ? static_cast<std::uint32_t>(node.devices.size()) : free_devices(node);
  std::uint32_t tasks = request.tasks;
  if (request.gpus_per_task > 0) {
    tasks = std::min(tasks, devices / request.gpus_per_task);
  } else if (request.gpus_per_node > devices) {
    return 0;
  }
  if (request.tasks_per_node > 0) tasks = std::min(tasks, request.tasks_per_node);
  if (request.overcommit) {
    const std::uint32_t cpus = empty || request.overlap ? node.cpus : node.cpus_free;
    return cpus == 0 ? 0 : tasks;
  }
  const std::uint32_t each = std::max(1U, request.cpus_per_task);
  std::uint32_t by_cpus = 0;
  for (std::size_t i = 0; i < node.seats.size(); ++i) {
    // What overlaps takes nothing, but has to be possible.
    const std::uint32_t used = empty || request.overlap ? 0 : node.seat_cpus_used[i];
    by_cpus += (seat_size(node) - std::min(used, seat_size(node))) / each;
  }
  return std::min(tasks, by_cpus);
}

/// Tasks by node, evenly: the first ones have one more.  Empty: not every share has a node.
std::vector<Room> spread_evenly(const std::vector<Room>& rooms, std::uint32_t tasks,
                                std::uint32_t nodes) {
  std::vector<Room> shares;
  for (const Room& room : rooms) {
    const auto next = static_cast<std::uint32_t>(shares.size());
    if (next == nodes) break;
    const std::uint32_t share = tasks / nodes + (next < tasks % nodes ? 1 : 0);
    if (room.tasks >= share) shares.push_back({room.node, share});
  }
  return shares.size() == nodes ? shares : std::vector<Room>();
}

/// One for each node, and the rest to fill node after node.  Empty: there is too little room.
std::vector<Room> spread_by_room(std::vector<Room> rooms, std::uint32_t tasks,
                                 std::uint32_t nodes) {
  std::erase_if(rooms, [](const Room& room) { return room.tasks == 0; });
  if (rooms.size() < nodes) return {};
  std::ranges::stable_sort(rooms, std::ranges::greater(), &Room::tasks);
  rooms.resize(nodes);
  std::ranges::sort(rooms, {}, &Room::node);
  std::uint32_t left = tasks - nodes;
  for (Room& room : rooms) {
    const std::uint32_t more = std::min(room.tasks - 1, left);
    room.tasks = 1 + more;
    left -= more;
  }
  return left == 0 ? rooms : std::vector<Room>();
}

std::vector<Room> spread(const std::vector<JobNode>& nodes,
                         const std::vector<std::uint32_t>& usable, const StepRequest& request,
                         std::uint32_t wanted, bool empty) {
  std::vector<Room> rooms;
  for (const std::uint32_t i : usable) {
    rooms.push_back({i, tasks_that_fit(nodes[i], request, empty)});
  }
  auto shares = spread_evenly(rooms, request.tasks, wanted);
  return shares.empty() ? spread_by_room(std::move(rooms), request.tasks, wanted) : shares;
}

/// The seat with the fewest CPUs in use, then with the fewest tasks, then the first.
std::size_t least_used_seat(const JobNode& node) {
  std::size_t best = 0;
  const auto use = [&node](std::size_t i) {
    return std::pair(node.seat_cpus_used[i], node.seat_tasks[i]);
  };
  for (std::size_t i = 1; i < node.seats.size(); ++i) {
    if (use(i) < use(best)) best = i;
  }
  return best;
}

void place_tasks(std::vector<JobNode>& nodes, const StepRequest& request, StepPlan& plan) {
  std::vector<std::uint32_t> next(plan.nodes.size(), 0);
  for (const std::uint32_t k : nodes_by_rank(plan, request.cyclic)) {
    JobNode& node = nodes[plan.nodes[k]];
    TaskPlace& task = plan.tasks.emplace_back();
    task.node = plan.nodes[k];
    task.step_node = k;
    task.local = next[k]++;
    const std::size_t seat = least_used_seat(node);
    task.seat = node.seats[seat];
    if (!request.overlap) {
      task.cpus = !request.overcommit ? request.cpus_per_task : task.local == 0 ? 1 : 0;
    }
    node.seat_cpus_used[seat] += task.cpus;
    ++node.seat_tasks[seat];
    node.cpus_free -= task.cpus;
    const auto& taken = plan.devices_on[k];
    if (request.gpus_per_task > 0) {
      const auto first = taken.begin() + static_cast<std::ptrdiff_t>(task.local) *
                                             static_cast<std::ptrdiff_t>(request.gpus_per_task);
      task.devices.assign(first, first + static_cast<std::ptrdiff_t>(request.gpus_per_task));
    } else {
      task.devices = request.gpus_per_node > 0 ? taken : all_devices(node);
    }
  }
}

}  // namespace

Result<std::optional<StepPlan>> plan_step(std::vector<JobNode>& nodes, const StepRequest& request) {
  const auto invalid = [](std::string message) {
    return Error{ErrorCode::kInvalid, std::move(message)};
  };
  const auto all = static_cast<std::uint32_t>(nodes.size());
  if (request.relative >= all) {
    return invalid(fmt::format("--relative: the job has {} nodes, counted from 0", all));
  }
  for (const std::string& name : request.node_names) {
    if (std::ranges::find(nodes, name, &JobNode::name) == nodes.end()) {
      return invalid(fmt::format("--nodelist: {} is not a node of the job", name));
    }
  }
  const auto may_use = [&](std::uint32_t i) {
    const auto has = [&](const std::vector<std::string>& names) {
      return std::ranges::find(names, nodes[i].name) != names.end();
    };
    return (request.node_names.empty() || has(request.node_names)) && !has(request.excluded_names);
  };
  std::vector<std::uint32_t> usable;
  for (std::uint32_t i = request.relative; i < all; ++i) {
    if (may_use(i)) usable.push_back(i);
  }
  const auto there = static_cast<std::uint32_t>(usable.size());
  const std::uint32_t wanted = std::min(request.nodes == 0 ? there : request.nodes, request.tasks);
  if (wanted > there || wanted == 0) {
    return invalid(
        fmt::format("requested node configuration is not available: {} nodes of the "
                    "job's {}",
                    wanted, there));
  }
  if (request.tasks_per_node > 0 &&
      request.tasks > std::uint64_t{wanted} * request.tasks_per_node) {
    return invalid(fmt::format("{} tasks do not fit onto {} nodes with --ntasks-per-node={}",
                               request.tasks, wanted, request.tasks_per_node));
  }
  std::uint32_t largest = 0;
  for (JobNode& node : nodes) {
    node.seat_cpus_used.resize(node.seats.size());
    node.seat_tasks.resize(node.seats.size());
    largest = std::max(largest, seat_size(node));
  }
  if (!request.overcommit && request.cpus_per_task > largest) {
    return invalid(
        fmt::format("more processors or GPUs requested than permitted: a task of {} CPUs is more "
                    "than the job has in one place, which is {}; submit it with --nodes, or with "
                    "that --cpus-per-task",
                    request.cpus_per_task, largest));
  }
  if (spread(nodes, usable, request, wanted, true).empty()) {
    return invalid(
        fmt::format("more processors or GPUs requested than permitted: {} tasks with {} "
                    "CPUs each on {} nodes are more than the job has",
                    request.tasks, request.cpus_per_task, wanted));
  }
  const auto shares = spread(nodes, usable, request, wanted, false);
  if (shares.empty()) return std::optional<StepPlan>();
  StepPlan plan;
  for (const Room& share : shares) {
    plan.nodes.push_back(share.node);
    plan.tasks_on.push_back(share.tasks);
    const std::uint32_t gpus =
        request.gpus_per_task > 0 ? request.gpus_per_task * share.tasks : request.gpus_per_node;
    plan.devices_on.push_back(take_devices(nodes[share.node], gpus));
  }
  place_tasks(nodes, request, plan);
  return std::optional<StepPlan>(std::move(plan));
}

void give_back(std::vector<JobNode>& nodes, const StepPlan& plan) {
  for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
    JobNode& node = nodes[plan.nodes[k]];
    for (const std::uint32_t device : plan.devices_on[k]) node.device_taken[device] = false;
  }
  for (const TaskPlace& task : plan.tasks) {
    JobNode& node = nodes[task.node];
    const auto seat =
        static_cast<std::size_t>(std::ranges::find(node.seats, task.seat) - node.seats.begin());
    node.cpus_free += task.cpus;
    node.seat_cpus_used[seat] -= task.cpus;
    --node.seat_tasks[seat];
  }
}

std::string counts_text(const std::vector<std::uint32_t>& counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.size();) {
    std::size_t end = i + 1;
    while (end < counts.size() && counts[end] == counts[i]) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", counts[i]);
    if (end - i > 1) text += fmt::format("(x{})", end - i);
    i = end;
  }
  return text;
}

}  // namespace mw::face
