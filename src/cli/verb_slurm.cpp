// mw slurm: Slurm's commands, which are no verbs of this tree: they have options of their own, and
// are read as Slurm reads them.
#include <stdlib.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/verbs.h"

namespace mw {

void add_slurm(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand(
      "slurm", "Slurm's commands: sbatch, srun, salloc, squeue, scancel, sinfo, scontrol, sacct");
  verb->prefix_command();
  verb->footer(
      "\"mw slurm links DIR\" makes sbatch and the others links to mw, so that they are called by "
      "their names; with --remove it takes them away again. \"mw slurm show SCRIPT\" says what "
      "Slurm "
      "would be asked for by a batch script, and what of it is not supported; \"mw slurm options\" "
      "lists all options. docs/slurm.md has the rest.\n\n"
      "  mw slurm links ~/bin\n"
      "  mw slurm sbatch --nodes=2 --gres=gpu:8 train.sh\n"
      "  mw slurm show train.sh");
  verb->callback([&cli, verb] {
    cli.action = [&cli, verb] {
      const std::vector<std::string> arguments = verb->remaining();
      if (arguments.empty()) {
        return cli.console.fail(
            {ErrorCode::kInvalid,
             "\"mw slurm\" needs a command, such as sbatch; see \"mw slurm --help\""});
      }
      // They look for the control plane by the environment alone, as they do under their own names.
      if (!cli.globals.home.empty()) ::setenv("MILLWRIGHT_HOME", cli.globals.home.c_str(), 1);
      return cli.hooks.slurm(arguments);
    };
  });
}

}  // namespace mw
