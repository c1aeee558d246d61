// Reading what an attempt has written. The files are in a folder of the user's, and we may be able
// to read more than the user: so a file counts only if it belongs to the user, and is a plain file.
#pragma once

#include <optional>
#include <string>

#include "engines/slurm/attempt_store.h"
#include "loop/engine.h"

namespace mw::slurm {

/// Errors: kNotFound when it is not there (yet), naming where it should be; kForbidden when we
/// cannot read it, or it is not the user's.
Result<LogChunk> read_output(const AttemptRecord& record, const LogQuery& query, bool ended);
/// The same of an attempt that the store has, or had: kNotFound as well when it does not.
Result<LogChunk> read_output(const AttemptStore& store, const LogQuery& query);

/// How it ended, as its script has written down; none: it has not, or that is not the user's file.
std::optional<int> read_exit(const std::string& directory, const std::string& user);

}  // namespace mw::slurm
