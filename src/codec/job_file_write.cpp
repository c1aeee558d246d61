// The other way round: a job file from a JobSpec. What is written here reads back as the same
// value.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "codec/job_file.h"
#include "codec/job_file_placement.h"
#include "codec/units.h"

namespace mw {

std::string write_job_file(const JobSpec& spec) {
  boost::json::object environment;
  for (const EnvironmentVariable& variable : spec.environment)
    environment[variable.name] = variable.value;
  const TaskShape& task = spec.gang.task;
  boost::json::object resources{{"accelerators", write_thousandths(task.accelerators.count())},
                                {"cpus", write_thousandths(task.cpus.count())},
                                {"memory", write_bytes(task.memory)},
                                {"accelerator_type", task.accelerator_type}};
  boost::json::object file{
      {"name", spec.name},
      {"tenant", spec.tenant},
      {"command", boost::json::array(spec.command.begin(), spec.command.end())},
      {"workdir", spec.workdir},
      {"environment", std::move(environment)},
      {"tasks", spec.gang.tasks}};
  if (spec.gang.nodes > 0) file["nodes"] = spec.gang.nodes;
  file["resources"] = std::move(resources);
  if (auto placement = write_placement(spec.gang); !placement.empty()) {
    file["placement"] = std::move(placement);
  }
  file["time_limit"] = write_duration(spec.time_limit);
  file["grace"] = write_duration(spec.grace);
  file["restart"] = {{"limit", spec.restart.limit},
                     {"delay", write_duration(spec.restart.delay)},
                     {"delay_max", write_duration(spec.restart.delay_max)}};
  file["priority"] = spec.priority;
  file["array"] = spec.array;
  file["hold"] = spec.hold;
  return boost::json::serialize(file);
}

}  // namespace mw
