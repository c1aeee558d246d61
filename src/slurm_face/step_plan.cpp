#include "slurm_face/step_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace mw::face {
namespace {

/// What the step needs of its k-th node.
struct NodeNeed {
  std::uint32_t tasks = 0;
  std::uint32_t cpus = 0;
  std::uint32_t gpus = 0;
};

std::vector<NodeNeed> needs_of(const StepRequest& request, std::uint32_t nodes) {
  std::vector<NodeNeed> needs(nodes);
  for (std::uint32_t i = 0; i < nodes; ++i) {
    NodeNeed& need = needs[i];
    need.tasks = request.tasks / nodes + (i < request.tasks % nodes ? 1 : 0);
    need.cpus = request.overcommit ? 1 : need.tasks * request.cpus_per_task;
    need.gpus =
        request.gpus_per_task > 0 ? request.gpus_per_task * need.tasks : request.gpus_per_node;
  }
  return needs;
}

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

void place_tasks(std::vector<JobNode>& nodes, const StepRequest& request, StepPlan& plan) {
  std::vector<std::uint32_t> next(plan.nodes.size(), 0);
  for (const std::uint32_t k : nodes_by_rank(plan, request.cyclic)) {
    const JobNode& node = nodes[plan.nodes[k]];
    TaskPlace& task = plan.tasks.emplace_back();
    task.node = plan.nodes[k];
    task.local = next[k]++;
    task.seat = node.seats[task.local % node.seats.size()];
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
  std::uint32_t there = 0;
  for (std::uint32_t i = request.relative; i < all; ++i) there += may_use(i) ? 1 : 0;
  const std::uint32_t wanted = std::min(request.nodes == 0 ? there : request.nodes, request.tasks);
  if (wanted > there || wanted == 0) {
    return invalid(
        fmt::format("requested node configuration is not available: {} nodes of the "
                    "job's {}",
                    wanted, there));
  }
  const auto needs = needs_of(request, wanted);
  if (request.tasks_per_node > 0 && needs[0].tasks > request.tasks_per_node) {
    return invalid(fmt::format("{} tasks do not fit onto {} nodes with --ntasks-per-node={}",
                               request.tasks, wanted, request.tasks_per_node));
  }
  StepPlan plan;
  std::uint32_t could = 0;  // if nothing else ran
  std::uint32_t next = 0;
  for (std::uint32_t i = request.relative; i < all; ++i) {
    if (!may_use(i)) continue;
    const JobNode& node = nodes[i];
    // Of two needs the larger one comes first, so a node that fits it fits any.
    const NodeNeed& need = needs[std::min<std::size_t>(next, needs.size() - 1)];
    if (need.cpus > node.cpus || need.gpus > node.devices.size()) continue;
    ++could;
    const bool has_cpus = request.overlap || need.cpus <= node.cpus_free;
    const bool has_gpus = need.gpus <= free_devices(node);
    if (next < wanted && has_cpus && has_gpus) {
      plan.nodes.push_back(i);
      ++next;
    }
  }
  if (could < wanted) {
    return invalid(
        fmt::format("more processors or GPUs requested than permitted: {} tasks with {} "
                    "CPUs each on {} nodes are more than the job has",
                    request.tasks, request.cpus_per_task, wanted));
  }
  if (next < wanted) return std::optional<StepPlan>();
  for (std::uint32_t k = 0; k < wanted; ++k) {
    JobNode& node = nodes[plan.nodes[k]];
    const std::uint32_t cpus = request.overlap ? 0 : needs[k].cpus;
    node.cpus_free -= cpus;
    plan.cpus_on.push_back(cpus);
    plan.tasks_on.push_back(needs[k].tasks);
    plan.devices_on.push_back(take_devices(node, needs[k].gpus));
  }
  place_tasks(nodes, request, plan);
  return std::optional<StepPlan>(std::move(plan));
}

void give_back(std::vector<JobNode>& nodes, const StepPlan& plan) {
  for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
    JobNode& node = nodes[plan.nodes[k]];
    node.cpus_free += plan.cpus_on[k];
    for (const std::uint32_t device : plan.devices_on[k]) node.device_taken[device] = false;
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
