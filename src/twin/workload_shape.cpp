#include "twin/workload_shape.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/check.h"

namespace mw {
namespace {

constexpr std::uint32_t kNodeOtherwise = 8;  // of most machines that are sold for training

bool counts(const NodeShape& shape, const std::string& type) {
  return shape.accelerators > 0 && (type.empty() || shape.accelerator_type == type);
}

const NodeShape& shape_of(const FleetSpec& fleet, const BlockSpec& block) {
  const auto found = std::ranges::find(fleet.shapes, block.shape, &NodeShape::name);
  MW_CHECK(found != fleet.shapes.end());
  return *found;
}

std::int64_t divide_up(std::int64_t amount, std::int64_t parts) {
  return (amount + parts - 1) / parts;
}

}  // namespace

ShapeRules shape_rules(const FleetSpec& fleet, const std::string& type) {
  ShapeRules rules;
  rules.accelerator_type = type;
  std::uint32_t divisor = 0;
  for (const NodeShape& shape : fleet.shapes) {
    if (!counts(shape, type)) continue;
    divisor = std::gcd(divisor, shape.accelerators);
    rules.cpus = std::min(rules.cpus, CpuShare(shape.cpus.count() / shape.accelerators));
    rules.memory = std::min(rules.memory, Bytes(shape.memory.count() / shape.accelerators));
  }
  rules.accelerators_per_node = divisor > 1 ? divisor : kNodeOtherwise;
  return rules;
}

GangShape gang_shape(const JobDemand& demand, const ShapeRules& rules) {
  GangShape gang;
  const std::int64_t whole = demand.accelerators / kWholeAccelerator;
  const std::int64_t node = std::max<std::uint32_t>(rules.accelerators_per_node, 1);
  const std::int64_t each = whole <= node ? whole : std::gcd(whole, node);
  const std::int64_t tasks = each == 0 ? 1 : whole / each;
  gang.tasks = static_cast<std::uint32_t>(tasks);
  gang.task.accelerators = each == 0 ? demand.accelerators : each * kWholeAccelerator;
  const std::int64_t units = std::max<std::int64_t>(whole, 1);
  gang.task.cpus = CpuShare(divide_up(
      demand.cpus > CpuShare(0) ? demand.cpus.count() : rules.cpus.count() * units, tasks));
  gang.task.memory = Bytes(divide_up(
      demand.memory > Bytes(0) ? demand.memory.count() : rules.memory.count() * units, tasks));
  if (demand.accelerators == AcceleratorShare(0)) return gang;
  if (!rules.accelerator_type.empty()) {
    gang.task.accelerator_type = rules.accelerator_type;
  } else if (demand.types.size() == 1) {
    gang.task.accelerator_type = demand.types.front();
  } else {
    for (const std::string& type : demand.types) gang.types.push_back({.type = type});
  }
  return gang;
}

JobSpec simulated_job(std::string name, GangShape gang) {
  JobSpec spec;
  spec.name = std::move(name);
  spec.command.emplace_back("simulated");
  spec.workdir.assign(1, '/');
  spec.gang = std::move(gang);
  spec.restart.limit = 0;
  return spec;
}

std::int64_t gang_accelerators_max(const FleetSpec& fleet, const std::string& type) {
  std::int64_t most = 0;
  for (const SiteSpec& site : fleet.sites) {
    std::map<std::string, std::int64_t> by_type;
    for (const BlockSpec& block : site.blocks) {
      const NodeShape& shape = shape_of(fleet, block);
      if (!counts(shape, type)) continue;
      std::int64_t& sum = by_type[shape.accelerator_type];
      sum += std::int64_t{block.count} * block.nodes * shape.accelerators;
      most = std::max(most, sum);
    }
  }
  return most;
}

std::int64_t fleet_accelerators(const FleetSpec& fleet, const std::string& type) {
  std::int64_t sum = 0;
  for (const SiteSpec& site : fleet.sites) {
    for (const BlockSpec& block : site.blocks) {
      const NodeShape& shape = shape_of(fleet, block);
      if (counts(shape, type)) sum += std::int64_t{block.count} * block.nodes * shape.accelerators;
    }
  }
  return sum;
}

}  // namespace mw
