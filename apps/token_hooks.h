// What `mw token` makes tokens with: the key of the home, which the command line knows nothing of.
#pragma once

#include "cli/cli.h"

namespace mw {

void add_token_hooks(CliHooks& hooks);

}  // namespace mw
