// The variables by which programs find out where they run under Slurm, so that unchanged scripts
// and trainers do: sbatch(1) and srun(1), "OUTPUT ENVIRONMENT VARIABLES". And those that torchrun
// sets, for a step's tasks: what starts by RANK and WORLD_SIZE starts under srun as well.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "slurm_face/face_job.h"
#include "slurm_face/step_plan.h"

namespace mw::face {

using Variables = std::map<std::string, std::string>;

/// What the host of a job knows of it.
struct JobFacts {
  std::uint64_t job = 0;
  std::uint64_t array_job = 0;                ///< 0: no array
  std::vector<std::uint32_t> array_elements;  ///< all of them; empty: no array
  std::uint32_t array_index = 0;              ///< into array_elements
  std::uint32_t attempt = 1;
  std::vector<JobNode> nodes;
  std::string user;
  std::string hub;  ///< the folder where srun finds us
  [[nodiscard]] std::optional<std::uint32_t> array_task() const;
};

/// Of the script, and of whatever salloc runs.
Variables job_variables(const FaceJob& job, const JobFacts& facts);
/// Of every task of a step.
Variables step_variables(const FaceJob& job, const JobFacts& facts, const StepRequest& request,
                         const StepPlan& plan, std::uint32_t step);
/// Of one task, besides.
Variables task_variables(const JobFacts& facts, const StepPlan& plan, std::uint32_t task);

/// "NAME=value" texts as a map, later ones win; and back, sorted.
void put_all(Variables& variables, const std::vector<std::string>& assignments);
std::vector<std::string> assignments_of(const Variables& variables);

FileNameFacts file_name_facts(const FaceJob& job, const JobFacts& facts);

}  // namespace mw::face
