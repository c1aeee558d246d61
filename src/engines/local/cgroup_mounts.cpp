#include "engines/local/cgroup_mounts.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <sstream>
#include <string_view>

#include "engines/local/posix.h"

namespace mw::local {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// One line of /proc/self/cgroup: "4:memory:/path", "0::/path" for version 2.
struct Membership {
  std::vector<std::string> controllers;
  std::string path;
};

std::vector<Membership> memberships(const std::string& root) {
  std::vector<Membership> result;
  for (const std::string& line : split(read_file(root + "/proc/self/cgroup").value_or(""), '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    result.push_back(
        {split(line.substr(first + 1, second - first - 1), ','), line.substr(second + 1)});
  }
  return result;
}

/// The directory of the group `path` in a hierarchy of which `mount_root` is mounted at `mount`.
std::string directory_of(const std::string& mount, const std::string& mount_root,
                         const std::string& path) {
  std::string_view below = path;
  if (mount_root != "/" && below.substr(0, mount_root.size()) == mount_root) {
    below.remove_prefix(mount_root.size());
  }
  return below == "/" || below.empty() ? mount : mount + std::string(below);
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T>
void lower(std::optional<T>& limit, T other) {
  if (!limit || other < *limit) limit = other;
}

void read_limits(const CgroupHierarchy& hierarchy, const std::string& directory,
                 CgroupLimits& limits) {
  // Version 1 writes "no limit" as the largest multiple of a page.
  constexpr std::int64_t kUnlimited = std::int64_t{1} << 60;
  if (hierarchy.unified || hierarchy.has("memory")) {
    const char* const file = hierarchy.unified ? "/memory.max" : "/memory.limit_in_bytes";
    const auto bytes = number(read_line(directory + file));
    if (bytes && *bytes > 0 && *bytes < kUnlimited) lower(limits.memory, Bytes(*bytes));
  }
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> period;
  if (hierarchy.unified) {
    const auto parts = split(read_line(directory + "/cpu.max"), ' ');
    if (parts.size() == 2) quota = number(parts[0]), period = number(parts[1]);
  } else if (hierarchy.has("cpu")) {
    quota = number(read_line(directory + "/cpu.cfs_quota_us"));
    period = number(read_line(directory + "/cpu.cfs_period_us"));
  }
  if (quota && period && *quota > 0 && *period > 0) {
    lower(limits.cpus, CpuShare(*quota * 1000 / *period));
  }
}

}  // namespace

bool CgroupHierarchy::has(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

std::vector<CgroupHierarchy> cgroup_hierarchies(const std::string& root) {
  const std::vector<Membership> own = memberships(root);
  std::vector<CgroupHierarchy> hierarchies;
  // "36 25 0:31 /root /mount options ... - type source super-options"; proc(5).
  for (const std::string& line :
       split(read_file(root + "/proc/self/mountinfo").value_or(""), '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - dash < 4) continue;
    const std::string& type = dash[1];
    if (type != "cgroup" && type != "cgroup2") continue;
    const auto options = split(dash[3], ',');
    const auto match = std::find_if(own.begin(), own.end(), [&](const Membership& membership) {
      if (type == "cgroup2") return membership.controllers.empty();
      return !membership.controllers.empty() &&
             std::all_of(membership.controllers.begin(), membership.controllers.end(),
                         [&](const std::string& controller) {
                           return std::find(options.begin(), options.end(), controller) !=
                                  options.end();
                         });
    });
    if (match == own.end()) continue;
    const std::string mount = root + fields[4];
    hierarchies.push_back({.unified = type == "cgroup2",
                           .controllers = match->controllers,
                           .mount = mount,
                           .own = directory_of(mount, fields[3], match->path)});
  }
  return hierarchies;
}

CgroupLimits cgroup_limits(const std::vector<CgroupHierarchy>& hierarchies) {
  CgroupLimits limits;
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    // A limit of any group above holds as well.
    std::string directory = hierarchy.own;
    while (directory.size() >= hierarchy.mount.size()) {
      read_limits(hierarchy, directory, limits);
      if (directory.size() == hierarchy.mount.size()) break;
      directory.resize(directory.rfind('/'));
    }
  }
  return limits;
}

}  // namespace mw::local
