#include "codec/job_file_gang.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "codec/job_file.h"
#include "codec/job_file_placement.h"
#include "codec/job_file_values.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 4> kGroupKeys = {"tasks", "nodes", "resources", "placement"};
constexpr std::array<std::string_view, 4> kResourceKeys = {"accelerators", "cpus", "memory",
                                                           "accelerator_type"};

void read_tasks(YamlReader& reader, const YamlNode& map, std::string_view at, GangShape& gang) {
  reader.read_whole(map, at, "tasks", gang.tasks, 1, kTasksMax);
  if (!reader.read_whole(map, at, "nodes", gang.nodes, 1, kTasksMax) || gang.nodes == 0) return;
  const YamlNode& nodes = *map.find("nodes");
  if (gang.nodes > gang.tasks) {
    reader.problem(nodes, YamlReader::path(at, "nodes"),
                   fmt::format("expected at most as many nodes as tasks ({}), found {}", gang.tasks,
                               gang.nodes));
  } else if (gang.tasks % gang.nodes != 0) {
    reader.problem(nodes, YamlReader::path(at, "nodes"),
                   fmt::format("expected a number that divides the {} tasks evenly, found {}",
                               gang.tasks, gang.nodes));
  }
}

void read_resources(YamlReader& reader, const YamlNode& map, std::string_view at, TaskShape& task) {
  const YamlNode* resources = reader.group(map, at, "resources", "\"accelerators: 1\"");
  if (resources == nullptr) return;
  const std::string path = YamlReader::path(at, "resources");
  reader.check_keys(*resources, path, kResourceKeys);
  reader.read_scalar(*resources, path, "accelerators", task.accelerators, parse_accelerators);
  reader.read_scalar(*resources, path, "cpus", task.cpus, parse_cpus);
  reader.read_scalar(*resources, path, "memory", task.memory, [](std::string_view text) {
    return parse_bytes(text, Bytes(0), kMemoryPerTaskMax);
  });
  reader.read_scalar(*resources, path, "accelerator_type", task.accelerator_type,
                     parse_accelerator_type);
}

/// A gang of fewer tasks has to be one that the file could have asked for as well.
void read_elastic(YamlReader& reader, const YamlNode& root, const JobSpec& spec, GangShape& gang) {
  if (!reader.read_whole(root, "", "tasks_min", gang.tasks_min, 1, kTasksMax)) return;
  const YamlNode& node = *root.find("tasks_min");
  if (gang.tasks_min == 0) return;  // a problem already
  if (gang.tasks_min > gang.tasks) {
    reader.problem(node, "tasks_min",
                   fmt::format("expected at most as many as tasks ({}), found {}", gang.tasks,
                               gang.tasks_min));
    return;
  }
  // Where nodes do not divide the tasks, that is the problem, and it is told already.
  const bool by_node = gang.nodes > 0 && gang.tasks % gang.nodes == 0;
  const std::uint32_t tasks_per_node = by_node ? gang.tasks / gang.nodes : 1;
  if (gang.tasks_min % tasks_per_node != 0) {
    reader.problem(node, "tasks_min",
                   fmt::format("expected a multiple of the {} tasks of each node, found {}",
                               tasks_per_node, gang.tasks_min));
  }
  if (gang.segment > 0 && gang.tasks_min % gang.segment != 0) {
    reader.problem(node, "tasks_min",
                   fmt::format("expected a multiple of placement.segment ({}), found {}",
                               gang.segment, gang.tasks_min));
  }
  // Ranks of the groups behind it would move with its size.
  if (!spec.groups.empty()) {
    reader.problem(node, "tasks_min",
                   "is given together with groups; a gang of several groups has one size");
  }
}

void read_groups(YamlReader& reader, const YamlNode& root, JobSpec& spec) {
  const auto groups = reader.list(root, "", "groups", "[{tasks: 4, resources: {cpus: 8}}]");
  if (groups.size() > kGroupsMax) {
    reader.problem(*root.find("groups"), "groups",
                   fmt::format("expected at most {}, found {}", kGroupsMax, groups.size()));
    return;
  }
  std::int64_t tasks = spec.gang.tasks;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string at = fmt::format("groups[{}]", i);
    if (!reader.is_map(groups[i], at, "\"tasks: 4\"")) continue;
    reader.check_keys(groups[i], at, kGroupKeys);
    read_gang(reader, groups[i], at, spec.groups.emplace_back());
    tasks += spec.groups.back().tasks;
  }
  if (tasks > kTasksMax) {
    reader.problem(*root.find("groups"), "groups",
                   fmt::format("expected at most {} tasks in all groups together, found {}",
                               kTasksMax, tasks));
  }
}

}  // namespace

void read_gang(YamlReader& reader, const YamlNode& map, std::string_view at, GangShape& gang) {
  read_tasks(reader, map, at, gang);
  read_resources(reader, map, at, gang.task);
  read_placement(reader, map, at, gang);
}

void read_elastic_and_groups(YamlReader& reader, const YamlNode& root, JobSpec& spec) {
  read_groups(reader, root, spec);
  read_elastic(reader, root, spec, spec.gang);
}

boost::json::object write_gang(const GangShape& gang) {
  boost::json::object out{{"tasks", gang.tasks}};
  if (gang.tasks_min > 0) out["tasks_min"] = gang.tasks_min;
  if (gang.nodes > 0) out["nodes"] = gang.nodes;
  out["resources"] = {{"accelerators", write_thousandths(gang.task.accelerators.count())},
                      {"cpus", write_thousandths(gang.task.cpus.count())},
                      {"memory", write_bytes(gang.task.memory)},
                      {"accelerator_type", gang.task.accelerator_type}};
  if (auto placement = write_placement(gang); !placement.empty()) {
    out["placement"] = std::move(placement);
  }
  return out;
}

}  // namespace mw
