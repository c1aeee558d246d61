// A seat: one rank of a job that came in by Slurm's face. It connects to the job's hub (hub.h),
// starts the tasks that it is told to, within the limits of its rank, and says how they ended. When
// the hub is gone, so are its tasks.
#pragma once

#include <string>

namespace mw::face {

/// The hub's socket in the folder of the running job.
inline constexpr const char* kHubSocket = "hub";

/// Serves until the hub ends it; the exit code.  `folder`: where the hub listens, or soon will.
int run_seat(const std::string& folder, std::uint32_t rank);

}  // namespace mw::face
