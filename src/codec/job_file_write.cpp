// The other way round: a job file from a JobSpec. What is written here reads back as the same
// value.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "codec/job_file.h"
#include "codec/job_file_conditions.h"
#include "codec/job_file_gang.h"
#include "codec/units.h"

namespace mw {

std::string write_job_file(const JobSpec& spec) {
  boost::json::object environment;
  for (const EnvironmentVariable& variable : spec.environment)
    environment[variable.name] = variable.value;
  boost::json::object file{
      {"name", spec.name},
      {"tenant", spec.tenant},
      {"command", boost::json::array(spec.command.begin(), spec.command.end())},
      {"workdir", spec.workdir},
      {"environment", std::move(environment)}};
  // The job's own gang stands at the top, its further groups in a list.
  boost::json::object gang = write_gang(spec.gang);
  file.insert(gang.begin(), gang.end());
  boost::json::array groups;
  for (const GangShape& group : spec.groups) groups.push_back(write_gang(group));
  if (!groups.empty()) file["groups"] = std::move(groups);
  write_conditions(spec, file);
  file["time_limit"] = write_duration(spec.time_limit);
  file["grace"] = write_duration(spec.grace);
  file["restart"] = {{"limit", spec.restart.limit},
                     {"delay", write_duration(spec.restart.delay)},
                     {"delay_max", write_duration(spec.restart.delay_max)},
                     {"in_place", spec.restart.in_place.value_or(false)}};
  if (!spec.priority_class.empty()) file["priority_class"] = spec.priority_class;
  file["priority"] = spec.priority;
  file["array"] = spec.array;
  file["hold"] = spec.hold;
  return boost::json::serialize(file);
}

}  // namespace mw
