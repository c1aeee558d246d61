// mw serve: joins the parts into a control plane and serves until told to stop.
#pragma once

#include "cli/cli.h"

namespace mw {

inline constexpr const char* kVersion = MW_VERSION;

/// Returns the process's exit code.
int serve(const ServeOptions& options);

}  // namespace mw
