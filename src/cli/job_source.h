// Job files as verbs send them that do not submit them: read here, where their names and folders
// are known, and sent complete.
#pragma once

#include <string>

#include "base/result.h"

namespace mw {

/// The job file `name` ("-": standard input) with its folder as default workdir, judged and written
/// again.  Errors: as parse_job_file; kNotFound when it cannot be read.
Result<std::string> load_job_file(const std::string& name);

}  // namespace mw
