// Options of srun where it starts a step: inside of a job some of them mean the job, which is there
// already. And the way back: the arguments of the srun by which a job of srun starts its one step.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "slurm_face/request.h"

namespace mw::face {

enum class StepUse : std::uint8_t {
  kTaken,
  kOfJob,    ///< means the job alone, and is passed over, as Slurm does
  kNoted,    ///< would limit the step, which has the limits of its job
  kRefused,  ///< would run something else than what was asked for
};
StepUse step_use(std::string_view name);

/// Adds to what the request notes and refuses what of its command line no step can have.
void judge_step_options(const std::vector<GivenOption>& given, Request& request);

/// The arguments with which a job of srun starts its step: the options that a step has, without
/// secrets: what --export names is in the job's environment, and everything of that is exported.
/// Files are absolute, as srun was called in `folder`.
std::vector<std::string> arguments_of_step(const std::vector<GivenOption>& options,
                                           const std::vector<std::string>& command,
                                           const std::string& folder);

/// Absolute, for whoever opens it; "all" and "none" stay.
std::string absolute_pattern(const std::string& given, const std::string& folder);

}  // namespace mw::face
