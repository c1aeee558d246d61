// The files through which the engine and a supervisor speak: `spec`, what is to be run; `lock`, who
// runs it; `status.json`, how it is going; `stop`, that it shall end. Both sides use them through
// this. There are few and they are replaced seldom, because to make a file costs more than all else
// that a start needs.
//
// The spec is a list of NUL-ended "key=value" records and not JSON: the supervisor is the one that
// reads it, environment values may hold any byte but NUL, and a reader of 40 lines without a
// library keeps the supervisor's start near a millisecond. `tr '\0' '\n' < spec` shows it.
// The status is JSON, because people and programs look at it, and only the engine parses it.
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "engines/local/cgroup.h"
#include "engines/local/posix.h"
#include "model/job.h"

namespace mw::local {

/// The files of one rank, in HOME/run/JOB/ATTEMPT/RANK/.
struct RankFiles {
  std::string directory;
  [[nodiscard]] std::string spec() const { return directory + "/spec"; }
  /// Flocked for the supervisor's whole life: free means that no supervisor lives. Holds its Begun,
  /// and after that what it had to say on standard error, normally nothing.
  [[nodiscard]] std::string lock() const { return directory + "/lock"; }
  /// There from the moment at which the program was executed, or could not be.
  [[nodiscard]] std::string status() const { return directory + "/status.json"; }
  /// Holds the grace in nanoseconds once the task is to stop.
  [[nodiscard]] std::string stop() const { return directory + "/stop"; }
};

/// Tells a supervisor to look at the stop file. Sent through a process descriptor, so that it
/// cannot reach a stranger that was given the supervisor's pid; and ignored by default, so that it
/// does no harm to one that does not wait for it yet: that one looks once it does.
inline constexpr int kLookSignal = SIGURG;

/// What a supervisor is told. Holds the attempt's token in its environment: mode 0600, and
/// removed when the attempt is forgotten.
struct TaskSpec {
  JobId job;
  AttemptNumber attempt;
  Epoch epoch;
  Rank rank;
  std::uint32_t tasks = 1;  ///< of the whole gang
  std::string boot_id;      ///< of the boot in which it was started
  std::string workdir;
  std::vector<std::string> command;
  std::vector<std::string> environment;  ///< "NAME=value", all of it
  Duration grace;                        ///< when the supervisor stops the task by itself
  Duration time_limit;                   ///< 0: none
  Duration time_limit_slack;             ///< past limit and grace, before the supervisor acts
  std::uint64_t log_segment_bytes = 0;
  std::uint32_t log_segments = 0;
  std::uint16_t master_port = 0;  ///< as in the environment; for ranks that start later
  std::string hint_socket;        ///< told of each new status; may be gone
  std::vector<TaskCgroup> cgroups;
  bool operator==(const TaskSpec&) const = default;
};

/// Errors: kInvalid when a value holds a NUL byte, which no argument or variable of a process can.
Result<std::string> encode_spec(const TaskSpec& spec);
/// Errors: kInvalid, naming the record that makes no sense.
Result<TaskSpec> decode_spec(std::string_view text);

/// What the supervisor writes before the first thing that could start the task: who finds it knows
/// that the task may have run.
struct Begun {
  ProcessId supervisor;
  std::string boot_id;
  bool operator==(const Begun&) const = default;
};
/// One line.
std::string encode_begun(const Begun& begun);
/// Nothing when `text` does not begin with such a line.
std::optional<Begun> decode_begun(std::string_view text);

enum class TaskPhase : std::uint8_t {
  kRunning,
  kExited,  ///< it ended, or could not be started, and nothing of it is left
};

struct TaskStatus {
  TaskPhase phase = TaskPhase::kRunning;
  std::string boot_id;
  ProcessId supervisor;
  ProcessId task;
  std::int64_t started_at_ns = 0;  ///< since the Unix epoch; 0: it never ran
  std::int64_t ended_at_ns = 0;
  TaskExit exit;                     ///< meaningful when exited
  std::uint64_t log_bytes_lost = 0;  ///< could not be written: the disk was full
  bool operator==(const TaskStatus&) const = default;
};

std::string encode_status(const TaskStatus& status);
/// Errors: kInvalid.
Result<TaskStatus> decode_status(std::string_view text);

/// The rank's status; nothing when there is no such file. A file that cannot be understood reads as
/// "running": it may have run, so it must never be taken for one that has not.
std::optional<TaskStatus> read_status(const RankFiles& files);

}  // namespace mw::local

template <>
struct mw::EnumNames<mw::local::TaskPhase> {
  static constexpr std::array<std::string_view, 2> value = {"running", "exited"};
};
