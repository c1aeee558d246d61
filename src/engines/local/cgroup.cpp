#include "engines/local/cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "engines/local/posix.h"

namespace mw::local {
namespace {

std::vector<std::string> subdirectories(const std::string& directory) {
  std::vector<std::string> paths;
  for (const DirectoryEntry& entry : list_directory(directory)) {
    if (entry.is_directory) paths.push_back(directory + "/" + entry.name);
  }
  return paths;
}

void add_members(const std::string& directory, std::vector<pid_t>& pids) {
  const std::string text = read_file(directory + "/cgroup.procs").value_or("");
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    pid_t pid = 0;
    const auto parsed = std::from_chars(at, end, pid);
    // 0 is a process of another pid namespace: not one that we can do anything with.
    if (parsed.ec == std::errc() && pid > 0) pids.push_back(pid);
    at = parsed.ptr;
    while (at != end && (*at < '0' || *at > '9')) ++at;
  }
  for (const std::string& below : subdirectories(directory)) add_members(below, pids);
}

}  // namespace

Result<void> create(const TaskCgroup& group) {
  int made = ::mkdir(group.directory.c_str(), 0755);
  if (made != 0 && errno == ENOENT) {
    ::mkdir(group.directory.substr(0, group.directory.rfind('/')).c_str(), 0755);
    made = ::mkdir(group.directory.c_str(), 0755);
  }
  if (made != 0 && errno != EEXIST) {
    return system_error(ErrorCode::kUnavailable, "make the control group", group.directory, errno);
  }
  for (const CgroupSetting& setting : group.settings) {
    const std::string path = group.directory + "/" + setting.file;
    const int error = poke_file(path, setting.value);
    if (error == ENOENT && setting.optional) continue;
    if (error != 0) {
      return system_error(ErrorCode::kUnavailable, "write " + setting.value + " to", path, error);
    }
  }
  return {};
}

int join(const TaskCgroup& group, pid_t pid) {
  return poke_file(group.directory + "/cgroup.procs", std::to_string(pid));
}

std::vector<pid_t> members(const TaskCgroup& group) {
  std::vector<pid_t> pids;
  add_members(group.directory, pids);
  return pids;
}

void kill_members(const TaskCgroup& group) {
  if (group.unified && poke_file(group.directory + "/cgroup.kill", "1") == 0) return;
  for (const pid_t pid : members(group)) ::kill(pid, SIGKILL);
}

std::uint64_t out_of_memory_kills(const TaskCgroup& group) {
  const char* const file = group.unified ? "/memory.events" : "/memory.oom_control";
  const std::string text = read_file(group.directory + file).value_or("");
  constexpr std::string_view kKey = "oom_kill ";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.substr(0, kKey.size()) == kKey) {
      return std::strtoull(line.data() + kKey.size(), nullptr, 10);
    }
    at = end + 1;
  }
  return 0;
}

bool remove(const std::string& directory) {
  for (const std::string& below : subdirectories(directory)) remove(below);
  return ::rmdir(directory.c_str()) == 0 || errno == ENOENT;
}

}  // namespace mw::local
