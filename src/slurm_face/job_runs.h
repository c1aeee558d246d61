// The runs of a job, from its story: where and when each of them was, and how it ended. The list of
// jobs does not have them once the job has ended, so it is a request a job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/api.h"

namespace mw::face {

/// How a script ended.
struct ScriptEnd {
  int exit_code = 0;
  int signal = 0;
};

struct JobRun {
  Instant began;  ///< when it got its nodes
  std::optional<Instant> ended;
  std::vector<std::string> nodes;  ///< in rank order
  std::string cause;               ///< of its end, as the API says it: "node_lost"
  std::optional<ScriptEnd> end;    ///< of its first rank
};

/// Oldest first.  Errors: those of the API.
Result<std::vector<JobRun>> runs_of(Api& api, std::uint64_t job);

/// Slurm's word for a run that ended so, and after which the job went on: "NODE_FAIL".
std::string run_word(const JobRun& run);

/// How the first rank of a job ended last: of what the story tells, else of what its host noted.
std::optional<ScriptEnd> script_end(const std::vector<JobRun>& runs, std::uint64_t job,
                                    const std::string& spool);

}  // namespace mw::face
