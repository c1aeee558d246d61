// What Slurm tells and is told, without the shapes that differ from one version of its REST
// interface to the next (rest_format.h knows those).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/hostlist.h"

namespace mw::slurm {

using SlurmJobId = std::uint32_t;

struct SlurmNode {
  std::string name;
  std::string address;  ///< by which others reach it
  GpuCount gpus;
  std::int64_t cpus = 0;
  std::int64_t threads_per_core = 1;
  std::int64_t memory_mib = 0;
  std::vector<std::string> states;      ///< in capitals; the base state first, then flags
  std::string reason;                   ///< why it is down or drained, as a person or Slurm said
  std::string reason_by{};              ///< who said so
  std::int64_t reason_s = 0;            ///< and when; Unix time
  std::int64_t booted_s = 0;            ///< by its own word; Unix time
  std::vector<std::string> features{};  ///< that it has now
  bool operator==(const SlurmNode&) const = default;
};

struct SlurmPartition {
  std::string name;
  std::vector<std::string> nodes;
  bool is_default = false;
  bool up = true;
  std::optional<std::int64_t> minutes_max;      ///< none: no limit
  std::optional<std::int64_t> minutes_default;  ///< none: as the limit
};

/// What a job has of one node.
struct SlurmAllocation {
  std::string node;
  std::int64_t cpus = 0;
  std::int64_t cores = 0;  ///< where they are told instead
  std::int64_t memory_mib = 0;
  std::vector<GpuCount> gpus;  ///< by type
};

/// What a job that was handed to Slurm asks for, as far as deciding about it takes.
struct SlurmRequest {
  std::string command;  ///< the batch script's file; empty: it came by pipe, or there is none
  std::string workdir;
  std::string output;  ///< where the script writes
  std::string account;
  std::string qos;
  bool batch = true;     ///< false: srun, salloc
  bool requeue = false;  ///< it may be started again
  std::uint32_t nodes_min = 1;
  std::uint32_t nodes_max = 0;  ///< 0: it does not say
  std::uint32_t tasks = 0;
  std::uint32_t tasks_per_node = 0;
  std::uint32_t cpus = 0;           ///< in all
  std::uint32_t cpus_per_node = 0;  ///< at least
  std::optional<std::int64_t> memory_mib_per_node;
  std::optional<std::int64_t> memory_mib_per_cpu;
  std::uint32_t memory_mib_per_gpu = 0;  ///< 0: it does not say
  std::uint32_t cpus_per_gpu = 0;        ///< 0: it does not say
  std::uint32_t threads_per_core = 0;    ///< so many at most; 0: all
  std::string gres_per_job;
  std::string gres_per_node;
  std::string gres_per_task;
  std::string gres_per_socket;
  bool exclusive = false;
  std::optional<std::int64_t> minutes;  ///< none: no limit of its own
  std::int64_t begin_s = 0;             ///< not before; Unix time, 0: at once
  std::string features;
  std::string nodes_required;
  std::string nodes_excluded;
  std::string reservation;
  std::string licenses;
  std::string dependency;
  std::string array_tasks;        ///< of the record that stands for those that wait: "0-3,7%2"
  std::uint32_t array_limit = 0;  ///< so many at once; 0: any number
  SlurmJobId het_job = 0;         ///< it is a component of this one
  std::int64_t deadline_s = 0;    ///< to have ended by; Unix time, 0: none
  std::string others;             ///< options that bear on where it may run and are not read here
  bool operator==(const SlurmRequest&) const = default;
};

struct SlurmJob {
  SlurmJobId id = 0;
  SlurmJobId array = 0;                       ///< of which it is an element; 0: of none
  std::optional<std::uint32_t> array_task{};  ///< none: it stands for all that wait
  std::string job_name;
  std::string user;
  std::string partition;
  std::string comment;
  std::string admin_comment;
  bool held = false;             ///< priority 0: Slurm does not start it
  std::int64_t submitted_s = 0;  ///< Unix time; anew each time that it is put back into the queue
  std::string state;             ///< "PENDING", "RUNNING", ...: the base state
  bool completing = false;
  std::string reason;          ///< why it waits, or why it ended
  std::uint32_t restarts = 0;  ///< how often Slurm itself has started it again
  std::int32_t exit_code = 0;
  std::int32_t exit_signal = 0;
  std::vector<SlurmAllocation> allocations;
  std::optional<SlurmRequest> request{};  ///< of those that are handed to us

  /// As Slurm's commands call it: "12", "12_3".
  [[nodiscard]] std::string name() const {
    if (array == 0 || !array_task) return std::to_string(id);
    return std::to_string(array) + "_" + std::to_string(*array_task);
  }
  /// It is all elements of an array that still wait.
  [[nodiscard]] bool stands_for_many() const { return array != 0 && !array_task; }
};

/// What a job that waits is to become: pinned to these nodes, and let go.
struct SlurmRelease {
  std::vector<std::string> nodes;
  std::int64_t begin_s = 0;  ///< now, Unix time: Slurm has a job wait that it has put back
};

/// Drains of ours that Slurm has had, reasons by node: one that is gone there was ended there.
using CarriedDrains = std::map<std::string, std::string>;

/// What is to be done to a node so that it is as was decided.
struct NodeOrder {
  std::string node;
  bool drain = true;  ///< else it is put back into service
  std::string reason;
};

/// One batch job, pinned to its nodes.
struct SlurmSubmission {
  std::string name;
  std::string partition;
  std::string comment;
  std::string dependency;
  std::string workdir;
  std::string script;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> nodes;
  std::uint32_t tasks = 0;
  std::uint32_t tasks_per_node = 0;
  std::uint32_t cpus_per_task = 1;
  GpuCount gpus_per_node;
  std::optional<std::int64_t> memory_mib_per_node;  ///< none: all of it
  bool exclusive = false;
  std::optional<std::int64_t> minutes;  ///< none: no limit
};

}  // namespace mw::slurm
