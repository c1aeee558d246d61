// What the verbs about policies show: a policy as people read it, and who uses how much of it.
#pragma once

#include <string>

#include "cli/json_view.h"
#include "cli/terminal.h"
#include "model/policy.h"

namespace mw {

/// Classes, the tree of tenants, and every rule in words.
std::string render_policy(const Policy& policy, const TerminalTraits& traits);

/// {"tenants":[...]} as a tree in a table.
std::string render_tenants(const JsonView& list, const TerminalTraits& traits);

}  // namespace mw
