// What was asked of a control plane of ours, from its journal: the jobs as they were submitted, and
// how long each ran and how it ended, from the events. So last month can be run again, under
// another policy or on another fleet.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "loop/journal.h"
#include "twin/workload.h"

namespace mw {

struct JournalJobs {
  /// In the order of submission, counted from the first; elements of arrays are jobs of their own.
  /// Dependencies are not in them: they name ids of that history.
  std::vector<WorkloadJob> jobs;
  std::vector<JobId> ids;     ///< of each of them, in that history
  std::size_t never_ran = 0;  ///< left out: how long they would have run is unknown
  /// Places in `jobs` of those that still run; they count as if they had ended with the journal.
  std::vector<std::size_t> unfinished;
};

/// What a job needed: the time that its last attempt ran, of all attempts when they went on from
/// checkpoints. Checkpoints as far apart, and as costly, as they were on average.
/// Errors: as Journal::visit_batches.
Result<JournalJobs> journal_jobs(Journal& journal);

}  // namespace mw
