// What `mw token` makes tokens with.
#pragma once

#include "cli/cli.h"

namespace mw {

void add_token_hooks(CliHooks& hooks);

}  // namespace mw
