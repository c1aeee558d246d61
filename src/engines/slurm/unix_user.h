// Users of this machine, for jobs that run as those who submit them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace mw::slurm {

struct UnixUser {
  uid_t id = 0;
  std::string home;
  std::string shell;
};

/// From the machine's user database; none: it has no such user. From any thread.
std::optional<UnixUser> find_unix_user(const std::string& name);

}  // namespace mw::slurm
