// srun: a step of the job that it is called in; outside of a job, a job of one step, whose output
// it shows and whose exit code it has.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

#include "cli/format.h"
#include "cli/home.h"
#include "codec/hostlist.h"
#include "codec/json.h"
#include "codec/units.h"
#include "slurm_face/help.h"
#include "slurm_face/log_follower.h"
#include "slurm_face/packets.h"
#include "slurm_face/processes.h"
#include "slurm_face/seat.h"
#include "slurm_face/step_options.h"
#include "slurm_face/step_plan.h"
#include "slurm_face/submit.h"

namespace mw::face {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(100);

std::uint32_t number_or(const std::string& text, std::uint32_t otherwise) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

/// What a job's own variables say of it is no request of a step, unless it holds for each task.
bool is_for_jobs(const GivenOption& option) {
  const std::string_view name = option.row->name;
  if (name == "gpus-per-task") return false;
  return step_use(name) != StepUse::kTaken || name == "nodes" || name == "chdir" ||
         name.starts_with("gpus") || name.starts_with("gres");
}

/// Other GPUs that are asked for go before those that each task of the job was to have.
void leave_gpus_of_job(std::vector<GivenOption>& variables, const std::vector<GivenOption>& given) {
  const auto is_of_gpus = [](const GivenOption& option) {
    const std::string_view name = option.row->name;
    return name == "gres" || name.starts_with("gpus");
  };
  if (std::ranges::any_of(given, is_of_gpus)) std::erase_if(variables, is_of_gpus);
}

/// Absolute, for whoever opens it; empty: where srun's own goes.
std::string file_pattern(const std::string& given) {
  if (given.empty() || given == "all") return {};
  if (given == "none") return "/dev/null";
  return absolute_pattern(given, std::filesystem::current_path().string());
}

/// "-o 0" means one task alone.
Result<void> check_files(const Request& request) {
  for (const auto& [name, value] : {std::pair("--output", &request.output),
                                    {"--error", &request.error},
                                    {"--input", &request.input}}) {
    if (!value->empty() && value->find_first_not_of("0123456789") == std::string::npos) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("{}={}: one task alone is not supported; all, none and files are "
                               "(./{} is a file)",
                               name, *value, *value)};
    }
  }
  return {};
}

/// Of a range as many as the job has.  Errors: kInvalid: it has too few.
Result<std::uint32_t> nodes_of_step(const Request& request, std::size_t named) {
  if (!request.nodes) return static_cast<std::uint32_t>(named);
  const std::uint32_t have = number_or(read_environment("SLURM_JOB_NUM_NODES"), 1);
  if (request.nodes->low == request.nodes->high || have >= request.nodes->high) {
    return request.nodes->high;
  }
  if (have >= request.nodes->low) return have;
  return Error{ErrorCode::kInvalid, fmt::format("--nodes: the job has {} nodes, fewer than {}",
                                                have, request.nodes->low)};
}

Result<StepRequest> step_of(const Request& request, const std::vector<std::string>& command) {
  StepRequest step;
  auto environment = exported_environment(request.export_list);
  if (!environment) return environment.error();
  step.environment = std::move(*environment);
  step.command = command;
  const auto folder = work_folder(request);
  if (!folder) return folder.error();
  step.folder = *folder;
  step.name = request.job_name.empty() ? std::filesystem::path(command[0]).filename().string()
                                       : request.job_name;
  for (const auto& [text, names] : {std::pair(&request.node_list, &step.node_names),
                                    {&request.exclude_list, &step.excluded_names}}) {
    auto expanded = slurm::expand_hostlist(*text);
    if (!expanded) return expanded.error();
    *names = std::move(*expanded);
  }
  const auto asked = nodes_of_step(request, step.node_names.size());
  if (!asked) return asked.error();
  step.nodes = *asked;
  const std::uint32_t nodes =
      step.nodes > 0 ? step.nodes : number_or(read_environment("SLURM_JOB_NUM_NODES"), 1);
  Request counted = request;
  counted.nodes = CountRange{nodes, nodes};
  step.tasks = counted.task_count();
  step.tasks_per_node = request.tasks ? request.tasks_per_node.value_or(0) : 0;
  step.cpus_per_task = request.cpus_per_task.value_or(1);
  step.cpus_said = request.cpus_per_task.has_value();
  step.gpus_per_task = request.gpus_per_task ? request.gpus_per_task->count : 0;
  if (request.gpus_per_node) step.gpus_per_node = request.gpus_per_node->count;
  if (request.gpus && !request.gpus_per_task && !request.gpus_per_node) {
    const std::uint32_t spread = std::min(nodes, step.tasks);
    if (request.gpus->count % spread != 0) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("--gpus: {} GPUs do not spread evenly over {} nodes",
                               request.gpus->count, spread)};
    }
    step.gpus_per_node = request.gpus->count / spread;
  }
  step.relative = request.relative.value_or(0);
  step.overlap = request.overlap || request.whole;
  step.overcommit = request.overcommit;
  step.cyclic = request.distribution == "cyclic";
  step.label = request.label;
  step.kill_on_bad_exit = request.kill_on_bad_exit.value_or(false);
  step.wait_after_first = request.wait_after_first.value_or(Duration());
  if (const auto checked = check_files(request); !checked) return checked.error();
  step.output = file_pattern(request.output);
  step.error = request.error.empty() ? step.output : file_pattern(request.error);
  step.input = file_pattern(request.input);
  step.append = request.open_mode == "append";
  step.umask = own_umask();
  return step;
}

