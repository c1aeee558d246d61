// Slurm's own commands, for the few things that its REST interface cannot do: taking nodes out of
// service up to v0.0.38, and putting a running job back into the queue, held, in any version. No
// shell is in between.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"

namespace mw::slurm {

/// Runs it and waits for its end, 60 s at most.  `token`: of the user as whom it asks; empty: as
/// the user that we are. `stop`: once it is true it is given up.
/// Errors: kUnavailable when it cannot be run or Slurm was not reached, kTimeout, kForbidden,
///         kNotFound for a job or node that Slurm does not have, else kInvalid; each with what it
///         said.
Result<void> run_command(const std::vector<std::string>& arguments, const std::string& token,
                         const std::atomic<bool>& stop);

/// The same of one that answers a question: what it wrote to its standard output.
Result<std::string> run_query(const std::vector<std::string>& arguments, const std::string& token,
                              const std::atomic<bool>& stop);

/// `text` as one value of scontrol ("Reason=..."), which reads quotes and the ends of lines.
std::string scontrol_value(std::string_view text);

}  // namespace mw::slurm
