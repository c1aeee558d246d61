#include "twin/pending_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace mw {
namespace {

constexpr std::size_t kBufferBytes = 256U << 10U;  // few system calls, and little to lose

}  // namespace

PendingFile::PendingFile(std::filesystem::path path, std::filesystem::path temporary,
                         int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

PendingFile::~PendingFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Error PendingFile::failure(int number) const {
  return {ErrorCode::kUnavailable,
          fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(number))};
}

Result<std::unique_ptr<PendingFile>> PendingFile::open(const std::filesystem::path& path) {
  // One name for all runs: what a killed run left is taken over by the next one.
  std::filesystem::path temporary = path;
  temporary.replace_filename("." + path.filename().string() + ".partial");
  ::unlink(temporary.c_str());
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  const int number = errno;
  std::unique_ptr<PendingFile> file(
      new PendingFile(path, descriptor < 0 ? "" : temporary, descriptor));
  if (descriptor < 0) return file->failure(number);
  return file;
}

Result<void> PendingFile::write(std::string_view text) {
  buffer_.append(text);
  return buffer_.size() < kBufferBytes ? Result<void>() : flush();
}

Result<void> PendingFile::flush() {
  MW_CHECK(descriptor_ >= 0);
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int number = errno;
      buffer_.erase(0, buffer_.size() - rest.size());  // what arrived is not written twice
      return failure(number);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
  return {};
}

Result<void> PendingFile::close() {
  if (auto flushed = flush(); !flushed) return flushed;
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) return failure(errno);
  return {};
}

Result<void> PendingFile::show() {
  MW_CHECK(descriptor_ < 0);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failure(errno);
  temporary_.clear();
  return {};
}

}  // namespace mw
