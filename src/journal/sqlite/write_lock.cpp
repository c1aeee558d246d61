#include "journal/sqlite/write_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace mw::sqlite {
namespace {

Error cannot(const std::string& what, const std::string& path) {
  return {ErrorCode::kUnavailable, "cannot " + what + " " + path + ": " + std::strerror(errno) +
                                       ". Look for the permissions of its folder, and for room."};
}

std::string pid_in(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(descriptor, text.data(), text.size() - 1, 0);
  if (size <= 0) return "another process";
  const std::string_view all(text.data(), static_cast<std::size_t>(size));
  return "process " + std::string(all.substr(0, all.find('\n')));
}

}  // namespace

Result<WriteLock> WriteLock::take(const std::string& path) {
  const std::string name = path + ".lock";
  WriteLock lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.descriptor_ < 0) return cannot("open the lock file", name);
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot("lock", name);
    return Error{ErrorCode::kConflict,
                 "the journal " + path + " is being written to by " + pid_in(lock.descriptor_) +
                     ". Only one may write: stop that one (\"mw down\"), or use another "
                     "MILLWRIGHT_HOME."};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // The pid is only for that message: the lock holds whether or not it can be written.
  if (::ftruncate(lock.descriptor_, 0) == 0)
    (void)!::pwrite(lock.descriptor_, pid.data(), pid.size(), 0);
  return lock;
}

WriteLock::~WriteLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> make_private_file(const std::string& path) {
  // Never opened when it exists: closing it would drop the locks that SQLite holds on it.
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  if (errno != EEXIST) return cannot("make the journal", path);
  struct stat file = {};
  if (::stat(path.c_str(), &file) != 0) return cannot("look at the journal", path);
  if ((file.st_mode & 077U) != 0 && ::chmod(path.c_str(), 0600) != 0)
    return cannot("make private the journal", path);
  return {};
}

Result<void> sync_folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return cannot("open the folder", folder);
  const bool synced = ::fsync(descriptor) == 0;
  const int why = errno;
  ::close(descriptor);
  errno = why;
  if (!synced) return cannot("write the folder", folder);
  return {};
}

}  // namespace mw::sqlite
