#include "slurm_face/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "codec/hostlist.h"
#include "slurm_face/values.h"

namespace mw::face {
namespace {

std::string node_list(const JobRow& row) { return slurm::compress_hostlist(row.nodes); }

std::string reason_or_nodes(const JobRow& row) {
  return row.state == JobState::kPending ? fmt::format("({})", row.reason)
         : is_final(row.state)           ? std::string()
                                         : node_list(row);
}

std::string memory_text(const JobRow& row) {
  constexpr std::int64_t kMiB = 1 << 20;
  const auto text = [](Bytes size) {
    const std::int64_t all = size.count() / kMiB;
    return all > 0 && all % 1024 == 0 ? fmt::format("{}G", all / 1024) : fmt::format("{}M", all);
  };
  if (row.face.memory_per_cpu.count() > 0) return text(row.face.memory_per_cpu);
  return row.face.memory_per_node.count() > 0 ? text(row.face.memory_per_node) : "0";
}

std::string gpus_text(const JobRow& row) {
  if (row.face.gpus_per_node == 0) return "N/A";
  return row.face.gpu_type.empty()
             ? fmt::format("gres:gpu:{}", row.face.gpus_per_node)
             : fmt::format("gres:gpu:{}:{}", row.face.gpu_type, row.face.gpus_per_node);
}

/// "cpu=8,mem=16G,node=1,gres/gpu=4".
std::string tres_text(const JobRow& row) {
  std::string text = fmt::format("cpu={}", row.cpus());
  if (row.face.memory_per_node.count() > 0) {
    text += fmt::format(",mem={}M", (row.face.memory_per_node.count() >> 20) *
                                        static_cast<std::int64_t>(row.node_count()));
  } else if (row.face.memory_per_cpu.count() > 0) {
    text += fmt::format(",mem={}M", (row.face.memory_per_cpu.count() >> 20) *
                                        static_cast<std::int64_t>(row.cpus()));
  }
  text += fmt::format(",node={}", row.node_count());
  const std::uint64_t gpus = row.by_face ? row.face.gpus : row.accelerators_milli / 1000;
  if (gpus > 0) text += fmt::format(",gres/gpu={}", gpus);
  return text;
}

std::string time_left(const JobRow& row, Instant now) {
  if (row.time_limit.count() == 0) return "UNLIMITED";
  const Duration left = row.time_limit - row.run_time(now);
  return elapsed_text(left);
}

/// sacct has hours in two digits, always.
std::string accounted_time(Duration length) {
  const std::int64_t all = length.count() / seconds(1).count();
  const std::string clock =
      fmt::format("{:02}:{:02}:{:02}", all % 86'400 / 3'600, all / 60 % 60, all % 60);
  return all >= 86'400 ? fmt::format("{}-{}", all / 86'400, clock) : clock;
}

std::string state_accounted(const JobRow& row) {
  const bool out_of_memory = row.detail.find("out of memory") != std::string::npos;
  return row.state == JobState::kFailed && out_of_memory ? "OUT_OF_MEMORY" : row.state_word();
}

std::string started_text(const JobRow& row, Instant) {
  return slurm_time(row.started, row.state == JobState::kPending ? "N/A" : "Unknown");
}

/// When it ended, or would at the latest.
std::string ended_text(const JobRow& row, Instant) {
  if (row.ended) return slurm_time(row.ended);
  if (row.started && row.time_limit.count() > 0) return slurm_time(*row.started + row.time_limit);
  return "N/A";
}

std::string or_null(const std::string& text) { return text.empty() ? "(null)" : text; }

template <class Number>
std::string number(Number value) {
  return fmt::format("{}", value);
}

}  // namespace

