// mw: one program for everything. This only joins the command line to what it may not know itself.
#include "cli/cli.h"
#include "experiment_hooks.h"
#include "journal_hooks.h"
#include "replay_hooks.h"
#include "serve.h"
#include "sim_hooks.h"
#include "slurm_hooks.h"
#include "token_hooks.h"
#include "workload_hooks.h"

int main(int argc, char** argv) {
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