/// Says what the hub told; the exit code when that was the end.
std::optional<int> take(const Call& call, const JsonView& told, bool quiet) {
  const std::string op = told["op"].text();
  if (op == "error")
    return call.fail(fmt::format("Unable to create step: {}", told["message"].text()));
  if (op == "warning") call.warn(told["message"].text());
  if (op == "waiting" && !quiet) {
    call.console.err(
        "srun: Job step creation temporarily disabled, retrying (Requested nodes are busy)\n");
  }
  if (op == "failed") {
    const auto status = static_cast<int>(told["status"].integer());
    const std::string how = WIFSIGNALED(status)
                                ? fmt::format("{}", ::strsignal(WTERMSIG(status)))
                                : fmt::format("Exited with exit code {}", WEXITSTATUS(status));
    call.fail(fmt::format("{}: task {}: {}", told["node"].text(), told["task"].integer(), how));
  }
  if (op == "ended") return static_cast<int>(told["exit"].integer());
  return {};
}

int run_step(const Call& call, const Request& request, const std::vector<std::string>& command,
             const std::string& hub) {
  if (!request.refused.empty()) {
    return call.fail(fmt::format("{}", fmt::join(request.refused, "\n")));
  }
  for (const std::string& line : request.noted) {
    if (!request.quiet) call.warn(line);
  }
  const auto step = step_of(request, command);
  if (!step) return call.fail(step.error());
  const auto socket = PacketSocket::connect(hub, kHubSocket);
  if (!socket) {
    return call.fail(
        fmt::format("Unable to reach the job: {}. srun starts steps on the machine that its "
                    "job runs on, while it runs",
                    socket.error().message));
  }
  // What comes from a terminal or from scancel is for the tasks.
  const int signals =
      signal_descriptor({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM});
  std::string text;
  append_json(text, *step);
  const OpenFile file = file_of(text);
  if (!socket->send({{"op", "step"}}, {file.get(), STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})) {
    return call.fail("Unable to reach the job: it has just ended");
  }
  int interrupts = 0;
  while (true) {
    std::array<pollfd, 2> waits = {{{socket->get(), POLLIN, 0}, {signals, POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), -1);
    while (int signal = next_signal(signals)) {
      if (signal == SIGINT && ++interrupts > 1) signal = SIGKILL;
      socket->send({{"op", "signal"}, {"signal", signal}});
    }
    if (waits[0].revents == 0) continue;
    const auto packet = socket->receive();
    if (!packet) return call.fail("the job has ended before the step");
    if (const auto code = take(call, JsonView(packet->body), request.quiet)) return *code;
  }
}

/// Follows a job of our own to its end, and takes it along when it is interrupted.
int follow(const Call& call, Api& api, std::uint64_t job, bool quiet) {
  const int signals = signal_descriptor({SIGINT, SIGTERM, SIGHUP, SIGQUIT});
  LogFollower log(api, call.console, job);
  bool told_waiting = false;
  bool cancels = false;
  for (int looks = 0;; ++looks) {
    if (next_signal(signals) != 0) cancels = true;
    if (cancels) {
      const auto cancelled = api.post(fmt::format("/v1/jobs/{}/cancel", job));
      cancels = !cancelled && may_come_back(cancelled.error());
      // That it has ended meanwhile is seen below.
      if (!cancelled && !cancels && cancelled.error().code != ErrorCode::kConflict) {
        return call.fail(cancelled.error());
      }
    }
    const auto end = look_at_job(api, job);
    if (!end && !may_come_back(end.error())) return call.fail(end.error());
    if (end) log.follow_attempt(end->attempt);
    if (end && end->state == "pending" && looks == 5 && !quiet) {
      told_waiting = true;
      call.console.err(fmt::format("srun: job {} queued and waiting for resources\n", job));
    }
    if (end && end->state == "running" && std::exchange(told_waiting, false)) {
      call.console.err(fmt::format("srun: job {} has been allocated resources\n", job));
    }
    log.show_new();
    if (end && end->over) {
      log.show_rest();
      if (end->state == "cancelled") call.fail(fmt::format("job {} was cancelled", job));
      if (end->state == "timed_out")
        call.fail(fmt::format("job {} ran longer than its time limit", job));
      return end->exit_code;
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

/// A file at our standard input is the step's as well; a pipe ends with us, and is not passed on.
void take_input(const Call& call, const Request& request, std::vector<std::string>& arguments) {
  if (!request.input.empty()) return;
  struct stat input {};
  if (::fstat(STDIN_FILENO, &input) != 0) return;
  if (S_ISREG(input.st_mode)) {
    std::error_code failure;
    const auto file = std::filesystem::read_symlink("/proc/self/fd/0", failure);
    if (!failure) arguments.insert(arguments.begin(), fmt::format("--input={}", file.string()));
  } else if (S_ISFIFO(input.st_mode) && !request.quiet) {
    call.warn("standard input is not passed on to a job of its own: give a file, by --input or <");
  }
}

int run_alone(const Call& call, const Request& request, const std::vector<GivenOption>& options,
              const std::vector<std::string>& command) {
  if (const auto checked = check_files(request); !checked) return call.fail(checked.error());
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  FaceJob face;
  face.kind = FaceKind::kRun;
  face.name = request.job_name.empty() ? std::filesystem::path(command[0]).filename().string()
                                       : request.job_name;
  face.command = command[0];
  auto arguments = arguments_of_step(options, command, std::filesystem::current_path().string());
  take_input(call, request, arguments);
  Request for_job = request;
  // The step opens them.
  for_job.output.clear();
  for_job.error.clear();
  for_job.input.clear();
  const auto job = submit_job(call, *connection, for_job, std::move(face),
                              {.script = {}, .environment = {}, .arguments = std::move(arguments)},
                              request.test_only);
  if (!job) return call.fail(job.error());
  return request.test_only ? 0 : follow(call, connection->api, job->job, request.quiet);
}

}  // namespace

int run_srun(const Call& call) {
  const auto given = read_arguments(kSrun, call.arguments);
  if (!given) return call.fail(given.error());
  const std::string hub = read_environment("MILLWRIGHT_SLURM_HUB");
  auto options = read_variables(kSrun, read_environment);
  if (!hub.empty()) {
    std::erase_if(options, is_for_jobs);
    leave_gpus_of_job(options, given->options);
  }
  options.insert(options.end(), given->options.begin(), given->options.end());
  auto request = read_request(kSrun, options, wall_clock());
  if (!request) return call.fail(request.error());
  if (request->help || request->version) return show_help(call, kSrun, request->version);
  if (given->arguments.empty()) return call.fail("no command given to execute");
  const std::string own = read_environment("SLURM_JOB_ID");
  if (!request->job_id.empty() && request->job_id != own) {
    return call.fail("--jobid: steps are started from within their job; this is not job " +
                     request->job_id);
  }
  if (hub.empty()) return run_alone(call, *request, options, given->arguments);
  // What variables say is not worth words at each step.
  const auto asked = read_request(kSrun, given->options, wall_clock());
  if (!asked) return call.fail(asked.error());
  request->noted = asked->noted;
  judge_step_options(given->options, *request);
  return run_step(call, *request, given->arguments, hub);
}

}  // namespace mw::face