const std::vector<Column<JobRow>>& job_columns() {
  using Row = JobRow;
  static const std::vector<Column<Row>> all = {
      {'i', "jobid", "JOBID", "JobID", 12, [](const Row& r, Instant) { return r.shown_id(); }},
      {'A', "jobidraw", "JOBID", "JobIDRaw", 12,
       [](const Row& r, Instant) { return number(r.id); }},
      {'F', "jobarrayid", "ARRAY_JOB_ID", "", 12,
       [](const Row& r, Instant) { return number(r.record); }},
      {0, "arrayjobid", "ARRAY_JOB_ID", "", 12,
       [](const Row& r, Instant) { return number(r.record); }},
      {'K', "arraytaskid", "ARRAY_TASK_ID", "", 12,
       [](const Row& r, Instant) { return r.array_task ? number(*r.array_task) : "N/A"; }},
      {'P', "partition", "PARTITION", "Partition", 10,
       [](const Row& r, Instant) { return r.face.partition; }},
      {'j', "name", "NAME", "", 10, [](const Row& r, Instant) { return r.name; }},
      {0, "jobname", "NAME", "JobName", 10, [](const Row& r, Instant) { return r.name; }},
      {'u', "username", "USER", "", 9, [](const Row& r, Instant) { return r.user; }},
      {0, "user", "USER", "User", 9, [](const Row& r, Instant) { return r.user; }},
      {'a', "account", "ACCOUNT", "Account", 10, [](const Row& r, Instant) { return r.account; }},
      {'q', "qos", "QOS", "QOS", 10, [](const Row& r, Instant) { return r.qos; }},
      {'t', "statecompact", "ST", "", 10, [](const Row& r, Instant) { return r.state_short(); }},
      {'T', "state", "STATE", "State", 10,
       [](const Row& r, Instant) { return state_accounted(r); }},
      {'M', "timeused", "TIME", "", 10,
       [](const Row& r, Instant now) { return elapsed_text(r.run_time(now)); }},
      {'l', "timelimit", "TIME_LIMIT", "Timelimit", 10,
       [](const Row& r, Instant) { return time_limit_text(r.time_limit); }},
      {'L', "timeleft", "TIME_LEFT", "", 10, time_left},
      {'D', "numnodes", "NODES", "", 8,
       [](const Row& r, Instant) { return number(r.node_count()); }},
      {0, "nnodes", "NODES", "NNodes", 8,
       [](const Row& r, Instant) { return number(r.node_count()); }},
      {0, "allocnodes", "NODES", "AllocNodes", 10,
       [](const Row& r, Instant) { return number(r.started ? r.node_count() : 0); }},
      {'R', "reasonlist", "NODELIST(REASON)", "", 20,
       [](const Row& r, Instant) { return reason_or_nodes(r); }},
      {'N', "nodelist", "NODELIST", "NodeList", 15,
       [](const Row& r, Instant) { return node_list(r); }},
      {'B', "batchhost", "EXEC_HOST", "", 10,
       [](const Row& r, Instant) { return r.nodes.empty() ? "n/a" : r.nodes.front(); }},
      {'r', "reason", "REASON", "Reason", 10, [](const Row& r, Instant) { return r.reason; }},
      {'C', "numcpus", "CPUS", "", 10, [](const Row& r, Instant) { return number(r.cpus()); }},
      {0, "alloccpus", "CPUS", "AllocCPUS", 10,
       [](const Row& r, Instant) { return number(r.started ? r.cpus() : 0); }},
      {0, "ncpus", "CPUS", "NCPUS", 10, [](const Row& r, Instant) { return number(r.cpus()); }},
      {0, "reqcpus", "CPUS", "ReqCPUS", 10, [](const Row& r, Instant) { return number(r.cpus()); }},
      {0, "numtasks", "TASKS", "", 8, [](const Row& r, Instant) { return number(r.face.tasks); }},
      {0, "ntasks", "TASKS", "NTasks", 8,
       [](const Row& r, Instant) { return number(r.face.tasks); }},
      {'m', "minmemory", "MIN_MEMORY", "", 10,
       [](const Row& r, Instant) { return memory_text(r); }},
      {0, "reqmem", "MIN_MEMORY", "ReqMem", 10,
       [](const Row& r, Instant) { return memory_text(r); }},
      {'b', "tres-per-node", "TRES_PER_NODE", "", 20,
       [](const Row& r, Instant) { return gpus_text(r); }},
      {0, "reqtres", "REQ_TRES", "ReqTRES", 10, [](const Row& r, Instant) { return tres_text(r); }},
      {0, "alloctres", "ALLOC_TRES", "AllocTRES", 10,
       [](const Row& r, Instant) { return r.started ? tres_text(r) : std::string(); }},
      {'k', "comment", "COMMENT", "Comment", 14,
       [](const Row& r, Instant) { return or_null(r.face.comment); }},
      {'V', "submittime", "SUBMIT_TIME", "", 19,
       [](const Row& r, Instant) { return slurm_time(r.submitted); }},
      {0, "submit", "SUBMIT_TIME", "Submit", 19,
       [](const Row& r, Instant) { return slurm_time(r.submitted); }},
      {0, "eligible", "ELIGIBLE_TIME", "Eligible", 19,
       [](const Row& r, Instant) { return slurm_time(r.eligible ? r.eligible : r.submitted); }},
      {'S', "starttime", "START_TIME", "", 19, started_text},
      {0, "start", "START_TIME", "Start", 19,
       [](const Row& r, Instant) { return slurm_time(r.started); }},
      {'e', "endtime", "END_TIME", "", 19, ended_text},
      {0, "end", "END_TIME", "End", 19, [](const Row& r, Instant) { return slurm_time(r.ended); }},
      {0, "elapsed", "ELAPSED", "Elapsed", 10,
       [](const Row& r, Instant now) { return accounted_time(r.run_time(now)); }},
      {0, "elapsedraw", "ELAPSED", "ElapsedRaw", 10,
       [](const Row& r, Instant now) {
         return number(r.run_time(now).count() / seconds(1).count());
       }},
      {0, "cputimeraw", "CPU_TIME", "CPUTimeRAW", 10,
       [](const Row& r, Instant now) {
         return number(r.run_time(now).count() / seconds(1).count() *
                       static_cast<std::int64_t>(r.cpus()));
       }},
      {0, "cputime", "CPU_TIME", "CPUTime", 10,
       [](const Row& r, Instant now) {
         return accounted_time(
             Duration(r.run_time(now).count() * static_cast<std::int64_t>(r.cpus())));
       }},
      {0, "exitcode", "EXIT_CODE", "ExitCode", 8,
       [](const Row& r, Instant) { return fmt::format("{}:{}", r.exit_code, r.exit_signal); }},
      {0, "restarts", "RESTARTS", "Restarts", 8,
       [](const Row& r, Instant) { return number(r.restarts); }},
      {'Z', "workdir", "WORK_DIR", "WorkDir", 20, [](const Row& r, Instant) { return r.workdir; }},
      {'o', "command", "COMMAND", "", 20,
       [](const Row& r, Instant) { return or_null(r.face.command); }},
      {'p', "priority", "PRIORITY", "Priority", 10,
       [](const Row& r, Instant) { return number(r.priority); }},
      {'Q', "prioritylong", "PRIORITY", "", 10,
       [](const Row& r, Instant) { return number(r.priority); }},
      {'v', "reservation", "RESERVATION", "Reservation", 20,
       [](const Row& r, Instant) { return or_null(r.reservation); }},
      {0, "cluster", "CLUSTER", "Cluster", 10,
       [](const Row&, Instant) { return std::string("millwright"); }},
      {0, "stdout", "STDOUT", "", 20,
       [](const Row& r, Instant) { return expand_file_name(r.face.output, r.file_names()); }},
  };
  return all;
}

