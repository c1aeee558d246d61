// mw experiment: joins the command line to the experiments of the twin.
#pragma once

#include "cli/cli.h"

namespace mw {

/// Fills the hooks of `mw experiment`.
void add_experiment_hooks(CliHooks& hooks);
/// Fills that of `mw experiment faults`.
void add_fault_experiment_hooks(CliHooks& hooks);

}  // namespace mw
