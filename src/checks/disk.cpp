// Disks: what was made durable is what is read back, and how long both take.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "checks/host.h"

namespace mw::checks {
namespace {

constexpr const char* kName = "disk";
constexpr std::size_t kBlock = std::size_t{1} << 20U;
constexpr std::size_t kSmall = 4096;
constexpr int kSyncs = 21;

class File {
 public:
  /// Without a name: nothing is left when the process ends, however it does.
  explicit File(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
    if (descriptor_ >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return;
    std::string name = (folder / ".mw-check-XXXXXX").string();
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ >= 0) ::unlink(name.c_str());
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

void fill(std::vector<char>& block, std::size_t number) {
  for (std::size_t i = 0; i + sizeof(std::uint64_t) <= block.size(); i += sizeof(std::uint64_t)) {
    const std::uint64_t word = (number * block.size() + i + 1) * 0x9E3779B97F4A7C15U;
    std::memcpy(&block[i], &word, sizeof word);
  }
}

bool write_all(int file, const std::vector<char>& block, std::size_t offset) {
  for (std::size_t done = 0; done < block.size();) {
    const ssize_t count =
        ::pwrite(file, &block[done], block.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool read_all(int file, std::vector<char>& block, std::size_t offset) {
  for (std::size_t done = 0; done < block.size();) {
    const ssize_t count =
        ::pread(file, &block[done], block.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;  // it was written, and is not there
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

Report trouble(const char* what, std::size_t block) {
  return failed(kName, fmt::format("{} MiB {} failed: {}", block, what, std::strerror(errno)));
}

}  // namespace

Report check_disk(const std::filesystem::path& folder, Bytes size) {
  const File file(folder);
  const int fd = file.descriptor();
  if (fd < 0) {
    return unable(kName,
                  fmt::format("{} cannot be written: {}", folder.string(), std::strerror(errno)));
  }
  const std::size_t blocks =
      std::max<std::size_t>(1, static_cast<std::size_t>(size.count()) / kBlock);
  std::vector<char> block(kBlock);
  const Stopwatch writing;
  for (std::size_t i = 0; i < blocks; ++i) {
    fill(block, i);
    if (!write_all(fd, block, i * kBlock)) return trouble("into it, writing", i);
  }
  if (::fsync(fd) != 0) return trouble("long, making it durable", blocks);
  const double written_s = writing.seconds();
  // Clean pages leave the cache, so that the disk is read; where it is none (tmpfs) nothing
  // changes.
  (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  std::vector<char> expected(kBlock);
  double read_s = 0;
  for (std::size_t i = 0; i < blocks; ++i) {
    const Stopwatch reading;
    if (!read_all(fd, block, i * kBlock)) return trouble("into it, reading", i);
    read_s += reading.seconds();
    fill(expected, i);
    if (block != expected) {
      return failed(kName,
                    fmt::format("what is read {} MiB into the file is not what was written", i));
    }
  }
  const std::vector<char> small(kSmall, 'm');
  std::vector<double> syncs;
  for (int i = 0; i < kSyncs; ++i) {
    const Stopwatch watch;
    if (!write_all(fd, small, static_cast<std::size_t>(i) * kSmall))
      return trouble("in, writing", 0);
    if (::fdatasync(fd) != 0) return trouble("in, making 4 KiB durable", 0);
    syncs.push_back(watch.seconds());
  }
  std::nth_element(syncs.begin(), syncs.begin() + kSyncs / 2, syncs.end());
  const double bytes = static_cast<double>(blocks) * kBlock;
  Report report{kName};
  report.measures = {{"disk.write", rate(bytes, written_s), "B/s", BetterValue::kHigher},
                     {"disk.read", rate(bytes, read_s), "B/s", BetterValue::kHigher},
                     {"disk.sync", rate(syncs[kSyncs / 2] * 1e9, 1.0), "ns", BetterValue::kLower}};
  return report;
}

}  // namespace mw::checks
