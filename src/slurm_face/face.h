// Slurm's face: sbatch, srun, salloc, squeue, scancel, sinfo, scontrol and sacct as names of the
// one program, over Millwright's API and for any of its engines. A name is a link to mw, made by
// "mw slurm links DIR"; "mw slurm sbatch ..." does without. docs/slurm-commands.md says what is
// honoured.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/api.h"
#include "cli/terminal.h"
#include "slurm_face/options.h"

namespace mw::face {

/// One call of one of the commands.
struct Call {
  std::string name;  ///< "sbatch"
  std::vector<std::string> arguments;
  const Console& console;
  std::string version;

  /// "sbatch: error: ..." on standard error, each line of it; 1, as Slurm's commands exit.
  int fail(const Error& error) const;
  int fail(std::string_view message) const;
  void warn(std::string_view message) const;
};

/// The names of the commands, sorted.
std::span<const std::string_view> command_names();
/// The command that this program was called as: the last part of argv[0]; empty for "mw".
std::string_view command_of_program(std::string_view program);

/// Runs one; its exit code.  REQUIRES: `call.name` is one of command_names().
int run_command(const Call& call);

// One a file, verb_NAME.cpp.
int run_sbatch(const Call& call);
int run_srun(const Call& call);
int run_salloc(const Call& call);
int run_squeue(const Call& call);
int run_scancel(const Call& call);
int run_sinfo(const Call& call);
int run_scontrol(const Call& call);
int run_sacct(const Call& call);

/// The tables of options in docs/slurm-commands.md.
std::string tables_markdown();

/// Whether run_slurm_verb() knows it.
bool is_slurm_verb(std::string_view verb);
/// "mw slurm ...": a command by its name; links, options, show; host, by which ranks are started.
/// REQUIRES: is_slurm_verb() of the first argument.
int run_slurm_verb(const std::vector<std::string>& arguments, const Console& console,
                   const std::string& version);

/// The control plane, as the environment says: MILLWRIGHT_HOME, and MILLWRIGHT_URL of a person.
struct Connection {
  std::filesystem::path home;
  Api api;
};
Result<Connection> connect_api();

}  // namespace mw::face
