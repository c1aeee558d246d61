// Where a control plane keeps its state, and what a client reads there: where it listens and the
// token to show. Nothing here is ever printed but paths and the URL.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace mw {

/// The value of an environment variable; empty when it is not set.
using EnvironmentReader = std::function<std::string(const char*)>;
std::string read_environment(const char* name);

/// --home, else $MILLWRIGHT_HOME, else ${XDG_STATE_HOME:-~/.local/state}/millwright; absolute.
/// Errors: kInvalid when none of them says a place.
Result<std::filesystem::path> resolve_home(const std::string& flag,
                                           const EnvironmentReader& environment = read_environment);

/// Makes the folder, mode 0700, parents included.
/// Errors: kUnavailable when it cannot; kForbidden when it belongs to somebody else.
Result<void> make_home(const std::filesystem::path& home);

/// The URL in HOME/endpoint; none when no control plane has run here.
std::optional<std::string> read_endpoint(const std::filesystem::path& home);
/// The first line of a file, without its end; none when it cannot be read.
std::optional<std::string> read_first_line(const std::filesystem::path& file);

/// The process that holds HOME/serve.lock; none when nobody does. 0: somebody, who is not known.
std::optional<pid_t> lock_holder(const std::filesystem::path& home);

}  // namespace mw
