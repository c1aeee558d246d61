#include "slurm_face/job_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/terminal.h"
#include "codec/hostlist.h"
#include "slurm_face/values.h"

namespace mw::face {
namespace {

std::string or_null(const std::string& text) { return text.empty() ? "(null)" : text; }

/// Lines as one record; empty ones are left out.
std::string record(const std::vector<std::string>& lines, bool one_line) {
  std::string text;
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    if (!text.empty()) text += one_line ? " " : "\n   ";
    text += printable(line);  // what others named so does not steer the terminal
  }
  return text + (one_line ? "\n" : "\n\n");
}

std::string memory_line(const JobRow& row) {
  const std::int64_t by_cpu = row.face.memory_per_cpu.count() >> 20;
  const std::int64_t by_node = row.face.memory_per_node.count() >> 20;
  return by_cpu > 0 ? fmt::format("MinMemoryCPU={}M", by_cpu)
                    : fmt::format("MinMemoryNode={}M", by_node);
}

std::string gpus_line(const JobRow& row) {
  const std::string type = row.face.gpu_type.empty() ? "" : row.face.gpu_type + ":";
  if (row.face.gpus_per_node > 0)
    return fmt::format("TresPerNode=gres:gpu:{}{}", type, row.face.gpus_per_node);
  if (row.face.gpus_per_task > 0)
    return fmt::format("TresPerTask=gres:gpu:{}{}", type, row.face.gpus_per_task);
  return row.face.gpus > 0 ? fmt::format("TresPerJob=gres:gpu:{}{}", type, row.face.gpus) : "";
}

}  // namespace

std::string job_text(const JobRow& row, Instant now, bool one_line) {
  const FaceJob& face = row.face;
  std::string array;
  if (row.array_task)
    array = fmt::format(" ArrayJobId={} ArrayTaskId={}", row.record, *row.array_task);
  const bool pending = row.state == JobState::kPending;
  const std::string out = expand_file_name(face.output, row.file_names());
  const std::string err = face.error.empty() ? out : expand_file_name(face.error, row.file_names());
  const auto absolute = [&](const std::string& name) {
    return name.empty() ? "(null)" : name.starts_with('/') ? name : row.workdir + "/" + name;
  };
  std::optional<Instant> end = row.ended;
  if (!end && row.started && row.time_limit.count() > 0) end = *row.started + row.time_limit;
  return record(
      {fmt::format("JobId={}{} JobName={}", row.id, array, row.name),
       fmt::format("UserId={} Account={} QOS={} Priority={}", row.user, row.account,
                   or_null(row.qos), row.priority),
       fmt::format("JobState={} Reason={} Dependency=(null)", row.state_word(), row.reason),
       pending && !row.waits.empty() ? fmt::format("Why={}", row.waits) : "",
       fmt::format("Requeue={} Restarts={} BatchFlag={} ExitCode={}:{}", face.requeue ? 1 : 0,
                   row.restarts, face.kind == FaceKind::kBatch ? 1 : 0, row.exit_code,
                   row.exit_signal),
       fmt::format("RunTime={} TimeLimit={}", elapsed_text(row.run_time(now)),
                   time_limit_text(row.time_limit)),
       fmt::format("SubmitTime={} EligibleTime={}", slurm_time(row.submitted),
                   slurm_time(row.eligible ? row.eligible : row.submitted)),
       fmt::format("StartTime={} EndTime={} Deadline={}", slurm_time(row.started), slurm_time(end),
                   slurm_time(row.deadline, "N/A")),
       fmt::format("Partition={}", or_null(face.partition)),
       fmt::format("NodeList={}", or_null(slurm::compress_hostlist(row.nodes))),
       row.nodes.empty() ? "" : fmt::format("BatchHost={}", row.nodes.front()),
       fmt::format("NumNodes={} NumCPUs={} NumTasks={} CPUs/Task={}", row.node_count(), row.cpus(),
                   face.tasks, std::max(1U, face.cpus_per_task)),
       memory_line(row),
       gpus_line(row),
       row.reservation.empty() ? "" : fmt::format("Reservation={}", row.reservation),
       fmt::format("Command={}", or_null(face.command)),
       fmt::format("WorkDir={}", row.workdir),
       face.comment.empty() ? "" : fmt::format("Comment={}", face.comment),
       fmt::format("StdErr={}", absolute(err)),
       fmt::format("StdIn={}", face.input.empty() ? "/dev/null" : absolute(face.input)),
       fmt::format("StdOut={}", absolute(out)),
       row.detail.empty() ? "" : fmt::format("LastEnd={}", row.detail)},
      one_line);
}

std::string node_text(const NodeRow& node, bool one_line) {
  std::string state = node.state;
  for (char& c : state) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  if (node.lost) state += "*";
  return record(
      {fmt::format("NodeName={} State={}", node.name, state),
       fmt::format("CPUAlloc={} CPUTot={}", node.cpus - node.cpus_free, node.cpus),
       fmt::format("AvailableFeatures={} ActiveFeatures={}", node.features(), node.features()),
       fmt::format("Gres={} GresUsed={}", node.gres(), node.gres_used()),
       fmt::format("NodeAddr={} NodeHostName={}", node.name, node.name),
       fmt::format("RealMemory={} AllocMem={} FreeMem={}", node.memory_mib,
                   node.memory_mib - node.memory_free_mib, node.memory_free_mib),
       node.reason.empty()
           ? ""
           : fmt::format("Reason={} [{}@{}]", node.reason, node.by, slurm_time(node.since))},
      one_line);
}

std::string partition_text(const Partition& partition, bool is_default,
                           const std::vector<NodeRow>& nodes, bool one_line) {
  std::vector<std::string> names;
  std::int64_t cpus = 0;
  for (const NodeRow& node : nodes) {
    if (!holds(partition, {node.site, node.accelerator_type})) continue;
    names.push_back(node.name);
    cpus += node.cpus;
  }
  return record(
      {fmt::format("PartitionName={}", partition.name),
       fmt::format("Default={} State=UP MaxTime=UNLIMITED", is_default ? "YES" : "NO"),
       fmt::format("Nodes={}", or_null(slurm::compress_hostlist(names))),
       fmt::format("TotalCPUs={} TotalNodes={}", cpus, names.size()),
       fmt::format(
           "Types={} Sites={}",
           partition.accelerator_types.empty()
               ? "any"
               : fmt::format("{}", fmt::join(partition.accelerator_types, ",")),
           partition.sites.empty() ? "any" : fmt::format("{}", fmt::join(partition.sites, ",")))},
      one_line);
}

}  // namespace mw::face
