// salloc: an allocation, and a command (or a shell) here that uses it by srun. It is given back
// when the command ends, or salloc itself does.
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

#include "cli/home.h"
#include "slurm_face/help.h"
#include "slurm_face/packets.h"
#include "slurm_face/processes.h"
#include "slurm_face/seat.h"
#include "slurm_face/slurm_environment.h"
#include "slurm_face/submit.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace mw::face {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(50);

/// Waits until the job runs, and attaches to its hub.
Result<PacketSocket> attach(const Call& call, Api& api, std::uint64_t job, int signals,
                            bool quiet) {
  for (int looks = 0;; ++looks) {
    if (next_signal(signals) != 0) return Error{ErrorCode::kConflict, "interrupted"};
    const auto view = api.get(fmt::format("/v1/jobs/{}", job));
    if (!view && !may_come_back(view.error())) return view.error();
    if (view) {
      const std::string state = view->view()["state"].text();
      const auto known = enum_from_name<JobState>(state);
      if (known && is_final(*known)) {
        return Error{ErrorCode::kConflict,
                     fmt::format("Job allocation {} has been revoked: {}", job,
                                 view->view()["last_detail"].text("cancelled"))};
      }
      if (state == "pending" && looks == 10 && !quiet) {
        call.console.err(
            fmt::format("salloc: Pending job allocation {}\n"
                        "salloc: job {} queued and waiting for resources\n",
                        job, job));
      }
      std::vector<std::string> command;
      for (const auto& word : view->view()["command"].list())
        command.push_back(JsonView(word).text());
      if (const auto face = face_job_of(command); face && state == "running") {
        auto hub = PacketSocket::connect(
            fmt::format("{}/run/{}.{}", face->spool, job, view->view()["attempts"].integer()),
            kHubSocket);
        if (hub) return hub;
        if (hub.error().code == ErrorCode::kForbidden) return hub.error();
        if (looks > 1200) {
          return Error{
              ErrorCode::kUnsupported,
              "the allocation runs on another machine, and salloc runs commands here; use sbatch"};
        }
      }
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

/// Runs the command in our own terminal; its process, negative when there can be none.
pid_t run_command_here(const std::vector<std::string>& command, const Variables& variables,
                       const std::string& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGHUP);  // as when a terminal goes
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::chdir(folder.c_str()) != 0) {
      const std::string line =
          fmt::format("salloc: error: couldn't chdir to {}: {}\n", folder, std::strerror(errno));
      [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
      ::_exit(126);
    }
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    const int code = errno == ENOENT ? 127 : 126;
    const std::string line = fmt::format("salloc: error: Unable to exec command \"{}\": {}\n",
                                         command[0], std::strerror(errno));
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    ::_exit(code);
  }
  return child;
}

/// Until the command has ended, or the allocation has: then the command is hung up.
int wait_for(const Call& call, pid_t child, const PacketSocket& hub, int signals) {
  bool revoked = false;
  while (true) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return exit_code_of(status);
    std::vector<pollfd> waits = {{signals, POLLIN, 0}};
    if (!revoked) waits.push_back({hub.get(), POLLIN, 0});
    ::poll(waits.data(), waits.size(), -1);
    while (const int signal = next_signal(signals)) {
      // A terminal tells the command of Ctrl-C by itself.
      if (signal == SIGTERM || signal == SIGHUP) ::kill(child, signal);
    }
    if (!revoked && waits[1].revents != 0 && !hub.receive()) {
      revoked = true;
      call.fail("Job allocation has been revoked");
      ::kill(child, SIGHUP);
    }
  }
}

}  // namespace

int run_salloc(const Call& call) {
  const auto given = read_arguments(kSalloc, call.arguments);
  if (!given) return call.fail(given.error());
  const auto request = gather_request(kSalloc, {}, given->options);
  if (!request) return call.fail(request.error());
  if (request->help || request->version) return show_help(call, kSalloc, request->version);
  std::vector<std::string> command = given->arguments;
  if (command.empty()) {
    const std::string shell = read_environment("SHELL");
    command = {shell.empty() ? "/bin/sh" : shell};
  }
  const auto folder = work_folder(*request);
  if (!folder) return call.fail(folder.error());
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  FaceJob face;
  face.kind = FaceKind::kAllocation;
  face.name = request->job_name.empty() ? std::filesystem::path(command[0]).filename().string()
                                        : request->job_name;
  face.command = command[0];  // its arguments may be secret, and run here
  const auto job = submit_job(call, *connection, *request, std::move(face), {}, false);
  if (!job) return call.fail(job.error());
  const int signals = signal_descriptor({SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT});
  const auto give_up = [&](const Error& error) {
    const auto until = std::chrono::steady_clock::now() + kAnswerWait;
    while (true) {
      const auto cancelled = connection->api.post(fmt::format("/v1/jobs/{}/cancel", job->job));
      if (cancelled || !may_come_back(cancelled.error())) break;
      if (std::chrono::steady_clock::now() > until) break;
      std::this_thread::sleep_for(kAskAgainEvery);
    }
    return call.fail(error);
  };
  const auto hub = attach(call, connection->api, job->job, signals, request->quiet);
  if (!hub) return give_up(hub.error());
  hub->send({{"op", "attach"}});
  const auto ready = hub->receive();
  if (!ready) return give_up({ErrorCode::kConflict, "Job allocation has been revoked"});
  Variables variables;
  for (const auto& one : JsonView(ready->body)["environment"].list())
    put_all(variables, {JsonView(one).text()});
  variables["PATH"] = with_commands(variables["MILLWRIGHT_SLURM_HUB"], read_environment("PATH"));
  if (!request->quiet) {
    call.console.err(fmt::format("salloc: Granted job allocation {}\n", job->job));
  }
  const pid_t child = run_command_here(command, variables, *folder);
  if (child < 0) return give_up({ErrorCode::kUnavailable, "no process can be made"});
  const int code = wait_for(call, child, *hub, signals);
  hub->send({{"op", "finish"}});
  if (!request->quiet) {
    call.console.err(fmt::format("salloc: Relinquishing job allocation {}\n", job->job));
  }
  return code;
}

}  // namespace mw::face
