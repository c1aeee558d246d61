// A part of job_file.h: the conditions under which a job may start: where (`where`), when
// (`not_before`, `deadline`), and after which jobs (`after`).
#pragma once

#include <boost/json/object.hpp>

#include "codec/yaml_reader.h"
#include "model/job.h"

namespace mw {

/// Reads the keys of `root` into the spec. Problems are noted with `reader`.
void read_conditions(YamlReader& reader, const YamlNode& root, JobSpec& spec);

/// Adds the keys that read back as the same to `file`; none for a job without conditions.
void write_conditions(const JobSpec& spec, boost::json::object& file);

inline constexpr std::size_t kWhereMax = 1'000;  ///< sites, and jurisdictions
inline constexpr std::size_t kAfterMax = 1'000;  ///< jobs to wait for

}  // namespace mw
