// A step of a running job: what srun asks for, and which task goes where. Steps share what the job
// has: each takes the CPUs that it asks for, and one that finds too few free waits until others
// end, as Slurm's steps do. GPUs are only given out to steps that ask for some; others see all of
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"

namespace mw::face {

struct StepRequest {
  std::vector<std::string> command;
  std::string folder;                    ///< where it runs
  std::vector<std::string> environment;  ///< "NAME=value"
  std::string name;
  std::uint32_t tasks = 1;
  std::uint32_t nodes = 0;           ///< 0: as many as the job has, but no more than tasks
  std::uint32_t tasks_per_node = 0;  ///< at most; 0: no matter
  std::uint32_t cpus_per_task = 1;
  bool cpus_said = false;
  std::uint32_t gpus_per_task = 0;
  std::uint32_t gpus_per_node = 0;
  std::uint32_t relative = 0;               ///< the first node
  std::vector<std::string> node_names;      ///< only these; empty: all
  std::vector<std::string> excluded_names;  ///< not these
  bool overlap = false;                     ///< takes no CPUs
  bool overcommit = false;                  ///< one CPU a node
  bool cyclic = false;
  bool label = false;
  bool kill_on_bad_exit = false;
  Duration wait_after_first;  ///< 0: the others may run on
  std::string output;         ///< patterns of files a task; empty: where srun's goes
  std::string error;
  std::string input;
  bool append = false;
  std::uint32_t umask = 022;  ///< that of srun
  MW_FIELDS(command, folder, environment, name, tasks, nodes, tasks_per_node, cpus_per_task,
            cpus_said, gpus_per_task, gpus_per_node, relative, node_names, excluded_names, overlap,
            overcommit, cyclic, label, kill_on_bad_exit, wait_after_first, output, error, input,
            append, umask)
};

/// One device as a node's engine counts it, and as programs are told of it.
struct SeatDevice {
  std::string number;   ///< on the node
  std::string visible;  ///< in CUDA_VISIBLE_DEVICES or ROCR_VISIBLE_DEVICES; empty: there is none
  bool operator==(const SeatDevice&) const = default;
};

/// A node of the job, and what steps have left of it.
struct JobNode {
  std::string name;
  std::vector<std::uint32_t> seats;  ///< ranks of our gang on it, ascending
  std::uint32_t cpus = 0;
  std::uint32_t cpus_free = 0;
  std::vector<std::uint32_t> seat_cpus_used;  ///< by seat; empty: none yet
  std::vector<std::uint32_t> seat_tasks;      ///< that run in it
  std::vector<SeatDevice> devices;
  std::vector<bool> device_taken;
};

struct TaskPlace {
  std::uint32_t node = 0;              ///< index into the job's nodes
  std::uint32_t step_node = 0;         ///< the same node, among the step's
  std::uint32_t local = 0;             ///< among the step's tasks on it
  std::uint32_t seat = 0;              ///< its rank
  std::uint32_t cpus = 0;              ///< taken of that seat
  std::vector<std::uint32_t> devices;  ///< indices into the node's; those that it sees
};

struct StepPlan {
  std::vector<std::uint32_t> nodes;  ///< of the job, ascending
  std::vector<std::uint32_t> tasks_on;
  std::vector<std::vector<std::uint32_t>> devices_on;  ///< taken
  std::vector<TaskPlace> tasks;                        ///< by rank
};

/// Plans a step, and takes what it needs. Nothing: not now, but when other steps have ended.
/// Tasks are spread evenly over the nodes; where the job's own nodes are uneven, by what each has.
/// Within a node each goes to the seat with the fewest CPUs in use, so that no seat's limits have
/// to do for all.
/// Errors: kInvalid: the job has not so much at all.
Result<std::optional<StepPlan>> plan_step(std::vector<JobNode>& nodes, const StepRequest& request);
void give_back(std::vector<JobNode>& nodes, const StepPlan& plan);

/// "4(x2),1": as SLURM_TASKS_PER_NODE says it.
std::string counts_text(const std::vector<std::uint32_t>& counts);

}  // namespace mw::face
