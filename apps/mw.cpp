// mw: one program for everything. This only joins the command line to what it may not know itself.
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.h"
#include "cli/terminal.h"
#include "experiment_hooks.h"
#include "journal_hooks.h"
#include "replay_hooks.h"
#include "serve.h"
#include "sim_hooks.h"
#include "slurm_face/face.h"
#include "slurm_hooks.h"
#include "token_hooks.h"
#include "workload_hooks.h"

int main(int argc, char** argv) {
  // Called as sbatch, or as "mw slurm sbatch": another face of the same program.
  const std::vector<std::string> words(argv, argv + argc);
  const std::string_view command = mw::face::command_of_program(words.empty() ? "" : words[0]);
  const mw::Console console = mw::Console::standard();
  if (!command.empty()) {
    return mw::face::run_command(
        {std::string(command), {words.begin() + 1, words.end()}, console, mw::kVersion});
  }
  if (words.size() > 2 && words[1] == "slurm" && mw::face::is_slurm_verb(words[2])) {
    return mw::face::run_slurm_verb({words.begin() + 2, words.end()}, console, mw::kVersion);
  }
  mw::CliHooks hooks;
  hooks.version = mw::kVersion;
  hooks.serve = mw::serve;
  mw::add_journal_hooks(hooks);
  mw::add_experiment_hooks(hooks);
  mw::add_fault_experiment_hooks(hooks);
  mw::add_sim_compare_hooks(hooks);
  mw::add_sim_run_hooks(hooks);
  mw::add_workload_hooks(hooks);
  mw::add_token_hooks(hooks);
  mw::add_replay_hooks(hooks);
  mw::add_slurm_hooks(hooks);
  return mw::run_cli(argc, argv, hooks);
}
