// The supervisor: one small process for each task. It starts the task, keeps its output and its end
// on disk, stops it when asked, and lives on when the control plane does not. Nothing of the task
// outlives it: the task's main process dies with it, and what the task leaves behind is killed
// before its end is written down.
#pragma once

#include <string>

namespace mw::local {

/// The descriptor at which the supervisor inherits the flocked lock file of its rank.
inline constexpr int kSupervisorLockFd = 3;

/// Runs the task that is described in `directory`/spec to its end. One thread.
/// Result: exit code of the supervisor itself, 0 when the task's end is recorded, however it ended.
int supervise(const std::string& directory);

}  // namespace mw::local
