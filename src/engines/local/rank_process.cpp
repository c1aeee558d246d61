#include "engines/local/rank_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <set>

#include "engines/local/supervisor.h"

namespace mw::local {
namespace {

enum class LockState : std::uint8_t { kNone, kHeld, kTaken };

/// Takes the lock when nobody has it: then, and while `lock` lives, no supervisor does.
LockState try_lock(const RankFiles& files, int extra_flags, UniqueFd& lock) {
  lock = UniqueFd(::open(files.lock().c_str(), O_RDWR | O_CLOEXEC | extra_flags, 0600));
  if (!lock.valid()) return LockState::kNone;
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return LockState::kTaken;
  lock.reset();
  return LockState::kHeld;
}

/// Kills what carries the task's own environment; for machines where no control group holds it.
/// Result: false while there was something to kill.
bool kill_marked(const TaskSpec& spec) {
  constexpr std::array<std::string_view, 4> kMarks = {
      "MILLWRIGHT_ENDPOINT_FILE=", "MILLWRIGHT_JOB_ID=", "MILLWRIGHT_ATTEMPT=", "MILLWRIGHT_RANK="};
  std::vector<std::string> marks;
  for (const std::string& variable : spec.environment) {
    const bool marks_task = std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) {
      return variable.compare(0, mark.size(), mark) == 0;
    });
    if (marks_task) marks.push_back('\0' + variable + '\0');
  }
  if (marks.size() != kMarks.size()) return true;
  bool clear = true;
  for (const ProcessRow& row : all_processes()) {
    if (row.state == 'Z') continue;
    const auto text = read_file("/proc/" + std::to_string(row.id.pid) + "/environ");
    if (!text || text->empty()) continue;
    const std::string environment = '\0' + *text;
    const bool ours = std::all_of(marks.begin(), marks.end(), [&](const std::string& mark) {
      return environment.find(mark) != std::string::npos;
    });
    if (!ours) continue;
    clear = false;
    ::kill(row.id.pid, SIGKILL);
  }
  return clear;
}

/// Of posix_spawn's attributes and file actions, which want to be destroyed.
struct SpawnSettings {
  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
  SpawnSettings() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

}  // namespace

RankProcess::RankProcess(std::filesystem::path directory) : files_{std::move(directory)} {}

bool RankProcess::gone() const {
  return !supervisor_.valid() && (phase_ == RankPhase::kAbsent || phase_ == RankPhase::kEnded);
}

void RankProcess::look() {
  if (phase_ == RankPhase::kEnded) return;
  if (phase_ == RankPhase::kClearing) return clear();
  auto status = read_status(files_);
  std::optional<Begun> begun;
  UniqueFd lock;
  if (!status || status->phase != TaskPhase::kExited) {
    const LockState state = try_lock(files_, 0, lock);
    if (state == LockState::kNone) {
      phase_ = RankPhase::kAbsent;
      return;
    }
    // It may have written its end between our two looks, but not after we have its lock.
    if (state == LockState::kTaken) status = read_status(files_);
    begun = decode_begun(read_file(files_.lock()).value_or(""));
    if (state == LockState::kTaken && !status && !begun) {
      // What was written shortly before a loss of power may be lost with it: started in an earlier
      // boot, it may have run.
      const auto started = spec();
      if (!started || started->boot_id == boot_id()) {
        phase_ = RankPhase::kAbsent;
        return;
      }
    }
  }
  if (status && status->started_at_ns != 0) has_run_ = true;
  if (status) begun = Begun{status->supervisor, status->boot_id};
  if (begun && begun->boot_id == boot_id() && !supervisor_.valid()) {
    supervisor_ = watch_process(begun->supervisor);
  }
  if (status && status->phase == TaskPhase::kExited) {
    phase_ = RankPhase::kEnded;
    exit_ = status->exit;
  } else if (lock.valid()) {
    lock_ = std::move(lock);
    vanished(status.value_or(TaskStatus{}));
  } else {
    phase_ = status ? RankPhase::kRunning : RankPhase::kStarting;
  }
}

void RankProcess::vanished(const TaskStatus& status) {
  phase_ = RankPhase::kClearing;
  last_ = status;
  clear();
}

