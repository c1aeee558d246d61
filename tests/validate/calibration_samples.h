// Questions with their futures and true starts as CSV, so that what is told of them can be told
// anew without the hours that the futures took.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "calibration_figures.h"

namespace mw {

/// Appends to a file; instants in ns, empty: never or not known.
/// Errors: kUnavailable when it cannot be written.
Result<void> write_samples(const std::string& path, const Answers& answers);
/// By workload, in the order of the file.
/// Errors: kInvalid with the line that is not of that form; kNotFound.
Result<std::vector<Answers>> read_samples(const std::string& path);

}  // namespace mw
