// What sbatch, srun and salloc share on their way to a job: options from all places put together,
// the environment to take along, the submission itself, and waiting for its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slurm_face/face.h"
#include "slurm_face/request_job.h"
#include "slurm_face/spool.h"

namespace mw::face {

/// Options of script, variables and command line, later ones winning.
Result<Request> gather_request(Starter starter, const std::vector<GivenOption>& directives,
                               const std::vector<GivenOption>& given);

/// This process's environment as --export says: ALL, NONE, NAME, NAME=VALUE, with commas. Variables
/// of an enclosing job, and tokens of Millwright, are never taken along. Errors: kUnsupported for
/// NIL and other words of Slurm's that are not these.
Result<std::vector<std::string>> exported_environment(const std::string& export_list);

struct Submitted {
  std::uint64_t job = 0;
  std::uint64_t count = 1;
};
/// Hands a job in, again and again for a while when no answer comes. `submission`: its environment
/// is put there. Tells what has no effect.
Result<Submitted> submit_job(const Call& call, Connection& connection, const Request& request,
                             FaceJob face, Submission submission, bool dry_run);

/// The folder in which the job runs, absolute.
Result<std::string> work_folder(const Request& request);
/// The umask of this process; for a moment it is another, so only while there is one thread.
unsigned own_umask();
/// A control plane that is being started anew says so, or nothing: what asks again has an answer.
bool may_come_back(const Error& error);
/// Longer than a control plane takes to be started anew.
inline constexpr auto kAnswerWait = std::chrono::seconds(60);
inline constexpr auto kAskAgainEvery = std::chrono::milliseconds(500);
/// The mw that runs the job's ranks: this very program.
std::string own_program();
std::string host_name();

/// Makes links of all commands' names in FOLDER/bin, so that a job finds ours before a Slurm's that
/// may be there as well.  Result: what went wrong, if anything did.
std::optional<std::string> link_commands(const std::string& folder);
/// PATH with that folder first.
std::string with_commands(const std::string& folder, const std::string& path);

/// Where a job stands.
struct JobEnd {
  bool over = false;
  int exit_code = 0;  ///< as sbatch --wait gives it
  std::int64_t attempt = 0;
  std::string state;
};
Result<JobEnd> look_at_job(Api& api, std::uint64_t job);

}  // namespace mw::face
