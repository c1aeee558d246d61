// The folder of a submission: its script, its environment and its arguments, for their owner alone.
// They may hold
// secrets, so they are neither in the journal nor in what the API shows; the job names the folder.
// It is below the submitter's home of Millwright, which ranks see as they see the user's files, and
// it goes when its jobs have ended and somebody submits again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/api.h"

namespace mw::face {

struct Submission {
  std::string script;                    ///< empty: there is none
  std::vector<std::string> environment;  ///< "NAME=value"
  std::vector<std::string> arguments;    ///< of the script, or of the step's srun
};

/// Makes HOME/slurm/NAME.  Errors: kUnavailable, naming what could not be written.
Result<std::string> make_spool(const std::filesystem::path& home, const Submission& submission);
/// Notes the jobs that need it: `count` from `first` on.
void note_jobs(const std::string& spool, std::uint64_t first, std::uint64_t count);
/// Notes how the script of a job ended, as waitpid says it: engines that know attempts only as a
/// whole do not tell of it.
void note_end(const std::string& spool, std::uint64_t job, int status);
/// Nothing when it is not known.
std::optional<int> noted_end(const std::string& spool, std::uint64_t job);
void remove_spool(const std::string& spool);
/// Removes the folders whose jobs have all ended; looks at a few of the oldest, so it is quick.
/// A folder whose jobs this control plane does not have, by their numbers and the folder that they
/// name, is another's, and stays.
void sweep_spool(const std::filesystem::path& home, Api& api);

inline constexpr std::size_t kScriptBytesMax = std::size_t{4} << 20;  ///< as Slurm's default
std::string script_path(const std::string& spool);
Result<std::vector<std::string>> read_spooled_environment(const std::string& spool);
/// Nothing when the submission had none.
std::vector<std::string> read_spooled_arguments(const std::string& spool);
/// Makes the submitter's umask this process's own, so that a job's files are as private as theirs.
void take_spooled_umask(const std::string& spool);

}  // namespace mw::face
