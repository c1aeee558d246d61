// From what was decided about an attempt to the Slurm job that it becomes.
#pragma once

#include <string>

#include "base/result.h"
#include "engines/slurm/cluster_view.h"
#include "engines/slurm/slurm_engine.h"
#include "engines/slurm/slurm_types.h"
#include "loop/engine.h"

namespace mw::slurm {

/// Which attempt of which home a Slurm job is, as its comment says.
struct JobMark {
  std::string home;
  JobId job;
  AttemptNumber attempt;
  Epoch epoch;
  bool operator==(const JobMark&) const = default;
};
std::string write_mark(const JobMark& mark);
/// None: somebody else's job.
std::optional<JobMark> read_mark(std::string_view comment);

/// Where an attempt's output is: in a folder of its own below the job's working directory.
std::string output_directory(const DesiredAttempt& desired, const std::string& home_id);

/// Errors: kUnsupported, for what Slurm cannot give in one job; kNotFound, when no partition has
/// all of the nodes.
Result<SlurmSubmission> make_submission(const DesiredAttempt& desired, const ClusterView& cluster,
                                        const SlurmEngineOptions& options, const JobMark& mark);

}  // namespace mw::slurm
