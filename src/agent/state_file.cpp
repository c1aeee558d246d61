#include "agent/state_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "codec/json.h"

namespace mw::agent {
namespace {

namespace fs = std::filesystem;

// Far more than a full queue of the largest size: see kQueueMost in outbox.h.
constexpr std::size_t kStateBytesMax = std::size_t{64} << 20;

Error cannot(const fs::path& file, std::string_view what) {
  return {ErrorCode::kUnavailable, fmt::format("{} {}: {}", what, file.string(), strerror(errno))};
}

Result<void> write_whole(const fs::path& file, std::string_view text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return cannot(file, "cannot make");
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const Error error = cannot(file, "cannot write");
      ::close(fd);
      return error;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  const bool synced = ::fsync(fd) == 0;
  const Error error = cannot(file, "cannot store");
  if (::close(fd) != 0 || !synced) return error;
  return {};
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<StateFile> StateFile::open(const fs::path& folder, const std::string& node) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot make the folder {}: {}", folder.string(), failure.message())};
  }
  // A node's name has no slash (src/cli/verb_agent.cpp), so this is a file in the folder.
  const fs::path lock_file = folder / (node + ".lock");
  const int lock = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return cannot(lock_file, "cannot make");
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return Error{ErrorCode::kConflict,
                 fmt::format("another agent for the node {} runs with the state in {}; end it, or "
                             "give this one its own with --state DIR",
                             node, folder.string())};
  }
  return StateFile(folder / (node + ".json"), lock);
}

StateFile::StateFile(StateFile&& other) noexcept
    : file_(std::move(other.file_)), lock_(std::exchange(other.lock_, -1)) {}

StateFile::~StateFile() {
  if (lock_ >= 0) ::close(lock_);
}

Result<AgentState> StateFile::load(std::string& damaged) const {
  damaged.clear();
  std::error_code failure;
  if (!fs::exists(file_, failure)) return AgentState();
  std::ifstream stream(file_, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return cannot(file_, "cannot read");
  auto json = parse_json(text.str(), {.bytes_max = kStateBytesMax});
  if (json) {
    auto state = from_json<AgentState>(*json, "state");
    if (state) return state;
  }
  const fs::path aside = file_.string() + ".damaged";
  fs::rename(file_, aside, failure);
  if (failure) return cannot(file_, "cannot put aside");
  damaged = aside.string();
  return AgentState();
}

Result<void> StateFile::save(const AgentState& state) const {
  std::string text;
  append_json(text, state);
  text.push_back('\n');
  const fs::path beside = file_.string() + ".new";
  if (auto written = write_whole(beside, text); !written) return written.error();
  if (::rename(beside.c_str(), file_.c_str()) != 0) return cannot(file_, "cannot replace");
  sync_folder(file_.parent_path());
  return {};
}

}  // namespace mw::agent
