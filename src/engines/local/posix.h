// The few pieces of the operating system that the engine and the supervisor share: owned file
// descriptors, whole-file reads and atomic writes, and the identity of a process. Standard library
// only, because the supervisor is linked from this and little more.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mw::local {

/// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

/// "verb `path`: what the system said", as an Error.
Error system_error(ErrorCode code, std::string_view verb, std::string_view path, int error);

/// The whole file; nothing when it cannot be read.
std::optional<std::string> read_file(const std::string& path);
/// What is in a folder, without "." and ".."; empty when it cannot be listed.
struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};
std::vector<DirectoryEntry> list_directory(const std::string& path);
/// Its first line without the end of line; empty when it cannot be read.
std::string read_line(const std::string& path);
/// Writes `text` into an existing file (of /proc, /sys or a cgroup) in one write.
/// Result: 0, or errno.
int poke_file(const std::string& path, std::string_view text);

enum class Durability : std::uint8_t {
  kProcess,  ///< survives our death
  kPower,    ///< survives the machine's: file and directory are synced
};
/// Replaces the file as a whole, mode 0600: a reader sees the old one or the new one.
Result<void> replace_file(const std::string& path, std::string_view text, Durability durability);

/// Names one process for as long as the machine runs: pids are used again, start times are not.
struct ProcessId {
  pid_t pid = 0;                  ///< 0: none
  std::uint64_t start_ticks = 0;  ///< field 22 of /proc/PID/stat, in clock ticks since boot
  bool operator==(const ProcessId&) const = default;
};

/// One row of the process table.
struct ProcessRow {
  ProcessId id;
  pid_t parent = 0;
  char state = '?';  ///< 'Z': ended, and not yet reaped
};
std::optional<ProcessRow> read_process(pid_t pid);
/// Every process that we can see.  Cost: one small file a process.
std::vector<ProcessRow> all_processes();

/// A descriptor that is readable once the process has ended; invalid when it has ended already,
/// or its pid now belongs to another.
UniqueFd watch_process(ProcessId id);

/// Changes at every boot, so that what an earlier boot left is never taken for alive.
std::string boot_id();

std::int64_t realtime_ns();
std::int64_t monotonic_ns();

}  // namespace mw::local
