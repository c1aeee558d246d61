// Who writes to a journal: one process, which holds a lock on a file beside it. The kernel lets
// go of it when the process ends, however it ends.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace mw::sqlite {

class WriteLock {
 public:
  /// Takes the lock of the journal at `path`, on `path`.lock (mode 0600; it holds the pid).
  /// Errors: kConflict naming the process that has it; kUnavailable when the file cannot be made.
  static Result<WriteLock> take(const std::string& path);

  WriteLock(WriteLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  WriteLock& operator=(WriteLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~WriteLock();

 private:
  explicit WriteLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// Makes an empty file of mode 0600 when there is none, and takes others' rights away when there
/// is one.  Errors: kUnavailable.
Result<void> make_private_file(const std::string& path);
/// Makes a new file's name in its folder durable.  Errors: kUnavailable.
Result<void> sync_folder_of(const std::string& path);

}  // namespace mw::sqlite
