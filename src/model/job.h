// What is asked for: a gang of tasks that starts together or not at all, how it is run, and how
// it may be started again. An array is many like jobs in one record.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/quantity.h"
#include "base/time.h"
#include "model/fleet_spec.h"
#include "model/placement.h"

namespace mw {

/// What one task of a gang needs.
struct TaskShape {
  AcceleratorShare accelerators = kWholeAccelerator;  ///< whole devices, or less than one
  CpuShare cpus = kWholeCpu;
  Bytes memory;                  ///< 0: no limit and no reservation
  std::string accelerator_type;  ///< empty: any

  auto operator<=>(const TaskShape&) const = default;
  MW_FIELDS(accelerators, cpus, memory, accelerator_type)
};

/// A type of accelerator that will do, and how fast the job runs on it.
struct TypeChoice {
  std::string type;
  std::uint32_t rate = 1000;  ///< thousandths of the job's own measure; larger is faster

  auto operator<=>(const TypeChoice&) const = default;
  MW_FIELDS(type, rate)
};

/// The gang's shape: `tasks` equal tasks, on exactly `nodes` nodes when that is given. A gang runs
/// on accelerators of one type.
struct GangShape {
  std::uint32_t tasks = 1;
  /// Elastic: it also starts with fewer, but not with fewer than this. 0: with all or not at all.
  std::uint32_t tasks_min = 0;
  std::uint32_t nodes = 0;  ///< 0: as few as possible. Otherwise divides `tasks`, equal shares.
  TaskShape task;
  /// Types that will do, instead of task.accelerator_type; the fastest that fits is taken.
  std::vector<TypeChoice> types{};
  /// Tasks in groups of so many, each inside one scale-up domain; divides `tasks`. 0: no matter.
  std::uint32_t segment = 0;
  FabricLevel require = FabricLevel::kSite;  ///< all of it inside one vertex of this level
  FabricLevel prefer = FabricLevel::kNode;   ///< near enough: nothing is gained by being nearer
  /// No more than `spread_tasks` tasks at one vertex of this level. 0: no matter.
  FabricLevel spread = FabricLevel::kNode;
  std::uint32_t spread_tasks = 0;
  bool exclusive = false;  ///< nothing else on its nodes

  auto operator<=>(const GangShape&) const = default;
  MW_FIELDS(tasks, tasks_min, nodes, task, types, segment, require, prefer, spread, spread_tasks,
            exclusive)
};

/// Which sites a job may run at; empty lists: any.
struct Whereabouts {
  std::vector<std::string> sites;
  std::vector<std::string> jurisdictions;  ///< "US" allows "US-TX"

  auto operator<=>(const Whereabouts&) const = default;
  MW_FIELDS(sites, jurisdictions)
};

enum class DependencyKind : std::uint8_t {
  kAfterOk,   ///< it has succeeded
  kAfterAny,  ///< it has ended, however
};
template <>
struct EnumNames<DependencyKind> {
  static constexpr std::array<std::string_view, 2> value = {"afterok", "afterany"};
};

/// What has to have happened before a job may start.
struct Dependency {
  DependencyKind kind = DependencyKind::kAfterOk;
  JobId job;  ///< of an array's first element: all of the array
  bool operator==(const Dependency&) const = default;
  MW_FIELDS(kind, job)
};

struct EnvironmentVariable {
  std::string name;
  std::string value;
  bool operator==(const EnvironmentVariable&) const = default;
  MW_FIELDS(name, value)
};

/// After a failed attempt the job starts again, up to `limit` times, waiting `delay` before the
/// first restart and twice as long before each next one, up to `delay_max`.
struct RestartPolicy {
  std::uint32_t limit = 3;
  Duration delay = seconds(1);
  Duration delay_max = minutes(5);
  /// Ranks whose node is lost are replaced while the others go on; none: all start again.
  std::optional<bool> in_place{};
  bool operator==(const RestartPolicy&) const = default;
  MW_FIELDS(limit, delay, delay_max, in_place)
};

/// A validated request. Everything a job file can say, with defaults filled in.
struct JobSpec {
  std::string name;
  std::string tenant = "default";
  std::string user;                              ///< who submitted it, as the server knows them
  std::vector<std::string> command;              ///< argv; never passed through a shell by us
  std::string workdir;                           ///< absolute
  std::vector<EnvironmentVariable> environment;  ///< added to each task's, sorted by name
  GangShape gang;
  /// Further groups of a hierarchical gang, each with a shape of its own: all groups start
  /// together or none does. Ranks count on from one group to the next.
  std::vector<GangShape> groups;
  Whereabouts where;
  RestartPolicy restart;
  Duration time_limit;           ///< of one attempt; 0: none
  Duration grace = seconds(10);  ///< between asking a task to stop and killing it
  std::string priority_class;    ///< of the policy; empty: its default
  std::int32_t priority = 0;     ///< within the class; larger goes first
  Instant not_before;            ///< earliest start; 0: at once
  Instant deadline;              ///< given up when it could not have ended by then; 0: none
  std::vector<Dependency> after;
  std::uint32_t array = 1;  ///< how many like jobs; 1: a single job
  bool hold = false;        ///< wait for a release before being considered
  /// Runs only on nodes that are set aside under this name, and in that time.
  std::optional<std::string> reservation{};

