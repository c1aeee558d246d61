#include "engines/slurm/slurm_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "codec/units.h"

namespace mw::slurm {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLimit{60};
constexpr int kPollMs = 100;
/// Of a cluster of 31,250 nodes a list is some 60 MB.
constexpr std::size_t kOutputMax = std::size_t{1} << 30;
constexpr std::size_t kShownMax = 400;
constexpr std::size_t kValueMax = 250;

/// Ours, with `token` as whom the command asks. SLURM_JWT is a secret: it is nobody's argument.
std::vector<std::string> environment_with(const std::string& token) {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view variable(*each);
    if (!variable.starts_with("SLURM_JWT=")) variables.emplace_back(variable);
  }
  if (!token.empty()) variables.push_back("SLURM_JWT=" + token);
  return variables;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

/// A process whose outputs end in a pipe of ours.
Result<pid_t> spawn(const std::vector<std::string>& arguments, const std::string& token, int output,
                    bool with_errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (with_errors) {
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // The control plane blocks signals that end it; whom it starts is to be ended by them.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const std::vector<std::string> environment = environment_with(token);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  return Error{ErrorCode::kUnavailable,
               fmt::format("cannot run {}: {}; it comes with Slurm's commands (Debian: "
                           "slurm-client)",
                           arguments[0], std::strerror(error))};
}

/// What it writes until it closes its outputs; false when it took too long or we are to stop.
bool read_all(int input, std::string& text, const std::atomic<bool>& stop) {
  const auto deadline = SteadyClock::now() + kLimit;
  std::array<char, 65536> buffer{};
  while (!stop && SteadyClock::now() < deadline) {
    pollfd ready{input, POLLIN, 0};
    if (::poll(&ready, 1, kPollMs) <= 0) continue;
    const ssize_t count = ::read(input, buffer.data(), buffer.size());
    if (count == 0) return true;
    if (count > 0 && text.size() < kOutputMax) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  return false;
}

ErrorCode code_of(const std::string& said) {
  const auto says = [&](std::string_view words) { return said.find(words) != std::string::npos; };
  if (says("Invalid job id") || says("Invalid node name")) return ErrorCode::kNotFound;
  if (says("Access/permission denied") || says("Invalid user id") || says("uthentication")) {
    return ErrorCode::kForbidden;
  }
  if (says("Unable to contact") || says("onnection refused") || says("imed out")) {
    return ErrorCode::kUnavailable;
  }
  return ErrorCode::kInvalid;
}

}  // namespace

std::string scontrol_value(std::string_view text) {
  std::string value(text.substr(0, kValueMax));
  std::ranges::replace_if(
      value, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  std::ranges::replace(value, '"', '\'');
  return value;
}

namespace {

Result<std::string> run(const std::vector<std::string>& arguments, const std::string& token,
                        bool with_errors, const std::atomic<bool>& stop) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Error{ErrorCode::kUnavailable,
                 std::string("cannot make a pipe: ") + std::strerror(errno)};
  }
  const auto pid = spawn(arguments, token, ends[1], with_errors);
  ::close(ends[1]);
  std::string said;
  const bool ended = pid && read_all(ends[0], said, stop);
  ::close(ends[0]);
  if (!pid) return pid.error();
  if (!ended) ::kill(*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {}
  if (!ended) {
    return Error{ErrorCode::kTimeout, arguments[0] + " did not end, and was ended by us"};
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return said;
  while (said.ends_with('\n')) said.pop_back();
  return Error{code_of(said),
               fmt::format("{} said: {}", arguments[0], in_quotes(said.substr(0, kShownMax)))};
}

}  // namespace

Result<void> run_command(const std::vector<std::string>& arguments, const std::string& token,
                         const std::atomic<bool>& stop) {
  const auto said = run(arguments, token, true, stop);
  return said ? Result<void>() : Result<void>(said.error());
}

Result<std::string> run_query(const std::vector<std::string>& arguments, const std::string& token,
                              const std::atomic<bool>& stop) {
  return run(arguments, token, false, stop);
}

}  // namespace mw::slurm
