// What would have differed: a part of the journal's history once more through the twin, under the
// policy that was in force and under another. The state at its beginning is the journal's, and what
// people asked is asked again at the same instants; jobs run for as long as they really did.
// Beside both stands what really happened, so that one sees how true the twin is.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "loop/journal.h"
#include "model/policy.h"
#include "twin/run_report.h"

namespace mw {

struct ReplayOptions {
  std::optional<Instant> from;  ///< none: from the journal's first batch
  std::optional<Instant> to;    ///< none: to its last
  Policy policy;                ///< the other one
  std::uint64_t seed = 1;       ///< of run times that nobody knows
};

struct ReplayFigures {
  std::uint64_t jobs_started = 0;  ///< for the first time
  std::uint64_t jobs_finished = 0;
  double wait_mean_s = 0;
  double wait_p90_s = 0;
  double utilisation_percent = 0;
  double goodput_percent = 0;
  double lost_accelerator_hours = 0;
  std::vector<LedgerLine> ledger;    ///< all categories
  std::optional<double> energy_mwh;  ///< none: nobody metered it
  std::optional<double> cost_usd;
};

struct ReplayReport {
  Instant from;
  Instant to;
  std::string policy_then;
  std::string policy_other;
  ReplayFigures real;
  ReplayFigures then;
  ReplayFigures other;
  std::uint64_t inputs = 0;           ///< of people, that were asked again
  std::uint64_t run_times_drawn = 0;  ///< of jobs that never ran
  std::vector<std::string> notes;     ///< what the twin does otherwise than it was
};

/// Errors: kInvalid: there is nothing between `from` and `to`, or the policy cannot be used; what
///         the journal says.
Result<ReplayReport> replay(Journal& journal, const ReplayOptions& options,
                            const std::function<void(const std::string& doing)>& progress = {});

}  // namespace mw