  bool operator==(const JobSpec&) const = default;
  MW_FIELDS(name, tenant, user, command, workdir, environment, gang, groups, where, restart,
            time_limit, grace, priority_class, priority, not_before, deadline, after, array, hold,
            reservation)
};

enum class JobState : std::uint8_t {
  kPending,
  kStarting,
  kRunning,
  kStopping,
  kSucceeded,
  kFailed,
  kCancelled,
  kTimedOut,
};
template <>
struct EnumNames<JobState> {
  static constexpr std::array<std::string_view, 8> value = {"pending",   "starting",  "running",
                                                            "stopping",  "succeeded", "failed",
                                                            "cancelled", "timed_out"};
};
constexpr bool is_final(JobState state) { return state >= JobState::kSucceeded; }

/// How one task came to its end.
struct TaskExit {
  std::int32_t exit_code = 0;  ///< meaningful when signal == 0
  std::int32_t signal = 0;     ///< the signal that ended it; 0: it exited by itself
  bool out_of_memory = false;  ///< the kernel killed it for memory
  std::string detail;          ///< when it never ran or its end was not seen: what is known
  [[nodiscard]] bool ok() const {
    return exit_code == 0 && signal == 0 && !out_of_memory && detail.empty();
  }
  bool operator==(const TaskExit&) const = default;
  MW_FIELDS(exit_code, signal, out_of_memory, detail)
};

/// Why an attempt was brought to its end, or ended by itself.
enum class EndCause : std::uint8_t {
  kCompleted,    ///< every task exited with 0
  kTaskFailed,   ///< a task exited otherwise
  kStartFailed,  ///< the engine could not start it
  kEngineLost,   ///< the engine no longer has it, and saw no exit
  kNodeLost,     ///< a node under it was lost
  kCancelled,    ///< someone asked
  kRequeued,     ///< someone asked for it to start again
  kTimeLimit,    ///< it ran longer than it may
  kPreempted,    ///< for another job, as the policy allows
  kResized,      ///< elastic: to start again with more, or with fewer
  kMoved,        ///< to start again elsewhere, so that another job has room
  kDrained,      ///< to start again elsewhere, for its node is taken out of service
  kFaulty,       ///< to start again, for a fault below it
  kJobFault,     ///< to start again, for a fault of its own: it hangs, its loss is no number
};
template <>
struct EnumNames<EndCause> {
  static constexpr std::array<std::string_view, 14> value = {
      "completed", "task_failed", "start_failed", "engine_lost", "node_lost",
      "cancelled", "requeued",    "time_limit",   "preempted",   "resized",
      "moved",     "drained",     "faulty",       "job_fault"};
};

/// The last state that a job can be started again from, as it told us.
struct Checkpoint {
  std::uint64_t step = 0;
  std::string path;
  bool operator==(const Checkpoint&) const = default;
  MW_FIELDS(step, path)
};

/// What a job tells of its own progress. Absent fields were not reported.
struct Progress {
  std::optional<std::uint64_t> step;
  std::optional<std::uint64_t> steps_total;
  std::optional<std::uint64_t> samples;  ///< done so far by the whole gang
  std::optional<double> loss;            ///< shown, never decided on
  std::optional<double> rate;            ///< in `unit` per second; shown, never decided on
  std::optional<std::string> unit;       ///< e.g. "tokens"
  /// How long a step of this rank takes without waiting for others: the median of its last ones.
  std::optional<Duration> step_time{};
  /// Takes over what was told anew. How long a step takes is a rank's and not the job's.
  void follow(const Progress& told) {
    if (told.step) step = told.step;
    if (told.steps_total) steps_total = told.steps_total;
    if (told.samples) samples = told.samples;
    if (told.loss) loss = told.loss;
    if (told.rate) rate = told.rate;
    if (told.unit) unit = told.unit;
  }
  bool operator==(const Progress&) const = default;
  MW_FIELDS(step, steps_total, samples, loss, rate, unit, step_time)
};

}  // namespace mw
