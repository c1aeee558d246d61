#include "engines/slurm/submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "codec/units.h"
#include "engines/slurm/job_script.h"
#include "engines/slurm/unix_user.h"
#include "model/gang.h"

namespace mw::slurm {
namespace {

constexpr std::string_view kMark = "millwright";
/// Below the ports that the kernel gives away by itself (32768 on), above those that services have.
constexpr std::uint64_t kFirstPort = 20'000;
constexpr std::uint64_t kPorts = 12'000;
/// Slurm's own time limit is there for when we are not: it leaves us the time to end the job.
constexpr Duration kTimeLimitSlack = minutes(2);

/// What each node gives; the same for all of them.
struct NodeShare {
  std::uint32_t tasks = 0;
  std::uint32_t devices_per_task = 0;
};

Result<NodeShare> share_of(const DesiredAttempt& desired) {
  const JobSpec& spec = *desired.spec;
  if (!spec.groups.empty()) {
    return Error{ErrorCode::kUnsupported,
                 "groups of different shapes cannot be started on Slurm: it gives each node of a "
                 "job the same"};
  }
  NodeShare share;
  for (const NodeSlice& slice : desired.placement) {
    for (const DeviceShare& each : slice.devices) {
      if (each.share == kWholeAccelerator) continue;
      return Error{ErrorCode::kUnsupported,
                   "parts of an accelerator cannot be given on Slurm; ask for whole ones"};
    }
    const auto devices = static_cast<std::uint32_t>(slice.devices.size());
    const NodeShare here{slice.tasks, slice.tasks == 0 ? 0 : devices / slice.tasks};
    if (share.tasks != 0 && share.tasks != here.tasks) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("the tasks do not spread evenly over the nodes ({} on one, {} on "
                               "another), and Slurm gives each node of a job the same; set "
                               "\"nodes\" to a number that divides the tasks",
                               share.tasks, here.tasks)};
    }
    share = here;
  }
  return share;
}

std::int64_t ceil_div(std::int64_t amount, std::int64_t unit) { return (amount + unit - 1) / unit; }

/// As much as was asked for. Nothing: the accelerators' part of the node's, since Slurm would give
/// all of it.
std::optional<std::int64_t> memory_for(const DesiredAttempt& desired, const NodeShare& share,
                                       const SlurmNode& node, std::uint32_t all_accelerators) {
  const GangShape& gang = desired.spec->gang;
  if (gang.task.memory.count() > 0) {
    return ceil_div(gang.task.memory.count() * share.tasks, std::int64_t{1} << 20);
  }
  const std::uint32_t devices = share.tasks * share.devices_per_task;
  if (gang.exclusive || all_accelerators == 0 || devices >= all_accelerators) return std::nullopt;
  return std::max<std::int64_t>(1, node.memory_mib * std::max(devices, 1U) / all_accelerators);
}

/// Slurm's limit; none: there is none. What is ours to end is not cut short by a partition's limit:
/// at the most the slack is.
Result<std::optional<std::int64_t>> minutes_for(const JobSpec& spec,
                                                const SlurmPartition& partition) {
  std::optional<std::int64_t> wanted;
  if (spec.time_limit.count() > 0) {
    wanted = ceil_div((spec.time_limit + spec.grace + kTimeLimitSlack).count(), minutes(1).count());
  }
  if (!partition.minutes_max) return wanted;
  const Duration most = minutes(*partition.minutes_max);
  if (spec.time_limit + spec.grace > most && spec.time_limit.count() > 0) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("its time limit of {} and its grace of {} are more than partition {} "
                             "of Slurm allows: {} (MaxTime)",
                             write_duration(spec.time_limit), write_duration(spec.grace),
                             partition.name, write_duration(most))};
  }
  return std::optional(std::min(wanted.value_or(*partition.minutes_max), *partition.minutes_max));
}

using Variables = std::map<std::string, std::string>;

void put_user(Variables& variables, const std::string& user) {
  const std::optional<UnixUser> entry = find_unix_user(user);
  variables["USER"] = variables["LOGNAME"] = user;
  if (!entry) return;
  variables["HOME"] = entry->home;
  variables["SHELL"] = entry->shell;
}

void put_millwright(Variables& variables, const DesiredAttempt& desired,
                    const SlurmEngineOptions& options) {
  const JobSpec& spec = *desired.spec;
  variables["MILLWRIGHT_URL"] = options.url;
  if (options.token) variables["MILLWRIGHT_TOKEN"] = options.token(desired.job, desired.attempt);
  variables["MILLWRIGHT_JOB_ID"] = std::to_string(desired.job.value());
  variables["MILLWRIGHT_JOB_NAME"] = spec.name;
  variables["MILLWRIGHT_ATTEMPT"] = std::to_string(desired.attempt.value());
  variables["MILLWRIGHT_ARRAY_INDEX"] =
      std::to_string(desired.job.value() - desired.record.value());
  variables["MILLWRIGHT_ARRAY_COUNT"] = std::to_string(spec.array);
  variables["MILLWRIGHT_TASKS"] = std::to_string(tasks_of(desired.placement));
  variables["MILLWRIGHT_BIN"] = options.mw_binary.string();
  if (desired.resume_from.step == 0 && desired.resume_from.path.empty()) return;
  variables["MILLWRIGHT_CHECKPOINT_PATH"] = desired.resume_from.path;
  variables["MILLWRIGHT_CHECKPOINT_STEP"] = std::to_string(desired.resume_from.step);
}

