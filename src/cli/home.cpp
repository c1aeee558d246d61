#include "cli/home.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace mw {

namespace fs = std::filesystem;

std::string read_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<fs::path> resolve_home(const std::string& flag, const EnvironmentReader& environment) {
  std::string chosen = flag;
  if (chosen.empty()) chosen = environment("MILLWRIGHT_HOME");
  if (chosen.empty()) {
    // The XDG specification has relative values ignored.
    std::string state = environment("XDG_STATE_HOME");
    if (!state.starts_with('/')) {
      const std::string home = environment("HOME");
      if (!home.starts_with('/')) {
        return Error{ErrorCode::kInvalid,
                     "no place for the state: neither --home, MILLWRIGHT_HOME, XDG_STATE_HOME nor "
                     "HOME is set; give --home DIR"};
      }
      state = home + "/.local/state";
    }
    chosen = state + "/millwright";
  }
  std::error_code failure;
  fs::path path = fs::absolute(chosen, failure);
  if (failure) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("the home \"{}\" is no usable path: {}", chosen, failure.message())};
  }
  path = path.lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

Result<void> make_home(const fs::path& home) {
  const auto cannot = [&](ErrorCode code, const std::string& why) {
    return Error{code, fmt::format("cannot use {} as the home: {}; give another with --home DIR",
                                   home.string(), why)};
  };
  std::error_code failure;
  if (home.has_parent_path()) fs::create_directories(home.parent_path(), failure);
  if (failure) return cannot(ErrorCode::kUnavailable, failure.message());
  if (::mkdir(home.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot(ErrorCode::kUnavailable, std::strerror(errno));
  }
  struct stat status {};
  if (::stat(home.c_str(), &status) != 0)
    return cannot(ErrorCode::kUnavailable, std::strerror(errno));
  if (!S_ISDIR(status.st_mode)) return cannot(ErrorCode::kUnavailable, "it is not a folder");
  if (status.st_uid != ::geteuid())
    return cannot(ErrorCode::kForbidden, "it belongs to another user");
  // It holds secrets; a folder that was made by hand is closed to others here.
  if ((status.st_mode & 0077U) != 0 && ::chmod(home.c_str(), 0700) != 0) {
    return cannot(ErrorCode::kForbidden, std::strerror(errno));
  }
  return {};
}

std::optional<std::string> read_first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  if (!std::getline(stream, line)) return std::nullopt;
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

std::optional<std::string> read_endpoint(const fs::path& home) {
  auto line = read_first_line(home / "endpoint");
  if (line && line->empty()) return std::nullopt;
  return line;
}

std::optional<pid_t> lock_holder(const fs::path& home) {
  const fs::path file = home / "serve.lock";
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  // Shared and not waiting: two clients that look at once do not see each other.
  const bool taken = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  if (!taken) return std::nullopt;
  const std::string line = read_first_line(file).value_or("");
  pid_t holder = 0;
  std::from_chars(line.data(), line.data() + line.size(), holder);
  return holder;
}

}  // namespace mw
