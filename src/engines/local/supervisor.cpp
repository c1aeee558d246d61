#include "engines/local/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <set>

#include "engines/local/task_launch.h"
#include "engines/local/task_log.h"
#include "engines/local/task_record.h"

namespace mw::local {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
/// Between two rounds of killing what does not die at once.
constexpr std::int64_t kKillAgainAfter = 20 * kMillisecond;
/// A process that does not die from SIGKILL hangs in the kernel, typically in a network file
/// system. The end is reported then, with these words, so that the job is not stuck for ever.
constexpr std::int64_t kGiveUpAfter = 30'000 * kMillisecond;
constexpr const char* kGaveUp =
    "processes of the task did not die from SIGKILL within 30 s; they hang in the kernel";

std::int64_t add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kNever : sum;
}

/// One of the task's two outputs, on its way to disk.
struct Output {
  UniqueFd in;  ///< the task's end, until it has it
  UniqueFd out;
  TaskLogWriter log;

  Output(const std::string& directory, const char* stream, const TaskSpec& spec)
      : log(directory, stream, std::max<std::uint64_t>(spec.log_segment_bytes, 4096),
            std::max(spec.log_segments, 1U)) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    out = UniqueFd(ends[0]);
    in = UniqueFd(ends[1]);
    ::fcntl(out.get(), F_SETFL, O_NONBLOCK);
  }

  /// Moves what there is, at most `rounds` buffers of it, so that a task that writes without pause
  /// cannot keep us from everything else.
  void pump(int rounds) {
    static std::array<char, 1 << 16> buffer;
    while (out.valid() && rounds-- > 0) {
      const ssize_t got = ::read(out.get(), buffer.data(), buffer.size());
      if (got > 0) {
        log.append({buffer.data(), static_cast<std::size_t>(got)});
      } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        out.reset();
      } else if (errno == EAGAIN) {
        return;
      }
    }
  }
};

class Supervisor {
 public:
  Supervisor(std::string directory, TaskSpec spec)
      : files_{std::move(directory)},
        spec_(std::move(spec)),
        stdout_(files_.directory, "stdout", spec_),
        stderr_(files_.directory, "stderr", spec_) {
    const pid_t self = ::getpid();
    status_.boot_id = boot_id();
    status_.supervisor = read_process(self).value_or(ProcessRow{}).id;
  }

  int run() {
    if (!begin()) return 1;
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    take_signals();
    if (start()) {
      while (!settled()) wait_and_handle();
    }
    finish();
    return publish(Durability::kPower) ? 0 : 1;
  }

 private:
  /// Before anything that could start the task.
  [[nodiscard]] bool begin() const {
    const std::string text = encode_begun({status_.supervisor, status_.boot_id});
    const bool written = ::pwrite(kSupervisorLockFd, text.data(), text.size(), 0) ==
                         static_cast<ssize_t>(text.size());
    // Standard error goes to the same file; it continues behind this.
    ::lseek(kSupervisorLockFd, 0, SEEK_END);
    if (!written) std::fputs("mw-supervisor: cannot write that it begins\n", stderr);
    return written;
  }

  bool publish(Durability durability) {
    const std::string text = encode_status(status_);
    const auto replaced = replace_file(files_.status(), text, durability);
    bool written = replaced.ok();
    if (!written) {
      std::fprintf(stderr, "mw-supervisor: %s\n", replaced.error().message.c_str());
      // A full disk has no room for a new file, but the old one's block is ours already.
      written = overwrite_status(text);
    }
    hint();
    return written;
  }

