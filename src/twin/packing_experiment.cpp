#include "twin/packing_experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/random.h"
#include "core/core.h"

namespace mw {
namespace {

/// The index of each type: named ones in order, then, for all that no node has, one more.
class Types {
 public:
  explicit Types(const std::vector<TraceNode>& nodes) {
    for (const TraceNode& node : nodes) names_.push_back(node.type);
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::uint32_t index(const std::string& name) const {
    return static_cast<std::uint32_t>(std::lower_bound(names_.begin(), names_.end(), name) -
                                      names_.begin());
  }
  [[nodiscard]] TypeSet set(const std::vector<std::string>& allowed) const {
    TypeSet types = 0;
    for (const std::string& name : allowed) {
      const bool known = std::binary_search(names_.begin(), names_.end(), name);
      types |= TypeSet{1} << (known ? index(name) : names_.size());
    }
    return types;
  }

 private:
  std::vector<std::string> names_;
};

FleetSpec fleet_of(const PackingCase& the_case) {
  FleetSpec fleet;
  fleet.name = "packing";
  for (std::size_t i = 0; i < the_case.kinds.size(); ++i) {
    const NodeKind& kind = the_case.kinds[i];
    NodeShape shape;
    shape.name = fmt::format("kind{}", i);
    shape.accelerator_type = the_case.types[kind.type];
    shape.accelerators = kind.devices;
    shape.cpus = kind.cpus;
    shape.memory = kind.memory;
    fleet.shapes.push_back(std::move(shape));
  }
  SiteSpec site;
  site.name = "site";
  // A block a node, so that nodes stand in the order of the list.
  for (std::size_t i = 0; i < the_case.node_kinds.size(); ++i) {
    BlockSpec block;
    block.name = fmt::format("node{:06}", i);
    block.shape = fleet.shapes[the_case.node_kinds[i]].name;
    block.nodes = 1;
    site.blocks.push_back(std::move(block));
  }
  fleet.sites.push_back(std::move(site));
  return fleet;
}

JobSpec job_of(const TracePod& pod) {
  JobSpec spec;
  spec.name = pod.name;
  spec.command = {"pod"};
  spec.gang.task.accelerators = pod.accelerators;
  spec.gang.task.cpus = pod.cpus;
  spec.gang.task.memory = pod.memory;
  for (const std::string& type : pod.types) spec.gang.types.push_back({type});
  return spec;
}

}  // namespace

Result<PackingCase> packing_case(std::vector<TraceNode> nodes, std::vector<TracePod> pods) {
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(nodes.begin(), nodes.end(), by_name);
  std::sort(pods.begin(), pods.end(), by_name);
  if (nodes.empty()) return Error{ErrorCode::kInvalid, "no node of the list has an accelerator"};
  const Types types(nodes);
  if (types.names().size() >= kTypesMax) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{} types of accelerators; at most {} are supported",
                             types.names().size(), kTypesMax - 1)};
  }
  PackingCase result;
  result.types = types.names();
  for (const TraceNode& node : nodes) {
    const NodeKind kind{types.index(node.type), node.accelerators, node.cpus, node.memory};
    auto found = std::find(result.kinds.begin(), result.kinds.end(), kind);
    if (found == result.kinds.end()) found = result.kinds.insert(found, kind);
    result.node_kinds.push_back(static_cast<std::uint32_t>(found - result.kinds.begin()));
    result.capacity += kWholeAccelerator * std::int64_t{node.accelerators};
  }
  AcceleratorShare asked;
  for (const TracePod& pod : pods) {
    result.pods.push_back({pod.accelerators, pod.cpus, pod.memory, types.set(pod.types)});
    asked += pod.accelerators;
  }
  if (asked.count() == 0) return Error{ErrorCode::kInvalid, "no pod asks for an accelerator"};
  result.trace_nodes = std::move(nodes);
  result.trace_pods = std::move(pods);
  return result;
}

std::vector<std::uint32_t> packing_arrivals(const PackingCase& the_case, std::uint64_t seed,
                                            std::uint32_t load_percent) {
  Random random(seed);
  std::vector<std::uint32_t> order(the_case.pods.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  const std::int64_t limit = the_case.capacity.count() * load_percent / 100;
  std::int64_t sum = 0;
  for (const std::uint32_t pod : order) sum += the_case.pods[pod].accelerators.count();
  while (true) {
    const auto pod = static_cast<std::uint32_t>(random.below(the_case.pods.size()));
    sum += the_case.pods[pod].accelerators.count();
    if (sum > limit) return order;
    order.push_back(pod);
  }
}

PackingResult run_packing(const PackingCase& the_case, const std::vector<std::uint32_t>& arrivals,
                          const PlacePod& place) {
  PackingResult result;
  struct Sum {
    std::int64_t used = 0;
    std::int64_t events = 0;
  };
  std::map<std::int64_t, Sum> sums;
  const std::int64_t capacity = the_case.capacity.count();
  std::int64_t arrived = 0;
  std::int64_t used = 0;
  for (const std::uint32_t pod : arrivals) {
    const TaskNeed& need = the_case.pods[pod];
    arrived += need.accelerators.count();
    if (place(pod)) {
      used += need.accelerators.count();
      ++result.placed;
      if (need.whole_devices() > 0) ++result.placed_by_devices[need.whole_devices()];
    } else {
      ++result.refused;
    }
    Sum& sum = sums[(200 * arrived + capacity) / (2 * capacity)];
    sum.used += used;
    ++sum.events;
  }
  for (const auto& [percent, sum] : sums) {
    result.allocated[percent] = 100.0 * static_cast<double>(sum.used) /
                                static_cast<double>(sum.events) / static_cast<double>(capacity);
  }
  return result;
}

PlacePod place_by_ranking(const PackingCase& the_case, RankingKind kind, std::uint64_t seed) {
  RankingPolicy policy{.kind = kind, .seed = seed, .typical = {}};
  if (kind == RankingKind::kFgd) policy.typical = typical_needs(the_case.pods);
  const auto nodes =
      std::make_shared<RankedNodes>(std::move(policy), the_case.kinds, the_case.node_kinds);
  return [nodes, pods = the_case.pods](std::uint32_t pod) {
    const TaskNeed& need = pods[pod];
    nodes->observe(need);
    const auto choice = nodes->choose(need);
    if (choice) nodes->place(need, *choice);
    return choice.has_value();
  };
}

PlacePod place_by_scheduler(const PackingCase& the_case, const PodPlaced& placed) {
  const auto core = std::make_shared<Core>();
  core->step(Instant(), std::vector<Input>{{RequestId(), DeclareFleet{fleet_of(the_case), ""}}});
  std::vector<JobSpec> jobs;
  for (const TracePod& pod : the_case.trace_pods) jobs.push_back(job_of(pod));
  return [core, jobs = std::move(jobs), placed](std::uint32_t pod) {
    const JobId job = core->state().next_job;
    core->step(Instant(), std::vector<Input>{{RequestId(), SubmitJob{jobs[pod], ""}}});
    const auto attempt = core->state().attempts.find(job);
    if (attempt != core->state().attempts.end()) {
      if (placed) placed(pod, attempt->second.placement);
      return true;
    }
    core->step(Instant(), std::vector<Input>{{RequestId(), CancelJob{job, true, ""}}});
    return false;
  };
}

}  // namespace mw
