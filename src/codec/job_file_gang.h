// A part of job_file.h: the keys that give a gang its shape. The job's own gang has them at the
// top of the file, and each further group of a hierarchical gang below `groups`.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "codec/yaml_reader.h"
#include "model/job.h"

namespace mw {

/// Reads `tasks`, `nodes`, `resources` and `placement` of `map` into the gang; `at` is what the map
/// is called in messages: empty, or "groups[2]". Problems are noted with `reader`.
void read_gang(YamlReader& reader, const YamlNode& map, std::string_view at, GangShape& gang);

/// Reads `tasks_min`, and `groups` with what has to be right of all groups together.
/// REQUIRES: the job's own gang was read before.
void read_elastic_and_groups(YamlReader& reader, const YamlNode& root, JobSpec& spec);

/// The keys that read back as the same gang.
boost::json::object write_gang(const GangShape& gang);

inline constexpr std::size_t kGroupsMax = 64;

}  // namespace mw
