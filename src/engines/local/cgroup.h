// One task's control groups: what supervisor and engine do with a cgroup directory that the engine
// chose (containment.h). Works alike for version 1 and 2, and on a tree of plain files in tests.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace mw::local {

struct CgroupSetting {
  std::string file;
  std::string value;
  bool optional = false;  ///< a kernel without this file is fine
  bool operator==(const CgroupSetting&) const = default;
};

/// A group to make for one task, in one hierarchy.
struct TaskCgroup {
  std::string directory;
  bool unified = false;  ///< version 2
  bool tracks = false;   ///< the one by which the task's processes are found and killed
  bool memory = false;   ///< limits memory, so it knows of out-of-memory kills
  std::vector<CgroupSetting> settings;
  bool operator==(const TaskCgroup&) const = default;
};

/// Makes the directory, and the one above it when that is missing, and applies the settings.
/// Errors: kUnavailable, naming the file.
Result<void> create(const TaskCgroup& group);
/// Moves a process into the group; 0 is the caller.  Result: 0, or errno.
int join(const TaskCgroup& group, pid_t pid);
/// Every process in it and in groups below it.
std::vector<pid_t> members(const TaskCgroup& group);
/// Sends SIGKILL to every process in it and in groups below it.
void kill_members(const TaskCgroup& group);
/// How often the kernel killed in it for memory.
std::uint64_t out_of_memory_kills(const TaskCgroup& group);
/// Removes it and what the task made below it. False while processes are in it.
bool remove(const std::string& directory);

}  // namespace mw::local
