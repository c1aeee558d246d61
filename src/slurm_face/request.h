// What somebody asked for, in Slurm's own terms: the options of script, environment and command
// line put together, and what follows from them as Slurm reckons it (how many nodes and tasks).
// Nothing here knows of Millwright; request_job.h makes a job of it.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "slurm_face/options.h"
#include "slurm_face/values.h"

namespace mw::face {

struct Request {
  std::string job_name;
  std::string account;
  std::string partition;
  std::string qos;
  std::string comment;
  std::string constraint;
  std::string reservation;
  std::string chdir;
  std::string wrap;
  std::string output;
  std::string error;
  std::string input;
  std::string export_list;
  std::string open_mode;
  std::string distribution;  ///< "block", "cyclic"; empty: it was not said
  std::optional<CountRange> nodes;
  std::optional<std::uint32_t> tasks;
  std::optional<std::uint32_t> tasks_per_node;
  std::optional<std::uint32_t> tasks_per_gpu;
  std::optional<std::uint32_t> cpus_per_task;
  std::optional<std::uint32_t> cpus_per_gpu;
  std::optional<std::uint32_t> cpus_per_node_min;
  std::optional<GpuRequest> gpus;  ///< of the whole job
  std::optional<GpuRequest> gpus_per_node;
  std::optional<GpuRequest> gpus_per_task;
  std::optional<Bytes> memory_per_node;
  std::optional<Bytes> memory_per_cpu;
  std::optional<Bytes> memory_per_gpu;
  std::optional<Duration> time_limit;
  std::optional<Instant> begin;
  std::optional<Instant> deadline;
  std::vector<Dependency> after;
  std::optional<ArrayRequest> array;
  std::string array_text;  ///< as it was given
  std::optional<SignalRequest> signal;
  std::optional<std::int64_t> nice;
  std::optional<std::int64_t> priority;
  std::optional<bool> requeue;
  std::uint32_t switches = 0;  ///< 0: no matter
  bool exclusive = false;
  bool overcommit = false;
  bool hold = false;
  bool quiet = false;
  // sbatch
  bool parsable = false;
  bool wait = false;
  bool test_only = false;
  // srun
  bool overlap = false;
  bool whole = false;
  bool label = false;
  bool help = false;
  bool version = false;
  std::optional<bool> kill_on_bad_exit;
  std::optional<Duration> wait_after_first;
  std::optional<std::uint32_t> relative;
  std::string job_id;
  std::string node_list;     ///< of a step
  std::string exclude_list;  ///< of a step

  std::vector<std::string> noted;    ///< "--mail-user: no mail is sent"
  std::vector<std::string> refused;  ///< "--nodelist (line 4) is not supported: ..."

  /// As Slurm reckons them.  REQUIRES: check_request() was content.
  [[nodiscard]] std::uint32_t node_count() const;
  [[nodiscard]] std::uint32_t task_count() const;
  /// Nodes were asked for, or follow from tasks and tasks of each node.
  [[nodiscard]] bool nodes_known() const;
};

/// Puts options together; later ones win.  `now`: what "now" and "tomorrow" mean.
/// Errors: kInvalid: a value that cannot be read; names the option, where it was given, what was
///         found and what is allowed. Options that are not supported are only noted in `refused`.
Result<Request> read_request(Starter starter, const std::vector<GivenOption>& options, Instant now);

/// True when read_request() looks at the option of this name.
bool is_read(std::string_view name);

/// What must hold between options.  Errors: kInvalid.
Result<void> check_request(const Request& request);

/// The request with the names of `scontrol show job`: what Slurm would be asked for.
boost::json::object request_fields(const Request& request);

}  // namespace mw::face
