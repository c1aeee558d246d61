// A file on its way: written beside its place under a temporary name, and renamed when it is whole.
// Writing is buffered; the first failure is kept, so that a caller may look at it late.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw {

class PendingFile {
 public:
  /// Errors: kUnavailable, naming the file and the system's reason.
  static Result<std::unique_ptr<PendingFile>> open(const std::filesystem::path& path);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  /// What was not shown is removed.
  ~PendingFile();

  /// Errors: kUnavailable.
  Result<void> write(std::string_view text);
  /// Everything is on its way to the disk and the file is closed; show() can no more fail for want
  /// of room.
  Result<void> close();
  /// Takes the file's name.  REQUIRES: close() has succeeded.
  Result<void> show();

 private:
  PendingFile(std::filesystem::path path, std::filesystem::path temporary, int descriptor);
  Result<void> flush();
  [[nodiscard]] Error failure(int number) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_;  ///< -1: closed
  std::string buffer_;
};

}  // namespace mw
