// What Slurm tells and is told, without the shapes that differ from one version of its REST
// interface to the next (rest_format.h knows those).
#pragma once

#include <cstdint>
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
  std::vector<std::string> states;  ///< in capitals; the base state first, then flags
  std::string reason;               ///< why it is down or drained, as a person or Slurm said
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
  std::uint32_t gpus = 0;
};

struct SlurmJob {
  SlurmJobId id = 0;
  std::string user;
  std::string comment;
  std::string state;  ///< "PENDING", "RUNNING", ...: the base state
  bool completing = false;
  std::string reason;          ///< why it waits, or why it ended
  std::uint32_t restarts = 0;  ///< how often Slurm itself has started it again
  std::int32_t exit_code = 0;
  std::int32_t exit_signal = 0;
  std::vector<SlurmAllocation> allocations;
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
