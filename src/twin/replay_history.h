// A part of the journal's history, as a replay needs it: the state at its beginning, what people
// asked since, what broke, and what really came of it. A part of replay.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/state.h"
#include "loop/journal.h"
#include "model/input.h"
#include "twin/fault_source.h"
#include "twin/wait_notes.h"
#include "twin/workload.h"

namespace mw {

/// Asked by people at an instant.
struct HistoricInput {
  Instant at;
  InputBody body;
  std::optional<JobId> job;  ///< that it submitted
};

struct ReplayHistory {
  Instant from;
  Instant to;
  State begin;  ///< at `from`
  State end;    ///< at `to`
  std::vector<HistoricInput> inputs;
  std::vector<NodeFault> faults;
  std::optional<WaitNotes> waits_at_begin;
  std::optional<WaitNotes> waits;    ///< as they really were
  double real_lost_hours = 0;        ///< of attempts that ended
  std::map<JobId, JobTruth> truths;  ///< of each job that ever ran
  Duration launch;                   ///< from placement to running, the median
  std::vector<std::string> notes;
};

/// Errors: kInvalid when there is nothing in between; what the journal says.
Result<ReplayHistory> read_history(Journal& journal, std::optional<Instant> from,
                                   std::optional<Instant> to);

}  // namespace mw
