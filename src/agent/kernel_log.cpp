#include "agent/kernel_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace mw::agent {
namespace {

// A record of /dev/kmsg is read whole or not at all (EINVAL): the kernel's own limit is 8 KiB.
constexpr std::size_t kRecordBytesMax = 8192;
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;

bool is_file(const struct stat& status, const LogPosition& position) {
  return position.inode == status.st_ino &&
         position.file_system == static_cast<std::uint64_t>(status.st_dev);
}

/// True when what comes next goes on with a line whose front was read: a message begins where a
/// line begins, and whoever writes a long one must not choose where that is.
bool is_inside_line(int fd, std::uint64_t offset) {
  char before = '\n';
  return offset > 0 && ::pread(fd, &before, 1, static_cast<off_t>(offset - 1)) == 1 &&
         before != '\n';
}

}  // namespace

KernelLog::~KernelLog() { close(); }

void KernelLog::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  rotated_ = false;
}

bool KernelLog::open_rotated(const LogPosition& position) {
  const int fd = ::open((options_.file.string() + ".1").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (fd < 0) return false;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || !is_file(status, position)) {
    ::close(fd);
    return false;
  }
  fd_ = fd;
  is_device_ = false;
  rotated_ = true;
  return true;
}

std::string KernelLog::open(LogPosition& position) {
  const int fd = ::open(options_.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return fmt::format("cannot read the kernel's log {}: {}", options_.file.string(), why);
  }
  is_device_ = S_ISCHR(status.st_mode);
  if (!is_device_ && !S_ISREG(status.st_mode)) {
    ::close(fd);
    return fmt::format("{} is neither a file nor a device", options_.file.string());
  }
  if (is_device_) {
    if (position.boot != options_.boot) position = {.boot = options_.boot};
    fd_ = fd;
    return "";
  }
  if (!is_file(status, position)) {
    if (position.inode != 0 && open_rotated(position)) {
      ::close(fd);
      return "";
    }
    const bool first = position.inode == 0;
    position.inode = status.st_ino;
    position.file_system = status.st_dev;
    position.offset =
        first && options_.start == LogStart::kEnd ? static_cast<std::uint64_t>(status.st_size) : 0;
  }
  fd_ = fd;
  return "";
}

bool KernelLog::was_replaced() const {
  struct stat now {};
  struct stat open {};
  if (::stat(options_.file.c_str(), &now) != 0) return false;  // not yet there again
  if (::fstat(fd_, &open) != 0) return true;
  return now.st_ino != open.st_ino || now.st_dev != open.st_dev;
}

bool KernelLog::read_records(LogPosition& position, const Visitor& visitor) {
  char record[kRecordBytesMax];
  for (std::size_t i = 0; i < options_.lines_max; ++i) {
    const ssize_t size = ::read(fd_, record, sizeof record);
    if (size < 0 && (errno == EPIPE || errno == EINTR)) continue;  // overwritten: on with the next
    if (size <= 0) return false;
    std::string_view text(record, static_cast<std::size_t>(size));
    text = text.substr(0, text.find('\n'));  // what follows are the device's properties
    const KernelLine line = split_kernel_line(text);
    if (!line.sequence || *line.sequence < position.record_next) continue;
    if (position.record_next > 0) lost_ += *line.sequence - position.record_next;
    position.record_next = *line.sequence + 1;
    visitor(line);
  }
  return true;
}

bool KernelLog::read_lines(LogPosition& position, const Visitor& visitor) {
  struct stat status {};
  if (::fstat(fd_, &status) == 0 && static_cast<std::uint64_t>(status.st_size) < position.offset) {
    position.offset = 0;  // it was truncated
  }
  std::vector<char> chunk(kChunkBytes);
  for (std::size_t lines = 0; lines < options_.lines_max;) {
    const ssize_t size =
        ::pread(fd_, chunk.data(), chunk.size(), static_cast<off_t>(position.offset));
    if (size <= 0) return false;
    std::string_view text(chunk.data(), static_cast<std::size_t>(size));
    std::size_t used = 0;
    if (is_inside_line(fd_, position.offset)) {
      const std::size_t end = text.find('\n');
      used = end == std::string_view::npos ? text.size() : end + 1;
    }
    for (std::size_t end = 0; (end = text.find('\n', used)) != std::string_view::npos;) {
      visitor(split_kernel_line(text.substr(used, end - used)));
      used = end + 1;
      ++lines;
    }
    if (used == 0 && text.size() == chunk.size()) {
      // A line longer than any: its front is looked at, and the rest of it is passed over.
      visitor(split_kernel_line(text));
      used = text.size();
      ++lines;
    }
    position.offset += used;
    if (used == 0) return false;
  }
  return true;
}

std::string KernelLog::read(LogPosition& position, const Visitor& visitor) {
  // At most the old file, the new one, and one that came meanwhile.
  for (int files = 0; files < 3; ++files) {
    if (fd_ < 0) {
      if (std::string wrong = open(position); !wrong.empty()) return wrong;
    }
    if (is_device_) {
      read_records(position, visitor);
      return "";
    }
    // Whether it was replaced is looked at first: what was written before is then in the old one.
    const bool over = rotated_ || was_replaced();
    if (read_lines(position, visitor) || !over) return "";
    close();
    struct stat status {};
    if (::stat(options_.file.c_str(), &status) != 0) return "";
    position.inode = status.st_ino;
    position.file_system = status.st_dev;
    position.offset = 0;
  }
  return "";
}

}  // namespace mw::agent
