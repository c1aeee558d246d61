// The batch script of one attempt. Slurm runs it on one of the attempt's nodes; it starts a rank on
// each line of a list of hosts, which is how ranks come to stand in the order that was decided
// (Slurm by itself sorts nodes by name). Everything that a user gave is quoted: it is data here and
// never a part of the script.
#pragma once

#include <string>
#include <vector>

#include "loop/engine.h"

namespace mw::slurm {

/// To be sent by us when an attempt is to stop. Programs that do not know it ignore it, which is
/// why it is this one: Slurm sends a signal to all processes of a job, srun too, and a SIGTERM
/// would have srun end the tasks at once, however long their grace.
inline constexpr const char* kStopSignal = "SIGURG";

// Exit codes of the script itself. A task that ends with one of these has the script end with
// kAsWritten, and the file of the exit says which.
inline constexpr int kCannotMakeFolder = 73;  ///< EX_CANTCREAT of sysexits.h
inline constexpr int kStartedAgain = 75;      ///< EX_TEMPFAIL: by Slurm itself, which is not wanted
inline constexpr int kAsWritten = 70;         ///< EX_SOFTWARE

struct ScriptInputs {
  std::vector<std::string> hosts;  ///< of each rank
  std::vector<std::string> command;
  std::string workdir;
  std::string directory;  ///< of output; made by the script
  std::uint32_t tasks_per_node = 1;
  std::uint32_t cpus_per_task = 1;
  std::uint32_t devices_per_task = 0;
};

std::string job_script(const ScriptInputs& inputs);

/// `text` as one word of sh, whatever is in it but NUL.
std::string quoted_for_shell(const std::string& text);

/// Names of the files in an attempt's folder.
std::string output_file(const std::string& directory, Rank rank, bool standard_error);
std::string exit_file(const std::string& directory);
std::string script_log(const std::string& directory);

}  // namespace mw::slurm
