// mw journal: reading a store without a control plane.
#pragma once

#include "cli/cli.h"

namespace mw {

/// Fills the hooks of `mw journal`.
void add_journal_hooks(CliHooks& hooks);

}  // namespace mw
