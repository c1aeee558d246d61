// How versions of Slurm's REST interface differ is known here, in rest_fields, rest_request and
// rest_write, and nowhere else: v0.0.38 (Slurm 22.05) to v0.0.44 (25.11). What no version can do at
// all is asked of Slurm's commands (slurm_client.h). What changed on the way, from the interface's
// own published descriptions:
//
//   v0.0.39   numbers may be objects {set, infinite, number}; a node's states are a list; a job's
//             nodes are "required_nodes" instead of "nodelist", its accelerators "tres_per_node"
//             instead of "gres", its environment a list "NAME=value"; exit codes are objects
//             also, nodes can be changed
//   v0.0.40   the script is a part of the job; a job's states are a list
//   v0.0.41   what a job has of its nodes is below job_resources.nodes.allocation
//
// Numbers, states and exit codes are read in every form, whatever the version: that costs nothing
// and keeps a version that we do not know yet from being misread.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engines/slurm/slurm_types.h"

namespace mw::slurm {

/// The last part of "v0.0.38".
struct RestVersion {
  int number = 0;
  [[nodiscard]] std::string path() const { return "/slurm/v0.0." + std::to_string(number); }
  bool operator==(const RestVersion&) const = default;
};
inline constexpr int kRestOldest = 38;
inline constexpr int kRestNewest = 44;

inline constexpr std::int64_t kInfiniteMinutes = 0xffffffff;  ///< INFINITE of slurm.h

/// The newest version that both sides know.  `openapi`: what slurmrestd answers to /openapi/v3.
/// Errors: kUnsupported, naming what it offers; kInvalid when that is no such document.
Result<RestVersion> choose_version(std::string_view openapi);

/// Errors of all: kInvalid, with what was expected and where.
Result<std::vector<SlurmNode>> read_nodes(std::string_view body);
Result<std::vector<SlurmJob>> read_jobs(std::string_view body);
Result<std::vector<SlurmPartition>> read_partitions(std::string_view body);
Result<SlurmJobId> read_submitted(std::string_view body);

/// The body of a submit.
std::string write_submission(const SlurmSubmission& submission, RestVersion version);
/// The body of a change to a job: pinned and let go, or held.
std::string write_release(const SlurmRelease& release, RestVersion version);
std::string write_hold(bool hold);
/// The body of a change to a node.  REQUIRES: can_change_nodes(version).
std::string write_node_order(const NodeOrder& order);
inline bool can_change_nodes(RestVersion version) { return version.number >= 39; }

/// What Slurm says went wrong, if it says so.
struct RestFault {
  std::int64_t number = 0;  ///< Slurm's own, of slurm_errno.h
  std::string text;
};
std::optional<RestFault> read_fault(std::string_view body);

}  // namespace mw::slurm
