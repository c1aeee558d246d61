// A task's output on disk, bounded: `stdout.log` holds it from byte 0, and each time a segment is
// full the next begins in a file named after its first byte, `stdout.log.16777216`; the oldest goes
// when there are too many. A segment never changes its name, so an offset means the same byte for
// good, and a reader beside the writer needs neither an index nor a lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/local/posix.h"

namespace mw::local {

class TaskLogWriter {
 public:
  /// `stream` is "stdout" or "stderr". Makes no file before there is output.  REQUIRES:
  /// segment_bytes > 0, segments > 0.
  TaskLogWriter(std::string directory, std::string_view stream, std::uint64_t segment_bytes,
                std::uint32_t segments);

  /// Keeps `data`, or as much of it as the disk takes; never fails and never waits for space, since
  /// a full disk must not stop the task.
  void append(std::string_view data);
  /// How much could not be written.
  [[nodiscard]] std::uint64_t bytes_lost() const { return bytes_lost_; }

 private:
  void begin_segment();

  std::string directory_;
  std::string name_;
  std::uint64_t segment_bytes_;
  std::uint32_t segments_;
  UniqueFd fd_;
  std::uint64_t segment_start_ = 0;
  std::uint64_t end_ = 0;  ///< of all that was written
  std::uint64_t bytes_lost_ = 0;
};

struct TaskLogPart {
  std::string data;
  std::uint64_t offset = 0;  ///< of data[0]
  std::uint64_t end = 0;     ///< of all that is there
};

/// Up to `limit` bytes from `offset` on, or from the oldest byte that is still there.
/// Empty when there is nothing (yet) from there on.  Safe beside the writer.
TaskLogPart read_task_log(const std::string& directory, std::string_view stream,
                          std::uint64_t offset, std::size_t limit);

}  // namespace mw::local