  [[nodiscard]] bool overwrite_status(const std::string& text) const {
    const UniqueFd fd(::open(files_.status().c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid()) return false;
    const ssize_t written = ::pwrite(fd.get(), text.data(), text.size(), 0);
    return written == static_cast<ssize_t>(text.size()) && ::ftruncate(fd.get(), written) == 0 &&
           ::fsync(fd.get()) == 0;
  }

  /// Tells the control plane, if one listens, that there is something to read.
  void hint() const {
    if (spec_.hint_socket.empty()) return;
    const std::size_t slash = spec_.hint_socket.rfind('/');
    if (slash == std::string::npos) return;
    // A socket's address holds 107 bytes and a home's path may be longer; by descriptor it is
    // short.
    const UniqueFd directory(
        ::open(spec_.hint_socket.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!directory.valid() || !socket.valid()) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory.get(),
                  spec_.hint_socket.c_str() + slash + 1);
    const std::string text = std::to_string(spec_.job.value()) + " " +
                             std::to_string(spec_.attempt.value()) + " " +
                             std::to_string(spec_.rank.value());
    ::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  void take_signals() {
    for (const int ignored : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM}) {
      ::signal(ignored, SIG_IGN);
    }
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, kLookSignal);
    ::sigprocmask(SIG_BLOCK, &taken, nullptr);
    signals_ = UniqueFd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  /// False when there is nothing to wait for: status_.exit says why.
  bool start() {
    if (requested_grace() >= 0) {
      status_.exit = {.exit_code = 0,
                      .signal = SIGTERM,
                      .out_of_memory = false,
                      .detail = "it was stopped before it began"};
      return false;
    }
    for (const TaskCgroup& group : spec_.cgroups) {
      const auto created = create(group);
      if (created.ok()) continue;
      status_.exit = {
          .exit_code = 126, .signal = 0, .out_of_memory = false, .detail = created.error().message};
      return false;
    }
    const LaunchedTask task = launch_task(spec_, stdout_.in.get(), stderr_.in.get());
    stdout_.in.reset();
    stderr_.in.reset();
    if (task.pid == 0) {
      status_.exit = {
          .exit_code = task.exit_code, .signal = 0, .out_of_memory = false, .detail = task.detail};
      return false;
    }
    status_.task = read_process(task.pid).value_or(ProcessRow{}).id;
    status_.task.pid = task.pid;
    status_.phase = TaskPhase::kRunning;
    status_.started_at_ns = realtime_ns();
    publish(Durability::kProcess);
    if (spec_.time_limit.count() > 0) {
      const std::int64_t allowed =
          add(add(spec_.time_limit.count(), spec_.grace.count()), spec_.time_limit_slack.count());
      limit_at_ = add(monotonic_ns(), allowed);
    }
    join_late_groups();
    return true;
  }

  /// Brings the task's processes into the groups that they need not be born in; see joins_late().
  void join_late_groups() {
    const auto tracking = std::find_if(spec_.cgroups.begin(), spec_.cgroups.end(),
                                       [](const TaskCgroup& group) { return group.tracks; });
    for (const TaskCgroup& group : spec_.cgroups) {
      if (!joins_late(spec_, group)) continue;
      // Children of processes not yet moved may appear meanwhile; a round without new ones is the
      // last. The bound is for a task that forks without end: it goes on without its CPU weight.
      std::set<pid_t> moved;
      for (int round = 0; round < 16; ++round) {
        const std::size_t before = moved.size();
        for (const pid_t pid : members(*tracking)) {
          if (moved.insert(pid).second) join(group, pid);
        }
        if (moved.size() == before) break;
      }
    }
  }

  /// In nanoseconds; -1 when no stop is asked for.
  [[nodiscard]] std::int64_t requested_grace() const {
    const std::string text = read_line(files_.stop());
    std::int64_t grace = -1;
    std::from_chars(text.data(), text.data() + text.size(), grace);
    return grace;
  }

  void wait_and_handle() {
    pollfd fds[3] = {{signals_.get(), POLLIN, 0},
                     {stdout_.out.get(), POLLIN, 0},
                     {stderr_.out.get(), POLLIN, 0}};
    const std::int64_t wake = std::min({kill_at_, limit_at_, again_at_});
    int timeout_ms = -1;
    if (wake != kNever) {
      const std::int64_t left = std::max<std::int64_t>(wake - monotonic_ns(), 0);
      timeout_ms = static_cast<int>(std::min<std::int64_t>(left / kMillisecond + 1, 1'000'000));
    }
    ::poll(fds, 3, timeout_ms);
    if (fds[0].revents != 0) handle_signals();
    stdout_.pump(4);
    stderr_.pump(4);
    handle_time();
  }

  void handle_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      // Only the machine's shutdown sends us SIGTERM.
      if (info.ssi_signo == SIGTERM) stop(spec_.grace.count());
    }
    reap();
    const std::int64_t grace = requested_grace();
    if (grace >= 0) stop(grace);
  }

  void handle_time() {
    const std::int64_t now = monotonic_ns();
    if (now >= limit_at_) {
      limit_at_ = kNever;
      ran_too_long_ = !main_ended_ && kill_at_ == kNever;
      stop(spec_.grace.count());
    }
    if (now >= kill_at_) begin_killing(now);
    if (now >= again_at_) kill_everything(now);
  }

  void begin_killing(std::int64_t now) {
    kill_at_ = kNever;
    if (killing_) return;
    killing_ = true;
    give_up_at_ = now + kGiveUpAfter;
    again_at_ = now;
  }

  void stop(std::int64_t grace) {
    if (main_ended_ || killing_) return;
    const bool first = kill_at_ == kNever;
    kill_at_ = std::min(kill_at_, add(monotonic_ns(), grace));
    if (!first) return;
    // Not yet reaped, so the group is still the task's. A stopped one is woken to hear of it.
    ::killpg(status_.task.pid, SIGTERM);
    ::killpg(status_.task.pid, SIGCONT);
  }

  void reap() {
    while (true) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid < 0 && errno == EINTR) continue;
      no_children_ = pid < 0 && errno == ECHILD;
      if (pid <= 0) return;
      if (pid != status_.task.pid || main_ended_) continue;
      main_ended_ = true;
      status_.ended_at_ns = realtime_ns();
      if (WIFSIGNALED(status)) {
        status_.exit.signal = WTERMSIG(status);
      } else {
        status_.exit.exit_code = WEXITSTATUS(status);
      }
    }
  }

  /// Every process of the task: those in its group, and, whatever they did to hide, all our
  /// descendants; we are their subreaper.
  void kill_everything(std::int64_t now) {
    again_at_ = now + kKillAgainAfter;
    for (const TaskCgroup& group : spec_.cgroups) {
      if (group.tracks) kill_members(group);
    }
    std::set<pid_t> family = {::getpid()};
    const std::vector<ProcessRow> rows = all_processes();
    for (bool grown = true; grown;) {
      grown = false;
      for (const ProcessRow& row : rows) {
        if (family.contains(row.parent)) grown = family.insert(row.id.pid).second || grown;
      }
    }
    family.erase(::getpid());
    for (const pid_t pid : family) ::kill(pid, SIGKILL);
  }

  [[nodiscard]] bool nothing_left() const {
    if (!no_children_) return false;
    return std::all_of(spec_.cgroups.begin(), spec_.cgroups.end(), [](const TaskCgroup& group) {
      return !group.tracks || members(group).empty();
    });
  }

  /// True once the task has ended and everything that it left behind is dead.
  bool settled() {
    if (main_ended_) {
      reap();
      if (nothing_left()) return true;
      begin_killing(monotonic_ns());
    }
    gave_up_ = monotonic_ns() >= give_up_at_;
    return gave_up_;
  }

  /// Our folder was deleted under us, and with it, as far as we can know, its home.
  [[nodiscard]] bool home_is_gone() const {
    struct stat info {};
    return ::stat(files_.directory.c_str(), &info) == 0 && info.st_nlink == 0;
  }

  void finish() {
    stdout_.pump(std::numeric_limits<int>::max());
    stderr_.pump(std::numeric_limits<int>::max());
    for (const TaskCgroup& group : spec_.cgroups) {
      if (group.memory && out_of_memory_kills(group) > 0 && !status_.exit.ok()) {
        status_.exit.out_of_memory = true;
      }
      // The kernel needs a moment to let the last process go.
      for (int tries = 0; tries < 20 && !remove(group.directory); ++tries) {
        ::poll(nullptr, 0, 5);
      }
      // No engine is left to do it; it stays while another task is in it.
      if (home_is_gone()) remove(group.directory.substr(0, group.directory.rfind('/')));
    }
    if (gave_up_) status_.exit.detail = kGaveUp;
    if (ran_too_long_ && status_.exit.detail.empty()) {
      status_.exit.detail = "its supervisor ended it: it ran past its time limit of " +
                            std::to_string(spec_.time_limit.count() / 1'000'000'000) +
                            " s, and no control plane had stopped it";
    }
    status_.phase = TaskPhase::kExited;
    if (status_.ended_at_ns == 0) status_.ended_at_ns = realtime_ns();
    status_.log_bytes_lost = stdout_.log.bytes_lost() + stderr_.log.bytes_lost();
  }

  RankFiles files_;
  TaskSpec spec_;
  TaskStatus status_;
  Output stdout_;
  Output stderr_;
  UniqueFd signals_;
  // In monotonic nanoseconds.
  std::int64_t kill_at_ = kNever;   ///< a stop's grace is over
  std::int64_t limit_at_ = kNever;  ///< the time limit's backstop
  std::int64_t again_at_ = kNever;  ///< next round of killing
  std::int64_t give_up_at_ = kNever;
  bool main_ended_ = false;
  bool killing_ = false;
  bool no_children_ = false;
  bool ran_too_long_ = false;
  bool gave_up_ = false;
};

