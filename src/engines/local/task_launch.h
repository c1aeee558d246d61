// Starting the task's own process: the fork that puts it into its control groups, gives it its
// output pipes, folder and environment, and executes the program; and saying in words why it could
// not. Apart from supervisor.h, which is about what happens afterwards.
#pragma once

#include <sys/types.h>

#include <string>

#include "engines/local/posix.h"
#include "engines/local/task_record.h"

namespace mw::local {

struct LaunchedTask {
  pid_t pid = 0;       ///< 0: it does not run
  int exit_code = 0;   ///< when it does not run: 127 not found, 126 otherwise, as shells say it
  std::string detail;  ///< when it does not run: why
};

/// Executes the spec's command as our child, in a session and process group of its own (both named
/// by its pid), which the kernel kills when we die. Returns once the program is executed, or it is
/// clear that it cannot be. REQUIRES: the spec's control groups exist; we have one thread.
LaunchedTask launch_task(const TaskSpec& spec, int stdout_fd, int stderr_fd);

/// True when the task can enter `group` after it was started without any of its processes escaping:
/// another group already holds them all. Entering version 1 groups takes the kernel some
/// milliseconds, which need not delay the program.
bool joins_late(const TaskSpec& spec, const TaskCgroup& group);

}  // namespace mw::local
