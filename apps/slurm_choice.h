// Which Slurm cluster a home belongs to: said once, and remembered.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "cli/cli.h"
#include "engines/slurm/slurm_engine.h"

namespace mw {

/// What HOME/slurm.json says; empty when it is not there.  Errors: kInvalid.
Result<SlurmChoice> read_slurm_choice(const std::filesystem::path& home);
/// What is said now, and else what HOME/slurm.json says. Notes it there.
/// Errors: kInvalid when nothing says where the cluster is; kUnavailable when it cannot be noted.
Result<SlurmChoice> choose_slurm(const std::filesystem::path& home, const SlurmChoice& wanted);

/// What the engine is made of, as far as the choice says it.  `user`: who we are.
SlurmEngineOptions slurm_options(const std::filesystem::path& home, const SlurmChoice& choice,
                                 const std::string& user);

}  // namespace mw
