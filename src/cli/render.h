// The API's answers as text for people. Pure functions: the same answer, width and moment always
// give the same text. `now` is what "3m ago" counts from.
#pragma once

#include <string>

#include "base/time.h"
#include "cli/json_view.h"
#include "cli/terminal.h"
#include "model/job.h"

namespace mw {

/// "17", or "17[3]" for the element of an array.
std::string job_label(const JsonView& job);
Colour colour_of_state(std::string_view state);

/// {"jobs":[...]} as a table.
std::string render_jobs(const JsonView& list, Instant now, const TerminalTraits& traits);
/// One JobView: everything that is known about the job.
std::string render_job(const JsonView& job, Instant now, const TerminalTraits& traits);
/// The "events" of a story, with the time of each and since the first.
std::string render_story(const JsonView& story, const TerminalTraits& traits);
/// "Job 17 (charlm) succeeded after 1m 20s, ..." with its end.
std::string outcome_line(const JsonView& job, const TerminalTraits& traits);
/// "Submitted job 17 (charlm).", with its end.
std::string submitted_line(const JsonView& answer, const JobSpec& spec, bool dry_run);

/// {"nodes":[...]} as a table.
std::string render_nodes(const JsonView& list, Instant now, const TerminalTraits& traits);
std::string render_node(const JsonView& node, Instant now, const TerminalTraits& traits);
/// {"reservations":[...]} as a table.
std::string render_reservations(const JsonView& list, Instant now, const TerminalTraits& traits);
std::string render_reservation(const JsonView& one, Instant now, const TerminalTraits& traits);
std::string render_ledger(const JsonView& ledger, const TerminalTraits& traits);
/// One event on one line, with its end.
std::string render_event(const JsonView& event, const TerminalTraits& traits);

}  // namespace mw
