#include "engines/hooks/hook_process.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "engines/local/rank_process.h"
#include "engines/local/task_log.h"
#include "engines/local/task_record.h"

namespace mw::hooks {
namespace {

using local::RankFiles;
using local::RankPhase;
using local::RankProcess;
using local::TaskSpec;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kOutputKept = 65'536;
constexpr std::size_t kDetailMax = 300;
/// How soon to look again at what tells nobody that it has changed.
constexpr int kLookAgainMs = 20;
/// After its end, until it is gone from the process table.
constexpr int kReapMs = 5'000;
/// Past time limit and grace, before the supervisor ends it where no control plane does.
constexpr Duration kSlack = seconds(10);

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

/// The end of one of its outputs.
std::string read_output(const std::filesystem::path& directory, std::string_view stream) {
  std::string text;
  std::uint64_t offset = 0;
  for (;;) {
    const local::TaskLogPart part =
        local::read_task_log(directory.string(), stream, offset, kOutputKept);
    if (part.data.empty()) return text;
    text += part.data;
    if (text.size() > kOutputKept) text.erase(0, text.size() - kOutputKept);
    offset = part.offset + part.data.size();
  }
}

HookResult failed_to_run(std::string why) {
  HookResult result;
  result.detail = std::move(why);
  return result;
}

std::string how(const TaskExit& exit) {
  if (!exit.detail.empty()) return exit.detail;
  if (exit.signal != 0) return "it was killed by signal " + std::to_string(exit.signal);
  return "it exited with code " + std::to_string(exit.exit_code);
}

TaskSpec spec_of(const HookCommand& command, const HookPlace& place) {
  TaskSpec spec;
  spec.job = JobId(place.remedy.value());
  spec.attempt = AttemptNumber(place.part);
  spec.epoch = place.remedy;
  spec.boot_id = local::boot_id();
  spec.workdir = "/";
  spec.command = command.arguments;
  for (const auto& [name, value] : command.environment) {
    spec.environment.push_back(name + "=" + value);
  }
  spec.grace = command.grace;
  spec.time_limit = command.timeout;
  spec.time_limit_slack = kSlack;
  spec.log_segment_bytes = kOutputKept;
  spec.log_segments = 2;
  return spec;
}

/// What is told to a program by us, and not what we were started with ourselves.
std::vector<std::string> facts_of(const TaskSpec& spec) {
  std::vector<std::string> facts;
  for (const std::string& variable : spec.environment) {
    if (variable.starts_with("MILLWRIGHT_")) facts.push_back(variable);
  }
  return facts;
}

/// The run in the folder is this one, and not one of the same number under another journal.
bool is_same(const TaskSpec& there, const TaskSpec& wanted) {
  return there.job == wanted.job && there.attempt == wanted.attempt &&
         there.command == wanted.command && facts_of(there) == facts_of(wanted);
}

/// Until its supervisor says something, a flag is set, or it is time.  `stop`: to be waited for.
void wait_for_news(const RankProcess& process, const HookFlags& flags, bool stop, int timeout_ms) {
  const bool settled = process.phase() == RankPhase::kRunning && process.supervisor_fd() >= 0;
  if (!settled) timeout_ms = std::min(timeout_ms, kLookAgainMs);
  std::array<pollfd, 3> waits{pollfd{process.supervisor_fd(), POLLIN, 0},
                              pollfd{flags.leave.descriptor(), POLLIN, 0},
                              pollfd{stop ? flags.stop.descriptor() : -1, POLLIN, 0}};
  poll(waits.data(), waits.size(), timeout_ms);
}

bool has_ended(const RankProcess& process) {
  pollfd waits{process.supervisor_fd(), POLLIN, 0};
  return process.supervisor_fd() >= 0 && poll(&waits, 1, 0) > 0;
}

/// Its end is on disk: its supervisor goes, and is not left in the process table.
void reap(RankProcess& process) {
  pollfd waits{process.supervisor_fd(), POLLIN, 0};
  if (process.supervisor_fd() >= 0 && poll(&waits, 1, kReapMs) > 0) process.supervisor_ended();
}

/// When its time is over, counted from its start, whoever started it.
Clock::time_point deadline_of(const std::filesystem::path& directory, Duration timeout) {
  const auto status = local::read_status(RankFiles{directory.string()});
  const std::int64_t begun = status ? status->started_at_ns : 0;
  if (begun == 0) return Clock::time_point::max();
  const std::int64_t since = std::max<std::int64_t>(local::realtime_ns() - begun, 0);
  return Clock::now() + std::chrono::nanoseconds(timeout.count() - since);
}

enum class Outcome : std::uint8_t { kEnded, kTimeout, kStopped, kLeft };

Outcome watch(RankProcess& process, const HookCommand& command, const HookPlace& place,
              const HookFlags& flags) {
  Outcome outcome = Outcome::kEnded;
  auto deadline = Clock::time_point::max();
  while (process.phase() != RankPhase::kEnded && !process.start_failed()) {
    if (flags.leave.is_set()) return Outcome::kLeft;
    if (process.phase() == RankPhase::kRunning && deadline == Clock::time_point::max()) {
      deadline = deadline_of(place.directory, command.timeout);
    }
    if (outcome == Outcome::kEnded) {
      if (flags.stop.is_set()) outcome = Outcome::kStopped;
      if (Clock::now() >= deadline) outcome = Outcome::kTimeout;
    }
    if (outcome != Outcome::kEnded) process.stop(command.grace);
    const bool waits = outcome == Outcome::kEnded;
    const int timeout_ms = waits && deadline != Clock::time_point::max()
                               ? milliseconds_left(deadline)
                               : (waits ? kReapMs : kLookAgainMs);
    wait_for_news(process, flags, waits, timeout_ms);
    if (has_ended(process)) {
      process.supervisor_ended();
    } else {
      process.look();
    }
  }
  return outcome;
}

HookResult result_of(const RankProcess& process, const HookPlace& place, Outcome outcome) {
  const auto status = local::read_status(RankFiles{place.directory.string()});
  const TaskExit& exit = process.exit();
  if (!status || status->started_at_ns == 0) return failed_to_run(how(exit));
  const std::string error = read_output(place.directory, "stderr");
  const std::string output = read_output(place.directory, "stdout");
  HookResult result{false, "", "", std::nullopt, true};
  const bool by_itself = outcome == Outcome::kEnded && exit.signal == 0 && exit.detail.empty();
  if (by_itself) result.exit_code = exit.exit_code;
  result.ok = result.exit_code == 0;
  // Of what fails the last word is what it complains of.
  result.output = result.ok || error.empty() ? error + output : output + error;
  const std::string said = last_line(result.output);
  const std::string after = said.empty() ? "" : ": " + said;
  if (outcome == Outcome::kStopped) {
    result.detail = "it was stopped" + after;
  } else if (outcome == Outcome::kTimeout) {
    result.detail = "it took longer than it may" + after;
  } else {
    result.detail = result.ok ? said : how(exit) + after;
  }
  return result;
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

std::optional<HookResult> run_hook(const HookCommand& command, const HookPlace& place,
                                   const HookFlags& flags) {
  const TaskSpec spec = spec_of(command, place);
  RankProcess process(place.directory);
  const auto there = process.spec();
  if (there && !is_same(*there, spec)) end_hook(place.directory);
  process.look();
  if (process.phase() == RankPhase::kAbsent) {
    std::error_code error;
    std::filesystem::create_directories(place.directory.parent_path(), error);
    const auto started = process.start(spec, place.supervisor.string());
    if (!started.ok()) return failed_to_run(started.error().message);
  }
  const Outcome outcome = watch(process, command, place, flags);
  if (outcome == Outcome::kLeft) return std::nullopt;
  if (process.start_failed()) {
    return failed_to_run("its supervisor ended before it began: " + process.supervisor_said());
  }
  reap(process);
  return result_of(process, place, outcome);
}

void end_hook(const std::filesystem::path& directory) {
  RankProcess process(directory);
  for (process.look(); !process.gone(); process.look()) {
    if (process.phase() == RankPhase::kStarting || process.phase() == RankPhase::kRunning) {
      process.stop(Duration());
    }
    pollfd waits{process.supervisor_fd(), POLLIN, 0};
    if (poll(&waits, 1, kLookAgainMs) > 0 && waits.revents != 0) process.supervisor_ended();
  }
  std::error_code error;
  std::filesystem::remove_all(directory, error);
}

}  // namespace mw::hooks
