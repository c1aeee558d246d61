#include "engines/local/containment.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <functional>
#include <sstream>

#include "engines/local/cgroup_mounts.h"
#include "engines/local/posix.h"

namespace mw::local {
namespace {

/// Names a home for ever: also when it is deleted and another is made at the same path, whose jobs
/// have the same numbers while processes of the old one still run. Kept in a file of the home.
std::string identity_of(const std::string& home) {
  const std::string path = home + "/engine.id";
  std::array<unsigned char, 8> bytes{};
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.valid() && ::getrandom(bytes.data(), bytes.size(), 0) == ssize_t{bytes.size()}) {
    std::string text;
    for (const unsigned char byte : bytes) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(byte));
      text += digits;
    }
    [[maybe_unused]] const ssize_t written = ::write(fd.get(), text.data(), text.size());
  }
  const std::string text = read_line(path);
  const bool sound = text.size() == 2 * bytes.size() &&
                     text.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (sound) return text;
  // No place to write: the path and inode are the best there is.
  struct stat info {};
  ::stat(home.c_str(), &info);
  char digits[32];
  std::snprintf(digits, sizeof digits, "%016zx",
                std::hash<std::string>()(home + "\n" + std::to_string(info.st_ino)));
  return digits;
}

bool writable(const std::string& directory) {
  return ::access(directory.c_str(), W_OK) == 0 &&
         ::access((directory + "/cgroup.procs").c_str(), W_OK) == 0;
}

bool has_word(const std::string& text, std::string_view word) {
  std::istringstream words(text);
  std::string each;
  while (words >> each) {
    if (each == word) return true;
  }
  return false;
}

/// Lets the groups below `directory` be limited by `controllers`.  Result: 0, or the last errno.
int enable(const std::string& directory, const std::vector<std::string>& controllers) {
  const std::string file = directory + "/cgroup.subtree_control";
  const std::string enabled = read_line(file);
  int result = 0;
  for (const std::string& controller : controllers) {
    if (has_word(enabled, controller)) continue;
    const int error = poke_file(file, "+" + controller);
    if (error != 0) result = error;
  }
  return result;
}

/// The name of a task's group: "JOB.ATTEMPT.RANK".
bool parse_task_name(std::string_view name, JobId& job, AttemptNumber& attempt) {
  JobId::rep job_number = 0;
  AttemptNumber::rep attempt_number = 0;
  const char* const end = name.data() + name.size();
  const auto first = std::from_chars(name.data(), end, job_number);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return false;
  const auto second = std::from_chars(first.ptr + 1, end, attempt_number);
  if (second.ec != std::errc() || second.ptr == end || *second.ptr != '.') return false;
  job = JobId(job_number);
  attempt = AttemptNumber(attempt_number);
  return true;
}

}  // namespace

Containment::Containment(ContainmentChoice choice, const std::string& home, const std::string& root)
    : name_("mw-" + identity_of(home)) {
  if (choice == ContainmentChoice::kProcessGroup) return;
  const auto hierarchies = cgroup_hierarchies(root);
  const auto place_in = [&](const CgroupHierarchy& hierarchy) {
    return Place{hierarchy.own + "/" + name_, hierarchy.unified};
  };
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    if (!writable(hierarchy.own)) continue;
    if (hierarchy.unified) track_ = place_in(hierarchy);
    if (hierarchy.has("memory")) memory_ = place_in(hierarchy);
    if (hierarchy.has("cpu")) cpu_ = place_in(hierarchy);
  }
  if (!track_.empty()) return;
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    const bool suits = hierarchy.has("pids") || hierarchy.has("freezer");
    if (track_.empty() && suits && writable(hierarchy.own)) track_ = place_in(hierarchy);
  }
  if (track_.empty()) track_ = !memory_.empty() ? memory_ : cpu_;
}

