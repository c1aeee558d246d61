#include "engines/hooks/hook_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace mw::hooks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kOutputKept = 65'536;
constexpr std::size_t kDetailMax = 300;

int milliseconds_left(Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

std::string last_line(const std::string& output) {
  std::size_t end = output.find_last_not_of("\r\n \t");
  if (end == std::string::npos) return "";
  const std::size_t begin = output.find_last_of("\r\n", end);
  std::string line = output.substr(begin == std::string::npos ? 0 : begin + 1,
                                   end - (begin == std::string::npos ? 0 : begin + 1) + 1);
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7E) c = '?';  // journals and terminals show it
  }
  return line.substr(0, kDetailMax);
}

/// What the child needs, made before the fork: after it only async-signal-safe calls are allowed.
struct Launch {
  explicit Launch(const HookCommand& command) {
    for (const std::string& each : command.arguments) arguments.push_back(copy(each));
    arguments.push_back(nullptr);
    for (const auto& [name, value] : command.environment) { texts.push_back(name + "=" + value); }
    for (std::string& each : texts) environment.push_back(each.data());
    environment.push_back(nullptr);
  }
  char* copy(const std::string& text) {
    return kept.emplace_back(std::make_unique<std::string>(text))->data();
  }
  std::vector<std::unique_ptr<std::string>> kept;
  std::vector<char*> arguments;
  std::vector<std::string> texts;
  std::vector<char*> environment;
};

[[noreturn]] void become(const Launch& launch, int output, int failure) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // it does not outlive the thread that waits for it
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execve(launch.arguments[0], launch.arguments.data(), launch.environment.data());
  const int error = errno;
  const ssize_t told = write(failure, &error, sizeof error);
  _exit(told == sizeof error ? 127 : 126);
}

/// What a program writes, its end kept.
class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}
  ~Output() { close(descriptor_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  [[nodiscard]] int descriptor() const { return is_open_ ? descriptor_ : -1; }
  void read_some() {
    std::array<char, 4096> buffer{};
    const ssize_t count = read(descriptor_, buffer.data(), buffer.size());
    if (count > 0) {
      text_.append(buffer.data(), static_cast<std::size_t>(count));
      if (text_.size() > kOutputKept) text_.erase(0, text_.size() - kOutputKept);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      is_open_ = false;
    }
  }
  void read_rest() {
    while (is_open_) {
      pollfd waits{descriptor_, POLLIN, 0};
      if (poll(&waits, 1, 0) <= 0) return;
      read_some();
    }
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  int descriptor_;
  bool is_open_ = true;
  std::string text_;
};

enum class Outcome { kEnded, kTimeout, kStopped };

/// Until the process has ended, it is late, or it is to stop.
Outcome watch(int process, Output& output, const StopFlag& stop, Clock::time_point until) {
  for (;;) {
    std::array<pollfd, 3> waits{pollfd{process, POLLIN, 0}, pollfd{output.descriptor(), POLLIN, 0},
                                pollfd{stop.descriptor(), POLLIN, 0}};
    const int ready = poll(waits.data(), waits.size(), milliseconds_left(until));
    if (ready < 0 && errno != EINTR) return Outcome::kStopped;
    if (ready > 0 && waits[1].revents != 0) output.read_some();
    if (ready > 0 && waits[0].revents != 0) return Outcome::kEnded;
    if (ready > 0 && waits[2].revents != 0) return Outcome::kStopped;
    if (Clock::now() >= until) return Outcome::kTimeout;
  }
}

/// The whole group goes, and the process is waited for.
int end_group(pid_t pid, int process, Duration grace) {
  if (grace.count() > 0) {
    kill(-pid, SIGTERM);
    pollfd waits{process, POLLIN, 0};
    poll(&waits, 1, milliseconds_left(Clock::now() + std::chrono::nanoseconds(grace.count())));
  }
  kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

HookResult failed_to_run(std::string why) {
  HookResult result;
  result.detail = std::move(why);
  return result;
}

std::string how(int status) {
  if (WIFSIGNALED(status)) return "it was killed by signal " + std::to_string(WTERMSIG(status));
  return "it exited with code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

StopFlag::StopFlag() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
StopFlag::~StopFlag() {
  if (descriptor_ >= 0) close(descriptor_);
}
void StopFlag::set() {
  const std::uint64_t one = 1;
  // It can only fail when it is set a great many times already.
  if (write(descriptor_, &one, sizeof one) < 0) return;
}
bool StopFlag::is_set() const { return wait(Duration()); }
bool StopFlag::wait(Duration length) const {
  const auto until = Clock::now() + std::chrono::nanoseconds(length.count());
  for (;;) {
    pollfd waits{descriptor_, POLLIN, 0};
    if (poll(&waits, 1, milliseconds_left(until)) > 0) return true;
    if (Clock::now() >= until) return false;
  }
}

HookResult run_hook(const HookCommand& command, const StopFlag& stop) {
  const Launch launch(command);
  std::array<int, 2> output{};
  std::array<int, 2> failure{};
  if (pipe2(output.data(), O_CLOEXEC) != 0)
    return failed_to_run("no pipe: " + std::string(strerror(errno)));
  if (pipe2(failure.data(), O_CLOEXEC) != 0) {
    close(output[0]);
    close(output[1]);
    return failed_to_run("no pipe: " + std::string(strerror(errno)));
  }
  const pid_t pid = fork();
  if (pid == 0) become(launch, output[1], failure[1]);
  close(output[1]);
  close(failure[1]);
  Output written(output[0]);
  if (pid < 0) {
    close(failure[0]);
    return failed_to_run("it could not be started: " + std::string(strerror(errno)));
  }
  int error = 0;
  const bool failed = read(failure[0], &error, sizeof error) == sizeof error;
  close(failure[0]);
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (failed || process < 0) {
    if (!failed) error = errno;
    end_group(pid, process, command.grace);
    if (process >= 0) close(process);
    return failed_to_run(command.arguments[0] + " could not be run: " + strerror(error));
  }
  const auto until = Clock::now() + std::chrono::nanoseconds(command.timeout.count());
  const Outcome outcome = watch(process, written, stop, until);
  const int status =
      end_group(pid, process, outcome == Outcome::kEnded ? Duration() : command.grace);
  close(process);
  written.read_rest();
  const std::string said = last_line(written.text());
  const std::string after = said.empty() ? "" : ": " + said;
  HookResult result{false, "", written.text(), std::nullopt, true};
  if (WIFEXITED(status) && outcome == Outcome::kEnded) result.exit_code = WEXITSTATUS(status);
  result.ok = result.exit_code == 0;
  if (outcome == Outcome::kStopped) {
    result.detail = "it was stopped" + after;
  } else if (outcome == Outcome::kTimeout) {
    result.detail = "it took longer than it may" + after;
  } else {
    result.detail = result.ok ? said : how(status) + after;
  }
  return result;
}

}  // namespace mw::hooks
