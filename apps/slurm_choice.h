// Which Slurm cluster a home belongs to: said once, and remembered.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "cli/cli.h"

namespace mw {

/// What is said now, and else what HOME/slurm.json says. Notes it there.
/// Errors: kInvalid when nothing says where the cluster is; kUnavailable when it cannot be noted.
Result<SlurmChoice> choose_slurm(const std::filesystem::path& home, const SlurmChoice& wanted);

}  // namespace mw
