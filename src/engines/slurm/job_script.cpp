#include "engines/slurm/job_script.h"

#include <fmt/format.h>

namespace mw::slurm {
namespace {

/// What each rank does before it becomes the user's program: names that torchrun and MPI programs
/// expect, and of the node's devices those that are this rank's.
constexpr std::string_view kRankScript = R"(
export RANK="$SLURM_PROCID" MILLWRIGHT_RANK="$SLURM_PROCID" MILLWRIGHT_NODE="$SLURMD_NODENAME"
export OMPI_COMM_WORLD_RANK="$RANK" PMI_RANK="$RANK"
export LOCAL_RANK=$((RANK % MW_TASKS_PER_NODE)) NODE_RANK=$((RANK / MW_TASKS_PER_NODE))
export LOCAL_WORLD_SIZE="$MW_TASKS_PER_NODE" GROUP_RANK="$NODE_RANK"
export OMPI_COMM_WORLD_LOCAL_RANK="$LOCAL_RANK" OMPI_COMM_WORLD_LOCAL_SIZE="$LOCAL_WORLD_SIZE"
first=$((LOCAL_RANK * MW_DEVICES_PER_TASK + 1))
last=$((first + MW_DEVICES_PER_TASK - 1))
mine() { [ "$MW_DEVICES_PER_TASK" -eq 0 ] || printf %s "$1" | cut -d, -f"$first-$last"; }
if [ -n "${CUDA_VISIBLE_DEVICES+x}" ]; then
  CUDA_VISIBLE_DEVICES=$(mine "$CUDA_VISIBLE_DEVICES")
  export CUDA_VISIBLE_DEVICES MILLWRIGHT_DEVICES="$CUDA_VISIBLE_DEVICES"
fi
if [ -n "${ROCR_VISIBLE_DEVICES+x}" ]; then
  ROCR_VISIBLE_DEVICES=$(mine "$ROCR_VISIBLE_DEVICES")
  export ROCR_VISIBLE_DEVICES MILLWRIGHT_DEVICES="$ROCR_VISIBLE_DEVICES"
  unset HIP_VISIBLE_DEVICES
fi
unset MW_TASKS_PER_NODE MW_DEVICES_PER_TASK SLURM_HOSTFILE
exec "$@"
)";

}  // namespace

std::string quoted_for_shell(const std::string& text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += R"('\'')";
    } else {
      word += c;
    }
  }
  return word + "'";
}

std::string job_script(const ScriptInputs& inputs) {
  std::string hosts;
  for (const std::string& host : inputs.hosts) hosts += host + "\n";
  std::string words;
  for (const std::string& word : inputs.command) words += " " + quoted_for_shell(word);
  return fmt::format(
      R"(#!/bin/sh
# Written by Millwright.
# Slurm starts a job again by itself after a node has failed. Millwright decides that, not Slurm.
[ "${{SLURM_RESTART_COUNT:-0}}" -eq 0 ] || exit {again}
directory={directory}
mkdir -p -- "$directory" || exit {folder}
exec >"$directory/batch.log" 2>&1 || exit {folder}
cat >"$directory/hosts" <<'MILLWRIGHT_HOSTS'
{hosts}MILLWRIGHT_HOSTS
set --{words}
export SLURM_HOSTFILE="$directory/hosts"
export MW_TASKS_PER_NODE={tasks_per_node} MW_DEVICES_PER_TASK={devices}
ranks={ranks}
trap 'scancel --signal=TERM "$SLURM_JOB_ID.0"' URG
srun --distribution=arbitrary --ntasks={tasks} --cpus-per-task={cpus} --input=none \
  --kill-on-bad-exit=1 --output="$directory/%t.out" --error="$directory/%t.err" \
  sh -c "$ranks" sh "$@" &
srun=$!
code=0
wait "$srun" || code=$?
# A signal ends the waiting, not what is waited for.
while kill -0 "$srun" 2>/dev/null; do code=0; wait "$srun" || code=$?; done
printf '%s\n' "$code" >"$directory/exit.new" && mv -- "$directory/exit.new" "$directory/exit"
case $code in {folder}|{again}) code={as_written} ;; esac
exit "$code"
)",
      fmt::arg("again", kStartedAgain), fmt::arg("folder", kCannotMakeFolder),
      fmt::arg("as_written", kAsWritten), fmt::arg("directory", quoted_for_shell(inputs.directory)),
      fmt::arg("hosts", hosts), fmt::arg("words", words),
      fmt::arg("tasks_per_node", inputs.tasks_per_node),
      fmt::arg("devices", inputs.devices_per_task),
      fmt::arg("ranks", quoted_for_shell(std::string(kRankScript))),
      fmt::arg("tasks", inputs.hosts.size()), fmt::arg("cpus", inputs.cpus_per_task));
}

std::string output_file(const std::string& directory, Rank rank, bool standard_error) {
  return fmt::format("{}/{}.{}", directory, rank.value(), standard_error ? "err" : "out");
}
std::string exit_file(const std::string& directory) { return directory + "/exit"; }
std::string script_log(const std::string& directory) { return directory + "/batch.log"; }

}  // namespace mw::slurm
