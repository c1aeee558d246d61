#include "support/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "http/client/http_client.h"

extern char** environ;

namespace mw::bench {
namespace {

using Steady = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "mw-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) give_up("cannot make a folder like " + pattern);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ServerProcess::ServerProcess(const std::string& binary, const std::filesystem::path& home,
                             const std::vector<std::string>& arguments, int patience_s) {
  std::vector<std::string> words = {binary, "serve", "--home", home.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log = (home / "bench.log").string();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const auto began = Steady::now();
  if (posix_spawn(&pid_, binary.c_str(), &actions, nullptr, argv.data(), environ) != 0) {
    give_up("cannot start " + binary);
  }
  posix_spawn_file_actions_destroy(&actions);
  while (!answers(home)) {
    if (Steady::now() - began > std::chrono::seconds(patience_s) ||
        waitpid(pid_, nullptr, WNOHANG) == pid_) {
      give_up("the control plane did not come up; see " + log);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  seconds_to_ready_ = std::chrono::duration<double>(Steady::now() - began).count();
  token_ = first_line(home / "token");
}

bool ServerProcess::answers(const std::filesystem::path& home) {
  url_ = first_line(home / "endpoint");
  if (url_.empty()) return false;
  const auto response = HttpClient(url_, "").get("/healthz");
  return response.ok() && response->ok();
}

void ServerProcess::crash() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

ServerProcess::~ServerProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

}  // namespace mw::bench