namespace {

constexpr auto kOfNodes = std::to_array<std::string_view>(
    {"numnodes", "nnodes", "allocnodes", "nodelist", "batchhost", "reqtres", "alloctres"});
constexpr auto kOfRuns =
    std::to_array<std::string_view>({"timeused", "timeleft", "starttime", "start", "endtime", "end",
                                     "elapsed", "elapsedraw", "cputime", "cputimeraw"});

bool among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

JobDetails details_of(const std::vector<Chosen<JobRow>>& chosen) {
  JobDetails details;
  for (const Chosen<JobRow>& one : chosen) {
    if (one.column == nullptr) continue;
    const std::string_view name = one.column->name;
    details.ends = details.ends || name == "exitcode";
    details.reasons = details.reasons || name == "reason" || name == "reasonlist";
    details.nodes = details.nodes || among(kOfNodes, name);
    details.times = details.times || among(kOfRuns, name);
  }
  return details;
}

std::string fit(std::string_view text, int width, bool right) {
  const auto room = static_cast<std::size_t>(std::max(width, 0));
  if (room == 0) return std::string(text);
  if (text.size() > room) return std::string(text.substr(0, room));
  return right ? std::string(room - text.size(), ' ') + std::string(text)
               : std::string(text) + std::string(room - text.size(), ' ');
}

}  // namespace mw::face
