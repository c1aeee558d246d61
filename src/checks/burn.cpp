// Runs the program that makes accelerators work, and reads what it says.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "checks/accelerators.h"
#include "checks/burn_program.h"
#include "codec/check_output.h"

extern char** environ;

namespace mw::checks {
namespace {

constexpr const char* kName = "burn";
constexpr std::size_t kOutputMax = std::size_t{1} << 16U;

/// What it wrote on both outputs, and how it ended; or why it was not run.
struct Ended {
  std::string output;
  int status = 0;
  std::optional<std::string> not_run{};
};

Ended run(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {"", 0, std::strerror(errno)};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& each : arguments) argv.push_back(const_cast<char*>(each.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  Ended ended;
  if (error != 0) {
    ended.not_run = fmt::format("{}: {}", arguments[0], std::strerror(error));
  } else {
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::read(ends[0], buffer.data(), buffer.size())) != 0;) {
      if (count < 0 && errno != EINTR) break;
      if (count > 0) ended.output.append(buffer.data(), static_cast<std::size_t>(count));
      if (ended.output.size() > kOutputMax) ended.output.erase(0, ended.output.size() - kOutputMax);
    }
    while (::waitpid(pid, &ended.status, 0) < 0 && errno == EINTR) {}
  }
  ::close(ends[0]);
  return ended;
}

}  // namespace

Report burn_accelerators(const std::string& python, const std::string& device, Duration length) {
  const double seconds = static_cast<double>(length.count()) / 1e9;
  const Ended ended = run({python, "-c", kBurnProgram, device, fmt::format("{:.3f}", seconds)});
  if (ended.not_run) return unable(kName, *ended.not_run);
  CheckExit exit;
  exit.ran = true;
  if (WIFEXITED(ended.status)) exit.code = WEXITSTATUS(ended.status);
  exit.output = ended.output;
  CheckSaid said = read_check(exit);
  if (said.result.outcome == CheckOutcome::kPassed && said.result.measures.empty()) {
    return unable(kName, "the program said nothing: " + said.detail);
  }
  return {kName, said.result.outcome, std::move(said.detail), std::move(said.result.measures)};
}

}  // namespace mw::checks
