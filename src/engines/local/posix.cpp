#include "engines/local/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>

namespace mw::local {
namespace {

std::int64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

/// Result: 0, or errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

void sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) ::fsync(fd.get());
}

}  // namespace

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error system_error(ErrorCode code, std::string_view verb, std::string_view path, int error) {
  std::string message = "cannot ";
  message.append(verb).append(" `").append(path).append("`: ").append(std::strerror(error));
  return {code, std::move(message)};
}

std::optional<std::string> read_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::vector<DirectoryEntry> list_directory(const std::string& path) {
  std::vector<DirectoryEntry> entries;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (directory == nullptr) return entries;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info {};
    const bool unknown = entry->d_type == DT_UNKNOWN;
    const bool is_directory =
        unknown ? ::fstatat(::dirfd(directory.get()), entry->d_name, &info, 0) == 0 &&
                      S_ISDIR(info.st_mode)
                : entry->d_type == DT_DIR;
    entries.push_back({std::string(name), is_directory});
  }
  return entries;
}

std::string read_line(const std::string& path) {
  std::string text = read_file(path).value_or("");
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

int poke_file(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return errno;
  return ::write(fd.get(), text.data(), text.size()) < 0 ? errno : 0;
}

Result<void> replace_file(const std::string& path, std::string_view text, Durability durability) {
  // The name is ours alone, so two writers cannot mix their halves.
  const std::string draft = path + "." + std::to_string(::getpid()) + ".new";
  {
    const UniqueFd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd.valid()) return system_error(ErrorCode::kUnavailable, "create", draft, errno);
    int error = write_all(fd.get(), text);
    if (error == 0 && durability == Durability::kPower && ::fsync(fd.get()) != 0) error = errno;
    if (error != 0) {
      ::unlink(draft.c_str());
      return system_error(ErrorCode::kUnavailable, "write", draft, error);
    }
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(draft.c_str());
    return system_error(ErrorCode::kUnavailable, "replace", path, error);
  }
  if (durability == Durability::kPower) sync_directory_of(path);
  return {};
}

std::optional<ProcessRow> read_process(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return std::nullopt;
  // The name in brackets may hold anything, brackets and spaces too; what follows may not.
  const std::size_t bracket = text->rfind(')');
  if (bracket == std::string::npos) return std::nullopt;
  ProcessRow row;
  row.id.pid = pid;
  const char* at = text->c_str() + bracket + 1;
  for (int field = 3; *at != '\0'; ++field) {
    while (*at == ' ') ++at;
    if (field == 3) row.state = *at;
    if (field == 4) row.parent = static_cast<pid_t>(std::strtol(at, nullptr, 10));
    if (field == 22) {
      row.id.start_ticks = std::strtoull(at, nullptr, 10);
      return row;
    }
    while (*at != '\0' && *at != ' ') ++at;
  }
  return std::nullopt;
}

std::vector<ProcessRow> all_processes() {
  std::vector<ProcessRow> rows;
  for (const DirectoryEntry& entry : list_directory("/proc")) {
    pid_t pid = 0;
    const char* const end = entry.name.data() + entry.name.size();
    const auto parsed = std::from_chars(entry.name.data(), end, pid);
    if (parsed.ec != std::errc() || parsed.ptr != end) continue;
    if (auto row = read_process(pid)) rows.push_back(*row);
  }
  return rows;
}

UniqueFd watch_process(ProcessId id) {
  if (id.pid <= 0) return {};
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, id.pid, 0)));
  if (!fd.valid()) return {};
  // Only now, with the process held by a descriptor, does its start time say who it is.
  const auto row = read_process(id.pid);
  if (!row || row->id != id) return {};
  return fd;
}

std::string boot_id() { return read_line("/proc/sys/kernel/random/boot_id"); }

std::int64_t realtime_ns() { return read_clock(CLOCK_REALTIME); }
std::int64_t monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }

}  // namespace mw::local
