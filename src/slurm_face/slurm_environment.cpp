#include "slurm_face/slurm_environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "codec/hostlist.h"

namespace mw::face {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

std::string names_of(const std::vector<JobNode>& nodes) {
  std::vector<std::string> names;
  for (const JobNode& node : nodes) names.push_back(node.name);
  return slurm::compress_hostlist(names);
}

std::string device_numbers(const JobNode& node, const std::vector<std::uint32_t>& devices) {
  std::string text;
  for (const std::uint32_t device : devices) {
    text += (text.empty() ? "" : ",") + node.devices[device].number;
  }
  return text;
}

/// How many tasks the job's script may think of on each node.
std::vector<std::uint32_t> tasks_by_node(const FaceJob& job, const JobFacts& facts) {
  std::vector<std::uint32_t> counts;
  const auto nodes = static_cast<std::uint32_t>(std::max<std::size_t>(facts.nodes.size(), 1));
  for (std::uint32_t i = 0; i < facts.nodes.size(); ++i) {
    // Seats that are tasks say it themselves; else tasks are spread as a step would spread them.
    counts.push_back(job.nodes == 0 ? static_cast<std::uint32_t>(facts.nodes[i].seats.size())
                                    : job.tasks / nodes + (i < job.tasks % nodes ? 1 : 0));
  }
  return counts;
}

void put_sizes(const FaceJob& job, const JobFacts& facts, Variables& out) {
  std::vector<std::uint32_t> cpus;
  for (const JobNode& node : facts.nodes) cpus.push_back(node.cpus);
  out["SLURM_JOB_CPUS_PER_NODE"] = counts_text(cpus);
  out["SLURM_CPUS_ON_NODE"] = std::to_string(cpus.empty() ? 0 : cpus.front());
  out["SLURM_TASKS_PER_NODE"] = counts_text(tasks_by_node(job, facts));
  if (job.tasks_said) { out["SLURM_NTASKS"] = out["SLURM_NPROCS"] = std::to_string(job.tasks); }
  if (job.tasks_per_node > 0) out["SLURM_NTASKS_PER_NODE"] = std::to_string(job.tasks_per_node);
  if (job.cpus_per_task > 0) out["SLURM_CPUS_PER_TASK"] = std::to_string(job.cpus_per_task);
  if (job.memory_per_node.count() > 0) {
    out["SLURM_MEM_PER_NODE"] = std::to_string(job.memory_per_node.count() / kMiB);
  }
  if (job.memory_per_cpu.count() > 0) {
    out["SLURM_MEM_PER_CPU"] = std::to_string(job.memory_per_cpu.count() / kMiB);
  }
  if (job.gpus == 0 || facts.nodes.empty()) return;
  const JobNode& first = facts.nodes.front();
  std::vector<std::uint32_t> all(first.devices.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  out["SLURM_GPUS"] = std::to_string(job.gpus);
  out["SLURM_GPUS_ON_NODE"] = std::to_string(first.devices.size());
  out["SLURM_JOB_GPUS"] = device_numbers(first, all);
  if (job.gpus_per_node > 0) out["SLURM_GPUS_PER_NODE"] = std::to_string(job.gpus_per_node);
  if (job.gpus_per_task > 0) out["SLURM_GPUS_PER_TASK"] = std::to_string(job.gpus_per_task);
}

void put_array(const JobFacts& facts, Variables& out) {
  const auto task = facts.array_task();
  if (!task) return;
  const auto& all = facts.array_elements;
  std::uint32_t step = all.size() > 1 ? all[1] - all[0] : 1;
  for (std::size_t i = 2; i < all.size(); ++i) {
    if (all[i] - all[i - 1] != step) step = 1;
  }
  out["SLURM_ARRAY_JOB_ID"] = std::to_string(facts.array_job);
  out["SLURM_ARRAY_TASK_ID"] = std::to_string(*task);
  out["SLURM_ARRAY_TASK_COUNT"] = std::to_string(all.size());
  out["SLURM_ARRAY_TASK_MIN"] = std::to_string(all.front());
  out["SLURM_ARRAY_TASK_MAX"] = std::to_string(all.back());
  out["SLURM_ARRAY_TASK_STEP"] = std::to_string(step);
}

}  // namespace

std::optional<std::uint32_t> JobFacts::array_task() const {
  if (array_index >= array_elements.size()) return {};
  return array_elements[array_index];
}

Variables job_variables(const FaceJob& job, const JobFacts& facts) {
  Variables out;
  const std::string id = std::to_string(facts.job);
  out["SLURM_JOB_ID"] = out["SLURM_JOBID"] = id;
  out["SLURM_JOB_NAME"] = job.name;
  out["SLURM_JOB_NODELIST"] = out["SLURM_NODELIST"] = names_of(facts.nodes);
  out["SLURM_JOB_NUM_NODES"] = out["SLURM_NNODES"] = std::to_string(facts.nodes.size());
  out["SLURM_JOB_PARTITION"] = job.partition;
  out["SLURM_JOB_ACCOUNT"] = job.account;
  if (!job.qos.empty()) out["SLURM_JOB_QOS"] = job.qos;
  out["SLURM_JOB_USER"] = facts.user;
  out["SLURM_JOB_UID"] = std::to_string(::getuid());
  out["SLURM_JOB_GID"] = std::to_string(::getgid());
  out["SLURM_SUBMIT_DIR"] = job.submit_folder;
  out["SLURM_SUBMIT_HOST"] = job.submit_host;
  out["SLURM_CLUSTER_NAME"] = "millwright";
  if (facts.attempt > 1) out["SLURM_RESTART_COUNT"] = std::to_string(facts.attempt - 1);
  if (job.distribution) out["SLURM_DISTRIBUTION"] = *job.distribution;
  if (job.overcommit.value_or(false)) out["SLURM_OVERCOMMIT"] = "1";
  put_sizes(job, facts, out);
  put_array(facts, out);
  out["MILLWRIGHT_SLURM_HUB"] = facts.hub;
  if (job.kind == FaceKind::kBatch) {
    out["ENVIRONMENT"] = "BATCH";
    out["SLURM_NODEID"] = out["SLURM_PROCID"] = out["SLURM_LOCALID"] = out["SLURM_GTIDS"] = "0";
    out["SLURMD_NODENAME"] = facts.nodes.empty() ? "" : facts.nodes.front().name;
  }
  return out;
}

Variables step_variables(const FaceJob& job, const JobFacts& facts, const StepRequest& request,
                         const StepPlan& plan, std::uint32_t step) {
  Variables out = job_variables(job, facts);
  out.erase("ENVIRONMENT");
  std::vector<JobNode> nodes;
  for (const std::uint32_t node : plan.nodes) nodes.push_back(facts.nodes[node]);
  const std::string tasks = std::to_string(plan.tasks.size());
  const std::string id = std::to_string(step);
  out["SLURM_STEP_ID"] = out["SLURM_STEPID"] = id;
  out["SLURM_STEP_NODELIST"] = names_of(nodes);
  out["SLURM_STEP_NUM_NODES"] = out["SLURM_NNODES"] = std::to_string(nodes.size());
  out["SLURM_STEP_NUM_TASKS"] = out["SLURM_NTASKS"] = out["SLURM_NPROCS"] = tasks;
  out["SLURM_STEP_TASKS_PER_NODE"] = out["SLURM_TASKS_PER_NODE"] = counts_text(plan.tasks_on);
  out["SLURM_DISTRIBUTION"] = request.cyclic ? "cyclic" : "block";
  out["SLURM_LAUNCH_NODE_IPADDR"] = "127.0.0.1";
  out["SLURM_SRUN_COMM_HOST"] = "127.0.0.1";
  if (request.cpus_said) out["SLURM_CPUS_PER_TASK"] = std::to_string(request.cpus_per_task);
  out["WORLD_SIZE"] = tasks;
  out["OMPI_COMM_WORLD_SIZE"] = out["PMI_SIZE"] = tasks;
  return out;
}

Variables task_variables(const JobFacts& facts, const StepPlan& plan, std::uint32_t task) {
  Variables out;
  const TaskPlace& place = plan.tasks[task];
  const JobNode& node = facts.nodes[place.node];
  const std::string rank = std::to_string(task);
  const std::string local = std::to_string(place.local);
  const std::string local_size = std::to_string(plan.tasks_on[place.step_node]);
  const std::string node_number = std::to_string(place.step_node);
  out["SLURM_PROCID"] = rank;
  out["SLURM_LOCALID"] = local;
  out["SLURM_NODEID"] = node_number;
  out["SLURMD_NODENAME"] = node.name;
  out["SLURM_CPUS_ON_NODE"] = std::to_string(node.cpus);
  std::string together;
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    if (plan.tasks[i].node != place.node) continue;
    together += (together.empty() ? "" : ",") + std::to_string(i);
  }
  out["SLURM_GTIDS"] = together;
  out["RANK"] = out["OMPI_COMM_WORLD_RANK"] = out["PMI_RANK"] = rank;
  out["LOCAL_RANK"] = out["OMPI_COMM_WORLD_LOCAL_RANK"] = local;
  out["LOCAL_WORLD_SIZE"] = out["OMPI_COMM_WORLD_LOCAL_SIZE"] = local_size;
  out["GROUP_RANK"] = out["NODE_RANK"] = node_number;
  out["GROUP_WORLD_SIZE"] = std::to_string(plan.nodes.size());
  if (!place.devices.empty()) out["SLURM_STEP_GPUS"] = device_numbers(node, place.devices);
  std::string visible;
  for (const std::uint32_t device : place.devices) {
    if (node.devices[device].visible.empty()) continue;
    visible += (visible.empty() ? "" : ",") + node.devices[device].visible;
  }
  // The seat knows under which name its vendor wants it.
  out["MILLWRIGHT_VISIBLE"] = visible;
  return out;
}

void put_all(Variables& variables, const std::vector<std::string>& assignments) {
  for (const std::string& one : assignments) {
    const std::size_t equals = one.find('=');
    if (equals != std::string::npos && equals > 0) {
      variables[one.substr(0, equals)] = one.substr(equals + 1);
    }
  }
}

std::vector<std::string> assignments_of(const Variables& variables) {
  std::vector<std::string> all;
  all.reserve(variables.size());
  for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
  return all;
}

FileNameFacts file_name_facts(const FaceJob& job, const JobFacts& facts) {
  FileNameFacts out;
  out.job = facts.job;
  out.array_job = facts.array_job;
  out.array_task = facts.array_task();
  out.host = facts.nodes.empty() ? "" : facts.nodes.front().name;
  out.host = out.host.substr(0, out.host.find('.'));
  out.user = facts.user;
  out.job_name = job.name;
  return out;
}

}  // namespace mw::face
