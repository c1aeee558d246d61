#include "engines/local/task_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <vector>

namespace mw::local {
namespace {

std::string log_name(std::string_view stream) { return std::string(stream) + ".log"; }

std::string segment_path(const std::string& directory, const std::string& name,
                         std::uint64_t start) {
  std::string path = directory + "/" + name;
  if (start != 0) path += "." + std::to_string(start);
  return path;
}

/// First bytes of the segments that are there, in order.
std::vector<std::uint64_t> segment_starts(const std::string& directory, const std::string& name) {
  std::vector<std::uint64_t> starts;
  for (const DirectoryEntry& entry : list_directory(directory)) {
    const std::string_view file = entry.name;
    if (file.substr(0, name.size()) != name) continue;
    const std::string_view rest = file.substr(name.size());
    std::uint64_t start = 0;
    if (!rest.empty()) {
      const auto parsed = std::from_chars(rest.data() + 1, rest.data() + rest.size(), start);
      if (rest[0] != '.' || parsed.ec != std::errc() || parsed.ptr != rest.data() + rest.size()) {
        continue;
      }
    }
    starts.push_back(start);
  }
  std::sort(starts.begin(), starts.end());
  return starts;
}

/// Appends to `data` from `position` in the segment until `limit`; false when it is not there.
bool read_segment(const std::string& path, std::uint64_t position, std::size_t limit,
                  std::string& data) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return false;
  while (data.size() < limit) {
    const std::size_t had = data.size();
    data.resize(std::min(limit, had + (std::size_t{1} << 16)));
    const ssize_t got =
        ::pread(fd.get(), data.data() + had, data.size() - had, static_cast<off_t>(position));
    data.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    position += static_cast<std::uint64_t>(got);
  }
  return true;
}

std::uint64_t size_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

TaskLogWriter::TaskLogWriter(std::string directory, std::string_view stream,
                             std::uint64_t segment_bytes, std::uint32_t segments)
    : directory_(std::move(directory)),
      name_(log_name(stream)),
      segment_bytes_(segment_bytes),
      segments_(segments) {}

void TaskLogWriter::begin_segment() {
  segment_start_ = end_;
  const std::string path = segment_path(directory_, name_, segment_start_);
  fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const auto starts = segment_starts(directory_, name_);
  for (std::size_t i = 0; i + segments_ < starts.size(); ++i) {
    ::unlink(segment_path(directory_, name_, starts[i]).c_str());
  }
}

void TaskLogWriter::append(std::string_view data) {
  while (!data.empty()) {
    if (end_ - segment_start_ >= segment_bytes_ || !fd_.valid()) begin_segment();
    const std::uint64_t room = segment_bytes_ - (end_ - segment_start_);
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(room, data.size()));
    const ssize_t written = ::write(fd_.get(), data.data(), size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      bytes_lost_ += data.size();
      return;
    }
    end_ += static_cast<std::uint64_t>(written);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

TaskLogPart read_task_log(const std::string& directory, std::string_view stream,
                          std::uint64_t offset, std::size_t limit) {
  const std::string name = log_name(stream);
  // A segment may go between the listing and the reading; then list again, a few times: it would
  // take a writer of a whole log per attempt to get past that.
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto starts = segment_starts(directory, name);
    if (starts.empty()) return {.data = {}, .offset = offset, .end = 0};
    TaskLogPart part;
    part.offset = std::max(offset, starts.front());
    part.end = starts.back() + size_of(segment_path(directory, name, starts.back()));
    bool gone = false;
    auto segment = std::prev(std::upper_bound(starts.begin(), starts.end(), part.offset));
    for (; segment != starts.end() && part.data.size() < limit; ++segment) {
      const std::uint64_t at = part.offset + part.data.size();
      if (at < *segment) break;
      gone =
          !read_segment(segment_path(directory, name, *segment), at - *segment, limit, part.data);
      if (gone) break;
    }
    if (gone && part.data.empty()) continue;
    // The writer may have gone on since its size was read.
    if (!part.data.empty()) part.end = std::max(part.end, part.offset + part.data.size());
    return part;
  }
  return {.data = {}, .offset = offset, .end = offset + 1};
}

}  // namespace mw::local
