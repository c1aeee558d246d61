// What a job that came in by this face carries with it: the last argument of its command, as JSON.
// So it is in the journal with the job, on every engine, and squeue and scontrol read it from what
// the API shows of a job. It names the folder with script, environment and arguments, but holds
// neither: those may be secret, and are for their owner alone (spool.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"
#include "base/time.h"

namespace mw::face {

enum class FaceKind : std::uint8_t {
  kBatch,       ///< sbatch: a script
  kRun,         ///< srun outside of an allocation: one step
  kAllocation,  ///< salloc: what runs is elsewhere
};
}  // namespace mw::face

namespace mw {
template <>
struct EnumNames<face::FaceKind> {
  static constexpr std::array<std::string_view, 3> value = {"batch", "run", "allocation"};
};
}  // namespace mw

namespace mw::face {

struct FaceJob {
  FaceKind kind = FaceKind::kBatch;
  std::string spool;    ///< the folder, absolute
  std::string name;     ///< as it was given
  std::string command;  ///< what scontrol shows of it
  std::string partition;
  std::string account;
  std::string qos;
  std::string comment;
  std::string submit_folder;
  std::string submit_host;
  std::uint32_t nodes = 0;  ///< 0: as few as possible
  std::uint32_t tasks = 1;
  bool tasks_said = false;           ///< so that SLURM_NTASKS is set, as Slurm does
  std::uint32_t tasks_per_node = 0;  ///< as it was said; 0: it was not
  std::uint32_t cpus_per_task = 0;   ///< 0: was not said, so 1
  std::uint32_t seats = 1;           ///< ranks of our gang, each a place where tasks are started
  std::uint32_t seat_cpus = 1;
  std::uint32_t gpus = 0;           ///< of the whole job
  std::uint32_t gpus_per_node = 0;  ///< as it was said
  std::uint32_t gpus_per_task = 0;  ///< as it was said
  std::string gpu_type;
  Bytes memory_per_node;  ///< as it was said
  Bytes memory_per_cpu;   ///< as it was said
  std::string output;     ///< patterns
  std::string error;
  std::string input;
  bool append = false;
  bool requeue = true;
  std::string array;  ///< as it was said, without its limit
  int signal = 0;     ///< to send before the time limit; 0: none
  bool signal_to_script = false;
  Duration signal_before;
  Duration time_limit;
  std::optional<Instant> begin;
  // What a step has that does not say otherwise. They came later than the rest: optional.
  std::optional<std::string> distribution;
  std::optional<bool> overcommit;

  bool operator==(const FaceJob&) const = default;
  MW_FIELDS(kind, spool, name, command, partition, account, qos, comment, submit_folder,
            submit_host, nodes, tasks, tasks_said, tasks_per_node, cpus_per_task, seats, seat_cpus,
            gpus, gpus_per_node, gpus_per_task, gpu_type, memory_per_node, memory_per_cpu, output,
            error, input, append, requeue, array, signal, signal_to_script, signal_before,
            time_limit, begin, distribution, overcommit)
};

std::string write_face_job(const FaceJob& job);
/// Nothing for what is none.
std::optional<FaceJob> read_face_job(std::string_view text);
/// Of a job's whole command; nothing for a job that came by another way.
std::optional<FaceJob> face_job_of(const std::vector<std::string>& command);
/// The command that runs it. `program`: the mw to run, absolute.
std::vector<std::string> command_of(const FaceJob& job, const std::string& program);

/// What may stand behind % in the name of a file; what has no meaning in a place is left as 0.
struct FileNameFacts {
  std::uint64_t job = 0;
  std::uint64_t array_job = 0;
  std::optional<std::uint32_t> array_task;
  std::optional<std::uint32_t> step;
  std::uint32_t node = 0;  ///< within the job
  std::uint32_t task = 0;
  std::string host;
  std::string user;
  std::string job_name;
};
/// "slurm-%A_%4a.out" with what is meant: %j %J %A %a %b %N %n %t %s %u %x %%, a number pads with
/// zeros. A backslash in it leaves all as it is.
std::string expand_file_name(std::string_view pattern, const FileNameFacts& facts);
/// Whether it names a file for each task or node of a step: %t, %n or %N, padded or not.
bool differs_by_task(std::string_view pattern);

}  // namespace mw::face
