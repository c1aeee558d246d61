// Follows the kernel's log: /dev/kmsg, record by record, or a file, line by line. A file is
// followed through its rotation (renamed: to its end, then the new one from its beginning;
// truncated: from the beginning), also when that happened while no agent ran, if it is still there
// as FILE.1.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "agent/agent_state.h"
#include "agent/kernel_line.h"

namespace mw::agent {

/// Where a file is begun that was never read.
enum class LogStart : std::uint8_t { kBeginning, kEnd };

class KernelLog {
 public:
  struct Options {
    std::filesystem::path file;       ///< a file, or /dev/kmsg itself
    LogStart start = LogStart::kEnd;  ///< of a file: its lines have no date that can be trusted
    std::string boot;                 ///< of the machine's boot: records of another are others
    std::size_t lines_max = 10'000;   ///< in one read(), so that a storm does not hold up the rest
  };
  explicit KernelLog(Options options) : options_(std::move(options)) {}
  ~KernelLog();
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;

  using Visitor = std::function<void(const KernelLine&)>;
  /// Visits every whole line since `position` and moves it on. A line without its end waits for it.
  /// Returns what is wrong with the log, in words, or nothing: it is tried again the next time.
  std::string read(LogPosition& position, const Visitor& visitor);

  /// To wait for, where the log is a device; -1: a file, which is looked at from time to time.
  [[nodiscard]] int descriptor() const { return is_device_ ? fd_ : -1; }
  /// Records or bytes that were gone before they were read.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  std::string open(LogPosition& position);
  bool open_rotated(const LogPosition& position);
  void close();
  /// True when there may be more.
  bool read_records(LogPosition& position, const Visitor& visitor);
  bool read_lines(LogPosition& position, const Visitor& visitor);
  [[nodiscard]] bool was_replaced() const;

  Options options_;
  int fd_ = -1;
  bool is_device_ = false;
  bool rotated_ = false;  ///< the file that is open is an old one
  std::uint64_t lost_ = 0;
};

}  // namespace mw::agent
