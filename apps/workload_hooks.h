// mw workload: joins the command line to the workloads of the twin.
#pragma once

#include "cli/cli.h"

namespace mw {

/// Fills the hooks of `mw workload`.
void add_workload_hooks(CliHooks& hooks);

}  // namespace mw
