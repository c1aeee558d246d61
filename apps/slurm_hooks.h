// What "mw slurm" does with a cluster by itself, without a control plane.
#pragma once

#include "cli/cli.h"

namespace mw {

void add_slurm_hooks(CliHooks& hooks);

}  // namespace mw
