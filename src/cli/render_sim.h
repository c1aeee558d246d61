// Simulated runs as text for people, from their JSON: one run's summary, and several side by side.
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "cli/json_view.h"
#include "cli/terminal.h"

namespace mw {

/// A RunReport: what was run, the headline figures, the ledger, waits, tenants, ends.
std::string render_run_report(const JsonView& report, const TerminalTraits& traits);

/// A Comparison: a row a figure, a column a setup, and the differences from the first.
std::string render_comparison(const JsonView& comparison, const TerminalTraits& traits);

/// A figure in the unit that a Comparison names: "12.3 %", "4.2 h".
std::string figure_text(double value, std::string_view unit);

}  // namespace mw
