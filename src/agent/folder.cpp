#include "agent/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace mw::agent {

namespace fs = std::filesystem;

fs::path Folder::at(const std::string& path) const {
  return root_ / fs::path(path).relative_path();
}

std::optional<std::string> Folder::read(const std::string& path, std::size_t bytes_max) const {
  // Without waiting: what is a pipe where a file should be must not stop the agent.
  const int fd = ::open(at(path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  struct stat status {};
  std::string text;
  bool fine = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  while (fine && text.size() < bytes_max) {
    char buffer[4096];
    const ssize_t count = ::read(fd, buffer, std::min(sizeof buffer, bytes_max - text.size()));
    if (count <= 0) {
      fine = count == 0;
      break;
    }
    text.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(fd);
  if (!fine) return std::nullopt;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::optional<std::int64_t> Folder::number(const std::string& path) const {
  const auto text = read(path, 64);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (failure != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

std::vector<std::string> Folder::names(const std::string& path) const {
  constexpr std::size_t kNamesMax = 4096;
  std::vector<std::string> names;
  std::error_code failure;
  fs::directory_iterator entries(at(path), failure);
  for (; !failure && entries != fs::directory_iterator() && names.size() < kNamesMax;
       entries.increment(failure)) {
    names.push_back(entries->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Folder::exists(const std::string& path) const {
  std::error_code failure;
  return fs::exists(fs::symlink_status(at(path), failure));
}

}  // namespace mw::agent