/// True when the file at `path` is the one that we were handed the lock of.
bool is_our_lock(const std::string& path) {
  struct stat ours {};
  struct stat theirs {};
  return ::fstat(kSupervisorLockFd, &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

}  // namespace

int supervise(const std::string& directory) {
  // Shared with the control plane that started us, and so already ours; held until we exit.
  if (::flock(kSupervisorLockFd, LOCK_EX | LOCK_NB) != 0) {
    std::fprintf(stderr, "mw-supervisor: the lock of %s is not ours: %s\n", directory.c_str(),
                 errno == EBADF ? "none was handed over" : "another supervisor has it");
    return 2;
  }
  ::fcntl(kSupervisorLockFd, F_SETFD, FD_CLOEXEC);
  // Held by descriptor from here on, so that all we write goes to the folder that we were started
  // in: a home may be deleted under us, and another one made at its path whose jobs have the same
  // numbers.
  const UniqueFd folder(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::string bound = "/proc/self/fd/" + std::to_string(folder.get());
  if (!folder.valid() || !is_our_lock(RankFiles{bound}.lock())) {
    std::fprintf(stderr, "mw-supervisor: %s is not the folder that we were started for\n",
                 directory.c_str());
    return 2;
  }
  const auto text = read_file(RankFiles{bound}.spec());
  if (!text) {
    std::fprintf(stderr, "mw-supervisor: cannot read %s/spec\n", directory.c_str());
    return 2;
  }
  auto spec = decode_spec(*text);
  if (!spec.ok()) {
    std::fprintf(stderr, "mw-supervisor: %s/spec: %s\n", directory.c_str(),
                 spec.error().message.c_str());
    return 2;
  }
  return Supervisor(bound, std::move(spec).value()).run();
}

}  // namespace mw::local
