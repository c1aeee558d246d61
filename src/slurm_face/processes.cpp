#include "slurm_face/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace mw::face {
namespace {

/// As a shell would say it, where the program's own errors go.
[[noreturn]] void give_up(const std::string& what, int code) {
  const std::string line = fmt::format("slurmstepd: error: {}: {}\n", what, std::strerror(errno));
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(code);
}

std::optional<rlimit>& descriptor_limit_before() {
  static std::optional<rlimit> limit;
  return limit;
}

/// In the child: becomes the program.
[[noreturn]] void become(const ProgramStart& start, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);  // it died before it could be said
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  const int in = start.in >= 0 ? start.in : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(in, STDIN_FILENO);
  // Standard output may be said to be our standard error and the other way round.
  const int out = ::fcntl(start.out, F_DUPFD, 3);
  const int err = ::fcntl(start.err, F_DUPFD, 3);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::close(out);
  ::close(err);
  if (!start.folder.empty() && ::chdir(start.folder.c_str()) != 0) {
    give_up(fmt::format("couldn't chdir to {}", start.folder), 126);
  }
  if (const auto& limit = descriptor_limit_before()) ::setrlimit(RLIMIT_NOFILE, &*limit);
  if (start.umask >= 0) ::umask(static_cast<mode_t>(start.umask));
  ::clearenv();
  for (const std::string& one : start.environment) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    ::setenv(one.substr(0, equals).c_str(), one.c_str() + equals + 1, 1);
  }
  ::setenv("SLURM_TASK_PID", std::to_string(::getpid()).c_str(), 1);
  std::vector<char*> arguments;
  for (const std::string& word : start.command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  give_up(fmt::format("execve(): {}", start.command[0]), errno == ENOENT ? 127 : 126);
}

}  // namespace

Result<pid_t> start_program(const ProgramStart& start) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(start, parent);
  if (child > 0) return child;
  return Error{ErrorCode::kUnavailable,
               fmt::format("cannot start {}: {}", start.command.front(), std::strerror(errno))};
}

void signal_program(pid_t program, int signal) {
  if (::kill(-program, signal) != 0 && errno == ESRCH) ::kill(program, signal);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  descriptor_limit_before() = limit;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int signal_descriptor(const std::vector<int>& signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int next_signal(int descriptor) {
  signalfd_siginfo info{};
  return ::read(descriptor, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                               : 0;
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void end_as(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    const rlimit no_core{0, 0};  // it was not we who crashed
    ::setrlimit(RLIMIT_CORE, &no_core);
    std::signal(number, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
    ::raise(number);
  }
  ::_exit(exit_code_of(status));
}

Result<int> open_output(const std::string& name, bool empty_it) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (empty_it ? O_TRUNC : 0);
  const int fd = ::open(name.c_str(), flags, 0666);
  if (fd >= 0) return fd;
  return Error{ErrorCode::kUnavailable,
               fmt::format("could not open output file {}: {}", name, std::strerror(errno))};
}

}  // namespace mw::face
