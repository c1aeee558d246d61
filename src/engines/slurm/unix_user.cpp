#include "engines/slurm/unix_user.h"

#include <pwd.h>

#include <cerrno>
#include <vector>

namespace mw::slurm {

std::optional<UnixUser> find_unix_user(const std::string& name) {
  constexpr std::size_t kTextMax = 1U << 20U;
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(4096);
  while (::getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found) == ERANGE &&
         text.size() < kTextMax) {
    text.resize(text.size() * 2);
  }
  if (found == nullptr) return std::nullopt;
  return UnixUser{entry.pw_uid, entry.pw_dir, entry.pw_shell};
}

}  // namespace mw::slurm
