// mw sim: joins the command line to the twin's runs and their comparison.
#pragma once

#include "cli/cli.h"

namespace mw {

/// Fills the hooks of `mw sim compare`.
void add_sim_compare_hooks(CliHooks& hooks);
/// Fills the hook of `mw sim`.
void add_sim_run_hooks(CliHooks& hooks);

}  // namespace mw
