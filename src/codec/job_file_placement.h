// A part of job_file.h: the group `placement`, where in the fabric a gang may go.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "codec/yaml_reader.h"
#include "model/job.h"

namespace mw {

/// Reads `map.placement` into the gang, whose tasks, nodes and resources were read before; `at` is
/// what the map is called in messages: empty, or "groups[2]". Problems are noted with `reader`.
void read_placement(YamlReader& reader, const YamlNode& map, std::string_view at, GangShape& gang);

/// The group that reads back as the same; empty when all of it is as by default.
boost::json::object write_placement(const GangShape& gang);

inline constexpr std::size_t kTypesMax = 32;
inline constexpr std::int64_t kRateMax = 1'000'000;

}  // namespace mw
