// mw slurm: Slurm's commands, which are no verbs of this tree: they have options of their own, and
// are read as Slurm reads them, by src/slurm_face, before this tree is asked. So it only describes.
#include "cli/verb_slurm.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/verbs.h"

namespace mw {

void add_slurm(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand(
      "slurm", "Slurm's commands: sbatch, srun, salloc, squeue, scancel, sinfo, scontrol, sacct");
  verb->allow_extras();
  verb->fallthrough(false);
  verb->footer(
      "\"mw slurm links DIR\" makes sbatch and the others links to mw, so that they are called by "
      "their names; with --remove it takes them away again. \"mw slurm show SCRIPT\" says what "
      "Slurm "
      "would be asked for by a batch script, and what of it is not supported; \"mw slurm options\" "
      "lists all options. docs/slurm-commands.md has the rest.\n\n"
      "  mw slurm links ~/bin\n"
      "  mw slurm sbatch --nodes=2 --gres=gpu:8 train.sh\n"
      "  mw slurm show train.sh");
  verb->callback([&cli, verb] {
    cli.action = [&cli, verb] {
      return cli.console.fail(
          {ErrorCode::kInvalid,
           verb->remaining().empty()
               ? "\"mw slurm\" needs a command, such as sbatch; see \"mw slurm --help\""
               : "\"slurm\" has to be the first word; instead of --home and --url set "
                 "MILLWRIGHT_HOME and MILLWRIGHT_URL"});
    };
  });
}

}  // namespace mw