/// What is the same for all ranks; the script adds what is a rank's own.
std::vector<std::pair<std::string, std::string>> environment_of(const DesiredAttempt& desired,
                                                                const SlurmNode& first,
                                                                const SlurmEngineOptions& options) {
  const JobSpec& spec = *desired.spec;
  Variables variables = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  put_user(variables, spec.user);
  const CpuShare cpus = spec.gang.task.cpus;
  if (cpus.count() > 0) {
    variables["OMP_NUM_THREADS"] = std::to_string(std::max<std::int64_t>(1, cpus / kWholeCpu));
  }
  for (const EnvironmentVariable& each : spec.environment) variables[each.name] = each.value;
  const std::string size = std::to_string(tasks_of(desired.placement));
  const std::string nodes = std::to_string(desired.placement.size());
  variables["WORLD_SIZE"] = variables["OMPI_COMM_WORLD_SIZE"] = variables["PMI_SIZE"] = size;
  variables["NNODES"] = variables["GROUP_WORLD_SIZE"] = nodes;
  variables["MASTER_ADDR"] = first.address.empty() ? first.name : first.address;
  variables["MASTER_PORT"] = std::to_string(kFirstPort + desired.epoch.value() % kPorts);
  variables["TORCHELASTIC_RESTART_COUNT"] = std::to_string(desired.attempt.value() - 1);
  put_millwright(variables, desired, options);
  return {variables.begin(), variables.end()};
}

/// What people see in squeue: the job's own name, and what makes it the only one of that name.
std::string name_of(const DesiredAttempt& desired, const JobMark& mark) {
  return fmt::format("{}-mw{}.{}-{}", desired.spec->name, mark.job.value(), mark.epoch.value(),
                     mark.home);
}

}  // namespace

std::string write_mark(const JobMark& mark) {
  return fmt::format("{}:{}:{}:{}:{}", kMark, mark.home, mark.job.value(), mark.attempt.value(),
                     mark.epoch.value());
}

std::optional<JobMark> read_mark(std::string_view comment) {
  char home[9] = {};
  unsigned long long job = 0;
  unsigned attempt = 0;
  unsigned long long epoch = 0;
  const std::string text(comment);
  if (std::sscanf(text.c_str(), "millwright:%8[0-9a-f]:%llu:%u:%llu", home, &job, &attempt,
                  &epoch) != 4) {
    return std::nullopt;
  }
  const JobMark mark{home, JobId(job), AttemptNumber(attempt), Epoch(epoch)};
  if (write_mark(mark) != comment) return std::nullopt;
  return mark;
}

std::string output_directory(const DesiredAttempt& desired, const std::string& home_id) {
  // A folder belongs to whoever makes it first, and several may work in one place.
  return fmt::format("{}/millwright-{}-{}/{}.{}", desired.spec->workdir, home_id,
                     desired.spec->user, desired.job.value(), desired.attempt.value());
}

Result<SlurmSubmission> make_submission(const DesiredAttempt& desired, const ClusterView& cluster,
                                        const SlurmEngineOptions& options, const JobMark& mark) {
  const JobSpec& spec = *desired.spec;
  const auto share = share_of(desired);
  if (!share) return share.error();
  const SlurmNode* first = cluster.node(desired.node_names.front());
  const SlurmPartition* partition =
      cluster.partition_for(desired.node_names, spec.time_limit + spec.grace);
  if (first == nullptr || partition == nullptr) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("no partition that is up has all of its {} nodes, {} and on",
                             desired.node_names.size(), desired.node_names.front())};
  }
  SlurmSubmission submission;
  submission.name = name_of(desired, mark);
  // Slurm itself sees to it that no second one of this name runs beside the first, should the
  // answer to a submit be lost and it be sent again.
  submission.dependency = "singleton";
  submission.partition = partition->name;
  submission.comment = write_mark(mark);
  submission.workdir = spec.workdir;
  submission.nodes = desired.node_names;
  submission.tasks = tasks_of(desired.placement);
  submission.tasks_per_node = share->tasks;
  submission.exclusive = spec.gang.exclusive;
  const auto limit = minutes_for(spec, *partition);
  if (!limit) return limit.error();
  submission.minutes = *limit;
  const bool has_gpus = first->gpus.count > 0;
  std::int64_t cpus = std::max<std::int64_t>(1, ceil_div(spec.gang.task.cpus.count(), 1000));
  if (has_gpus) {
    submission.gpus_per_node = {first->gpus.type, share->tasks * share->devices_per_task};
  } else {
    cpus = std::max<std::int64_t>(cpus, share->devices_per_task);
  }
  submission.cpus_per_task = static_cast<std::uint32_t>(cpus);
  submission.memory_mib_per_node =
      memory_for(desired, *share, *first,
                 has_gpus ? first->gpus.count : static_cast<std::uint32_t>(first->cpus));
  submission.environment = environment_of(desired, *first, options);

  ScriptInputs script;
  for (std::size_t i = 0; i < desired.placement.size(); ++i) {
    script.hosts.insert(script.hosts.end(), desired.placement[i].tasks, desired.node_names[i]);
  }
  script.command = spec.command;
  script.workdir = spec.workdir;
  script.directory = output_directory(desired, mark.home);
  script.tasks_per_node = share->tasks;
  script.cpus_per_task = submission.cpus_per_task;
  script.devices_per_task = has_gpus ? share->devices_per_task : 0;
  submission.script = job_script(script);
  return submission;
}

}  // namespace mw::slurm