void Containment::prepare() {
  // The one for memory waits for the first task with a limit: most machines never see one.
  for (Place* place : {&track_, &cpu_}) {
    if (place->empty()) continue;
    if (::mkdir(place->directory.c_str(), 0755) != 0 && errno != EEXIST) *place = Place{};
  }
  if (track_.unified) prepare_unified();
  // Tasks together weigh as much as all CPUs do; among each other each weighs what it asked for.
  const long cpus = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  if (cpu_.unified) {
    poke_file(cpu_.directory + "/cpu.weight", std::to_string(std::min(10'000L, 100 * cpus)));
  } else if (!cpu_.empty()) {
    poke_file(cpu_.directory + "/cpu.shares", std::to_string(std::min(262'144L, 1024 * cpus)));
  }
}

/// Version 2 limits groups only below a group that has no processes of its own. When we are alone
/// in ours (a service or scope of its own), we step down into a leaf to make that so.
void Containment::prepare_unified() {
  const std::string own = track_.directory.substr(0, track_.directory.rfind('/'));
  const std::string offered = read_line(own + "/cgroup.controllers");
  std::vector<std::string> wanted;
  if (memory_.empty() && has_word(offered, "memory")) wanted.emplace_back("memory");
  if (cpu_.empty() && has_word(offered, "cpu")) wanted.emplace_back("cpu");
  if (wanted.empty()) return;
  int error = enable(own, wanted);
  if (error == EBUSY) {
    const TaskCgroup self{
        .directory = own, .unified = true, .tracks = false, .memory = false, .settings = {}};
    const std::string procs = read_file(own + "/cgroup.procs").value_or("");
    if (procs == std::to_string(::getpid()) + "\n") {
      TaskCgroup leaf = self;
      leaf.directory = own + "/" + name_ + ".control";
      if (create(leaf).ok() && join(leaf, 0) == 0) error = enable(own, wanted);
    }
  }
  enable(track_.directory, wanted);
  const std::string given = read_line(track_.directory + "/cgroup.subtree_control");
  if (has_word(given, "memory") && memory_.empty()) memory_ = track_;
  if (has_word(given, "cpu") && cpu_.empty()) cpu_ = track_;
  if (memory_.empty()) {
    limits_refused_ = error == EBUSY
                          ? "other processes share our group; start the control plane with "
                            "`systemd-run --user --scope -p Delegate=yes`"
                          : std::string(std::strerror(error));
  }
}

std::vector<Containment::Place> Containment::places() const {
  std::vector<Place> result;
  for (const Place& place : {track_, memory_, cpu_}) {
    const bool known = std::any_of(result.begin(), result.end(), [&](const Place& other) {
      return other.directory == place.directory;
    });
    if (!place.empty() && !known) result.push_back(place);
  }
  return result;
}

void Containment::release() const {
  for (const Place& place : places()) ::rmdir(place.directory.c_str());
}

std::vector<TaskCgroup> Containment::for_task(JobId job, AttemptNumber attempt, Rank rank,
                                              const TaskShape& shape) const {
  const std::string leaf = "/" + std::to_string(job.value()) + "." +
                           std::to_string(attempt.value()) + "." + std::to_string(rank.value());
  std::vector<TaskCgroup> groups;
  for (const Place& place : places()) {
    TaskCgroup group{.directory = place.directory + leaf,
                     .unified = place.unified,
                     .tracks = place.directory == track_.directory,
                     .memory = place.directory == memory_.directory && shape.memory.count() > 0,
                     .settings = {}};
    if (group.memory) {
      const std::string bytes = std::to_string(shape.memory.count());
      if (place.unified) {
        group.settings = {{"memory.max", bytes, false},
                          {"memory.swap.max", "0", true},
                          {"memory.oom.group", "1", true}};
      } else {
        group.settings = {{"memory.limit_in_bytes", bytes, false},
                          {"memory.memsw.limit_in_bytes", bytes, true}};
      }
    }
    const bool weighs = place.directory == cpu_.directory && shape.cpus.count() > 0;
    if (weighs && place.unified) {
      const auto weight = std::clamp<std::int64_t>(shape.cpus.count() / 10, 1, 10'000);
      group.settings.push_back({"cpu.weight", std::to_string(weight), false});
    } else if (weighs) {
      const auto shares = std::clamp<std::int64_t>(shape.cpus.count() * 1024 / 1000, 2, 262'144);
      group.settings.push_back({"cpu.shares", std::to_string(shares), false});
    }
    if (group.tracks || group.memory || weighs) groups.push_back(std::move(group));
  }
  return groups;
}

std::string Containment::describe() const {
  const auto version = [](const Place& place) {
    return std::string(place.unified ? "cgroup v2 at " : "cgroup v1 at ") + place.directory;
  };
  std::string text = track_.empty() ? "process group and subreaper" : version(track_);
  text += memory_.empty() ? "; memory not limited" : "; memory limited";
  if (memory_.empty() && !limits_refused_.empty()) text += " (" + limits_refused_ + ")";
  if (!memory_.empty() && memory_.directory != track_.directory) text += " by " + version(memory_);
  text += cpu_.empty() ? "; CPUs not weighted" : "; CPUs weighted";
  if (!cpu_.empty() && cpu_.directory != track_.directory) text += " by " + version(cpu_);
  return text;
}

void Containment::remove_stale(const std::function<bool(JobId, AttemptNumber)>& wanted) const {
  for (const Place& place : places()) {
    for (const DirectoryEntry& entry : list_directory(place.directory)) {
      JobId job;
      AttemptNumber attempt;
      if (!entry.is_directory || !parse_task_name(entry.name, job, attempt)) continue;
      if (wanted(job, attempt)) continue;
      const std::string path = place.directory + "/" + entry.name;
      kill_members({.directory = path,
                    .unified = place.unified,
                    .tracks = true,
                    .memory = false,
                    .settings = {}});
      // Still dying processes keep it for a moment; the next start takes it away then.
      remove(path);
    }
  }
}

}  // namespace mw::local