void RankProcess::clear() {
  const auto spec_now = spec();
  if (spec_now) {
    bool tracked = false;
    bool clear = true;
    for (const TaskCgroup& group : spec_now->cgroups) {
      if (!group.tracks) continue;
      tracked = true;
      kill_members(group);
      clear = members(group).empty();
    }
    if (!tracked) clear = kill_marked(*spec_now);
    for (const TaskCgroup& group : spec_now->cgroups) clear = remove(group.directory) && clear;
    if (!clear) return;
  }
  const bool rebooted = spec_now && spec_now->boot_id != boot_id();
  TaskStatus status = *last_;
  status.phase = TaskPhase::kExited;
  status.ended_at_ns = realtime_ns();
  status.exit = {
      .exit_code = 0,
      .signal = SIGKILL,
      .out_of_memory = false,
      .detail = rebooted ? "the machine was restarted while it ran" : "its supervisor was killed"};
  // Kept, so that a control plane that comes after us tells the same. If even that fails, it will
  // find the same as we did, and come to the same end.
  (void)replace_file(files_.status(), encode_status(status), Durability::kPower);
  exit_ = status.exit;
  phase_ = RankPhase::kEnded;
  lock_.reset();
}

Result<void> RankProcess::start(const TaskSpec& spec, const std::string& supervisor_program) {
  auto text = encode_spec(spec);
  if (!text.ok()) return text.error();
  const std::string& directory = files_.directory;
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error(ErrorCode::kUnavailable, "make the folder", directory, errno);
  }
  UniqueFd lock;
  const LockState state = try_lock(files_, O_CREAT, lock);
  if (state == LockState::kNone) {
    return system_error(ErrorCode::kUnavailable, "create", files_.lock(), errno);
  }
  // Somebody else is at it, or was: what came of that is in the files.
  if (state == LockState::kHeld || read_status(files_) ||
      decode_begun(read_file(files_.lock()).value_or(""))) {
    lock.reset();
    look();
    return {};
  }
  if (::ftruncate(lock.get(), 0) != 0) {
    return system_error(ErrorCode::kUnavailable, "empty", files_.lock(), errno);
  }
  const auto written = replace_file(files_.spec(), *text, Durability::kProcess);
  if (!written.ok()) return written.error();
  const auto spawned = spawn(supervisor_program, lock.get());
  if (!spawned.ok()) return spawned.error();
  spawned_ = true;
  phase_ = RankPhase::kStarting;
  return {};
}

Result<void> RankProcess::spawn(const std::string& supervisor_program, int lock_fd) {
  SpawnSettings settings;
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&settings.attributes, &all);
  posix_spawnattr_setsigmask(&settings.attributes, &none);
  posix_spawnattr_setflags(&settings.attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  auto* const actions = &settings.actions;
  // The lock first: opening 0..2 could otherwise take its number.
  posix_spawn_file_actions_adddup2(actions, lock_fd, kSupervisorLockFd);
  posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(actions, 0, 1);
  posix_spawn_file_actions_adddup2(actions, kSupervisorLockFd, 2);
  // Libraries are not always careful to mark theirs: a listening socket kept open for the length
  // of a job would keep the control plane from starting again.
  posix_spawn_file_actions_addclosefrom_np(actions, kSupervisorLockFd + 1);

  std::string program = supervisor_program;
  std::array<char*, 3> arguments = {program.data(), files_.directory.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), actions, &settings.attributes,
                                  arguments.data(), environment.data());
  if (error != 0) {
    return system_error(ErrorCode::kUnavailable, "start the supervisor", supervisor_program, error);
  }
  // It is our child and not reaped yet, so the pid is still its own.
  supervisor_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return {};
}

void RankProcess::stop(Duration grace) {
  const std::string text = std::to_string(std::max<std::int64_t>(grace.count(), 0)) + "\n";
  if (read_file(files_.stop()) != text &&
      !replace_file(files_.stop(), text, Durability::kProcess).ok()) {
    return;  // it is asked again
  }
  // Who is not known yet will be soon, and is told then.
  if (supervisor_.valid()) {
    ::syscall(SYS_pidfd_send_signal, supervisor_.get(), kLookSignal, nullptr, 0);
  }
}

void RankProcess::supervisor_ended() {
  siginfo_t info{};
  // Fails when it is the child of an earlier control plane; then it is not ours to reap.
  ::waitid(P_PIDFD, static_cast<id_t>(supervisor_.get()), &info, WEXITED | WNOHANG);
  supervisor_.reset();
  look();
}

std::optional<TaskSpec> RankProcess::spec() const {
  const auto text = read_file(files_.spec());
  if (!text) return std::nullopt;
  auto spec = decode_spec(*text);
  if (!spec.ok()) return std::nullopt;
  return std::move(spec).value();
}

std::string RankProcess::supervisor_said() const {
  const std::string text = read_file(files_.lock()).value_or("");
  return decode_begun(text) ? text.substr(text.find('\n') + 1) : text;
}

void RankProcess::forget() {
  ::unlink(files_.spec().c_str());
  ::unlink(files_.stop().c_str());
}

}  // namespace mw::local
