// mw up: start the control plane in the background, and come back when it answers.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "cli/home.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/units.h"

namespace mw {
namespace {

namespace fs = std::filesystem;

constexpr auto kPollEvery = std::chrono::milliseconds(20);
constexpr std::size_t kLogLinesShown = 15;

struct UpOptions {
  ServeFlags serve;
  std::string wait = "60s";
};

struct ServerView {
  pid_t pid = 0;
  std::string version;
  std::string url;
  std::string containment;
};

/// The server of this home, if it answers as the one that it is. That the endpoint's port answers
/// is not enough: a stranger may have taken it since.
std::optional<ServerView> find_server(const fs::path& home) {
  auto api = Api::open(home, "");
  if (!api) return std::nullopt;
  const auto reply = api->get("/v1/server");
  if (!reply) return std::nullopt;
  const JsonView view = reply->view();
  if (view["home"].text() != home.string()) {
    std::error_code failure;
    if (!fs::equivalent(view["home"].text(), home, failure)) return std::nullopt;
  }
  return ServerView{.pid = static_cast<pid_t>(view["pid"].integer()),
                    .version = view["version"].text(),
                    .url = api->url(),
                    .containment = view["containment"].text()};
}

std::vector<std::string> serve_arguments(const fs::path& home, const ServeFlags& flags) {
  std::vector<std::string> arguments = {"mw",          "serve",       "--home",
                                        home.string(), "--log-level", flags.log_level};
  if (flags.port != 0) {
    arguments.emplace_back("--port");
    arguments.push_back(std::to_string(flags.port));
  }
  for (const std::string& node : flags.nodes) {
    arguments.emplace_back("--node");
    arguments.push_back(node);
  }
  const auto pass_on = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    arguments.emplace_back(name);
    arguments.push_back(value);
  };
  pass_on("--listen", flags.listen);
  pass_on("--engine", flags.engine);
  pass_on("--simulated-run", flags.simulated_run);
  // It runs in another folder: a file is named from the root.
  std::error_code failure;
  const auto pass_on_file = [&](const char* name, const std::string& file) {
    pass_on(name, file.empty() ? file : fs::absolute(file, failure).string());
  };
  pass_on("--slurm", flags.slurm.address);
  pass_on("--slurm-user", flags.slurm.user);
  pass_on_file("--slurm-jwt-key", flags.slurm.jwt_key);
  pass_on_file("--slurm-topology", flags.slurm.topology);
  for (const std::string& partition : flags.slurm.partitions) {
    pass_on("--slurm-partition", partition);
  }
  for (const std::string& partition : flags.slurm.adopt.value_or(std::vector<std::string>())) {
    arguments.emplace_back("--adopt-partition");
    arguments.push_back(partition);
  }
  const bool is_file = !flags.fleet.empty() && fs::exists(flags.fleet, failure);
  pass_on("--fleet", is_file ? fs::absolute(flags.fleet, failure).string() : flags.fleet);
  return arguments;
}

/// Starts this very program as `mw serve`, in a session of its own, with its output in `log`.
Result<pid_t> spawn(const std::vector<std::string>& arguments, const fs::path& log) {
  const auto cannot = [](const std::string& what) {
    return Error{ErrorCode::kInternal, fmt::format("{}: {}", what, std::strerror(errno))};
  };
  const int output =
      ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (output < 0) return cannot("cannot open " + log.string());
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  const pid_t child = ::fork();
  if (child == 0) {
    // Only calls that are safe after a fork. The session makes it survive this terminal.
    ::setsid();
    ::dup2(input, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (::chdir("/") == 0) ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  const int failure = errno;
  ::close(output);
  if (input >= 0) ::close(input);
  errno = failure;
  if (child < 0) return cannot("cannot start a process");
  return child;
}

/// The last lines of what was logged after `begin`.
std::string log_tail(const fs::path& log, std::uintmax_t begin) {
  std::ifstream stream(log);
  stream.seekg(static_cast<std::streamoff>(begin));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > kLogLinesShown) lines.erase(lines.begin());
  }
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text.empty() ? "\n  (nothing)" : text;
}

void print_up(const Cli& cli, const fs::path& home, const ServerView& server,
              std::string_view what) {
  const bool elsewhere = !cli.globals.home.empty();
  const std::string mw = elsewhere ? fmt::format("mw --home {}", cli.globals.home) : "mw";
  const TerminalTraits& traits = cli.console.out_traits;
  cli.console.out(fmt::format("Millwright {} {}.\n", printable(server.version), what));
  cli.console.out(render_facts({{"listens", {server.url}},
                                {"state", {home.string()}},
                                {"log", {(home / "serve.log").string()}},
                                {"tasks", {server.containment}},
                                {"process", {std::to_string(server.pid)}}},
                               2, traits));
  cli.console.out(fmt::format("Stop it with \"{} down\".\n", mw));
}

/// Waits for what was started, or for another that got there first, to answer.
int wait_until_up(const Cli& cli, const fs::path& home, pid_t child, std::uintmax_t log_begin,
                  Duration limit) {
  const fs::path log = home / "serve.log";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(limit.count());
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto server = find_server(home); server && (child == 0 || server->pid == child)) {
      print_up(cli, home, *server, child == 0 ? "is already up" : "is up");
      return 0;
    }
    int status = 0;
    if (child != 0 && ::waitpid(child, &status, WNOHANG) == child) {
      // Two that start at once: the lock lets one of them live.
      if (lock_holder(home)) return wait_until_up(cli, home, 0, log_begin, limit);
      const std::string how = WIFEXITED(status)
                                  ? fmt::format("ended with code {}", WEXITSTATUS(status))
                                  : fmt::format("was ended by signal {}", WTERMSIG(status));
      return cli.console.fail({ErrorCode::kUnavailable,
                               fmt::format("the control plane did not start: it {}; {} says:{}",
                                           how, log.string(), log_tail(log, log_begin))});
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  return cli.console.fail(
      {ErrorCode::kTimeout,
       fmt::format(
           "the control plane has not answered in {}; it may still be starting{}; {} says:{}",
           write_duration(limit), child == 0 ? "" : fmt::format(" (process {})", child),
           log.string(), log_tail(log, log_begin))});
}

int up(const Cli& cli, const UpOptions& options) {
  const auto limit = parse_duration(options.wait, milliseconds(1), hours(1));
  if (!limit) {
    return cli.console.fail(
        {ErrorCode::kInvalid,
         fmt::format("--wait: {}, found {}", limit.error().message, in_quotes(options.wait))});
  }
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  if (options.serve.fleet == "-") {
    return cli.console.fail({ErrorCode::kInvalid,
                             "--fleet: standard input cannot be passed on; give a file, or use "
                             "\"mw fleet declare -\" when the control plane is up"});
  }
  // Judged here too, so that a mistake is told at once and not in a log.
  if (const auto judged = serve_options(*home, options.serve); !judged)
    return cli.console.fail(judged.error());
  if (const auto made = make_home(*home); !made) return cli.console.fail(made.error());
  const fs::path log = *home / "serve.log";
  std::error_code failure;
  const std::uintmax_t written = fs::file_size(log, failure);
  const std::uintmax_t log_begin = failure ? 0 : written;
  if (lock_holder(*home)) return wait_until_up(cli, *home, 0, log_begin, *limit);
  const auto child = spawn(serve_arguments(*home, options.serve), log);
  if (!child) return cli.console.fail(child.error());
  return wait_until_up(cli, *home, *child, log_begin, *limit);
}

}  // namespace

void add_up(CLI::App& app, Cli& cli) {
  CLI::App* verb =
      app.add_subcommand("up", "Start the control plane in the background, unless it runs");
  auto options = std::make_shared<UpOptions>();
  add_serve_flags(*verb, options->serve);
  verb->add_option("--wait", options->wait, "How long to wait until it answers (default: 60s)")
      ->type_name("TIME");
  verb->footer(
      "Says where it listens, where its state is and how to stop it. It logs to HOME/serve.log. "
      "Several can run side "
      "by side with different homes.\n\n"
      "  mw up\n"
      "  mw --home /tmp/two up --node a:8 --node b:8\n"
      "  mw --home /tmp/big up --engine simulated --fleet ai-cloud-2025\n"
      "  mw --home /tmp/three up --slurm unix:/run/slurmrestd/slurmrestd.sock");
  verb->callback([&cli, options] { cli.action = [&cli, options] { return up(cli, *options); }; });
}

}  // namespace mw
