// `mw replay`: the journal and the twin, which the command line may not know.
#pragma once

#include "cli/cli.h"

namespace mw {

void add_replay_hooks(CliHooks& hooks);

}  // namespace mw
