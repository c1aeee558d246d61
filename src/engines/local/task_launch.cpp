#include "engines/local/task_launch.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <vector>

namespace mw::local {
namespace {

enum class Stage : int { kGroup, kWorkdir, kOutput, kProgram };

/// What the child says through the pipe that closes by itself when the program is executed.
struct LaunchFailure {
  Stage stage = Stage::kProgram;
  int error = 0;
};

std::string_view path_of(const std::vector<std::string>& environment) {
  constexpr std::string_view kPath = "PATH=";
  for (const std::string& variable : environment) {
    if (variable.rfind(kPath, 0) == 0) return std::string_view(variable).substr(kPath.size());
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Finds the program in the task's own PATH and executes it. Not execvp: that searches our PATH,
/// and hands what the kernel cannot execute to a shell.
/// Result: errno; only returns when it failed.
int execute(const TaskSpec& spec) {
  const std::vector<char*> arguments = pointers(spec.command);
  const std::vector<char*> environment = pointers(spec.environment);
  const std::string& program = spec.command.front();
  if (program.find('/') != std::string::npos) {
    ::execve(program.c_str(), arguments.data(), environment.data());
    return errno;
  }
  if (program.empty()) return ENOENT;
  int result = ENOENT;
  std::string_view path = path_of(spec.environment);
  while (true) {
    const std::size_t colon = std::min(path.find(':'), path.size());
    std::string candidate(colon == 0 ? "." : path.substr(0, colon));
    candidate.append("/").append(program);
    ::execve(candidate.c_str(), arguments.data(), environment.data());
    // As shells do: a file that may not be executed counts only if no later one can be.
    if (errno == EACCES) result = EACCES;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return errno;
    if (colon == path.size()) return result;
    path.remove_prefix(colon + 1);
  }
}

[[noreturn]] void fail(int report_fd, Stage stage, int error) {
  const LaunchFailure failure{stage, error};
  // When even this write fails, the supervisor sees an exit code of 126 and no more.
  [[maybe_unused]] const ssize_t written = ::write(report_fd, &failure, sizeof failure);
  ::_exit(126);
}

void reset_signals() {
  // The kernel's own call: the C library keeps two signals for itself and refuses to reset them,
  // but whoever started us may have had them ignored. All zero is SIG_DFL, whatever the layout.
  const std::array<std::uint64_t, 8> defaults{};
  constexpr std::size_t kKernelSignals = 64;
  for (std::size_t signal = 1; signal <= kKernelSignals; ++signal) {
    ::syscall(SYS_rt_sigaction, signal, defaults.data(), nullptr, kKernelSignals / 8);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

struct ChildFds {
  int output;
  int error;
  int report;
};

[[noreturn]] void run_child(const TaskSpec& spec, pid_t supervisor, ChildFds fds) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(126);  // it died before the line above
  ::setsid();
  ::umask(022);
  for (const TaskCgroup& group : spec.cgroups) {
    if (group.tracks && group.unified) continue;  // born in it
    if (joins_late(spec, group)) continue;
    if (const int error = join(group, 0)) fail(fds.report, Stage::kGroup, error);
  }
  if (::chdir(spec.workdir.c_str()) != 0) fail(fds.report, Stage::kWorkdir, errno);
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  // Ours are above 3, because the lock is at 3: none is overwritten before it is copied.
  if (::dup2(nothing.get(), 0) < 0 || ::dup2(fds.output, 1) < 0 || ::dup2(fds.error, 2) < 0) {
    fail(fds.report, Stage::kOutput, errno);
  }
  reset_signals();
  fail(fds.report, Stage::kProgram, execute(spec));
}

/// fork(), into the control group that tracks the task, so that no instant of it is untracked.
/// Result: as fork().
pid_t fork_into(const TaskSpec& spec) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  UniqueFd directory;
  for (const TaskCgroup& group : spec.cgroups) {
    if (!group.tracks || !group.unified) continue;
    directory = UniqueFd(::open(group.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid()) return -1;
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(directory.get());
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

LaunchedTask describe(const TaskSpec& spec, LaunchFailure failure) {
  const std::string said = std::strerror(failure.error);
  LaunchedTask task;
  task.exit_code = failure.error == ENOENT ? 127 : 126;
  switch (failure.stage) {
    case Stage::kGroup:
      task.detail = "cannot enter the task's control group: " + said;
      break;
    case Stage::kWorkdir:
      task.detail = "cannot enter the working directory `" + spec.workdir + "`: " + said;
      break;
    case Stage::kOutput:
      task.detail = "cannot connect the task's output: " + said;
      break;
    case Stage::kProgram:
      task.detail = "cannot run `" + spec.command.front() + "`: " + said;
      if (failure.error == ENOENT && spec.command.front().find('/') == std::string::npos) {
        task.detail = "command not found: `" + spec.command.front() + "` is in no folder of PATH";
      } else if (failure.error == ENOENT) {
        task.detail += " (neither the file, nor the interpreter that it names, may be missing)";
      }
      break;
  }
  return task;
}

}  // namespace

bool joins_late(const TaskSpec& spec, const TaskCgroup& group) {
  const bool tracked = std::any_of(spec.cgroups.begin(), spec.cgroups.end(),
                                   [](const TaskCgroup& g) { return g.tracks && g.unified; });
  return tracked && !group.tracks && !group.memory;
}

LaunchedTask launch_task(const TaskSpec& spec, int stdout_fd, int stderr_fd) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return describe(spec, {Stage::kOutput, errno});
  const UniqueFd report_out(report[0]);
  UniqueFd report_in(report[1]);
  const pid_t supervisor = ::getpid();
  const pid_t pid = fork_into(spec);
  if (pid < 0) {
    const int error = errno;
    return {.pid = 0,
            .exit_code = 126,
            .detail = std::string("cannot start a process: ") + std::strerror(error)};
  }
  if (pid == 0) run_child(spec, supervisor, {stdout_fd, stderr_fd, report_in.get()});
  report_in.reset();
  LaunchFailure failure;
  ssize_t got = 0;
  do {
    got = ::read(report_out.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof failure) return describe(spec, failure);
  return {.pid = pid, .exit_code = 0, .detail = {}};
}

}  // namespace mw::local
