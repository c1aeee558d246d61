// From what Slurm would be asked for to what Millwright is asked for.
//
// A rank of the job is a seat: a place where the script, or tasks of its steps, are started. Where
// the number of nodes is known there is one seat on each, and it has all that the job has of the
// node, as slurmd's slurmstepd does: so every task of a step sees all GPUs of the job on its node.
// Where only tasks are asked for, each task is a seat, and Millwright puts them on as few nodes as
// it can.
#pragma once

#include <string>

#include "base/result.h"
#include "model/job.h"
#include "slurm_face/face_job.h"
#include "slurm_face/fleet_facts.h"
#include "slurm_face/request.h"

namespace mw::face {

struct TranslatedJob {
  JobSpec spec;  ///< without command
  FaceJob face;
};

/// `face`: with what is known besides the request: kind, spool, command, arguments.
/// `workdir`: absolute.
/// Errors: kUnsupported, naming every option that cannot be honoured; kInvalid for a partition,
///         type or feature that there is not, naming those that there are.
Result<TranslatedJob> translate(const Request& request, const FleetFacts& fleet, FaceJob face,
                                const std::string& workdir);

/// The types that somebody means by `name`: the one of this very name, else those that have it as a
/// part ("h100": "h100-sxm", "NVIDIA-H100-80GB-HBM3").
std::vector<std::string> types_meant(std::string_view name, const std::vector<std::string>& types);

}  // namespace mw::face
