// Attempts handed to Slurm, several at a time: for each its record is on disk before Slurm is
// asked, and what came of it is told to the attempt. To wait for disk, munge and slurmctld for one
// after the other would take most of the time.
#pragma once

#include <vector>

#include "engines/slurm/attempt_store.h"
#include "engines/slurm/client_pool.h"
#include "engines/slurm/cluster_view.h"
#include "engines/slurm/slurm_attempt.h"
#include "engines/slurm/slurm_engine.h"

namespace mw::slurm {

/// So many at once; then it is looked for what else is to be done.
inline constexpr std::size_t kHandedOverAtOnce = 64;

/// REQUIRES: next_step() of each is kSubmit; no more than kHandedOverAtOnce.
void hand_over(const std::vector<SlurmAttempt*>& attempts, const ClusterView& cluster,
               const SlurmEngineOptions& options, AttemptStore& store, const SlurmClient& client,
               ClientPool& pool);

}  // namespace mw::slurm
