// Forecasts for people: when a job starts, and what a change would do.
#pragma once

#include <string>

#include "base/time.h"
#include "cli/json_view.h"
#include "cli/terminal.h"

namespace mw {

/// The answer of GET /v1/jobs/{job}/forecast or POST /v1/forecasts.
/// `name`: what the job is called in the first line: "Job 17", "The job of job.yaml".
std::string render_start(const JsonView& forecast, const std::string& name);

/// The answer of POST /v1/what-if.
std::string render_what_if(const JsonView& report, const TerminalTraits& traits);

/// A figure of a comparison by its name in JSON: "wait, mean"; and its value with its unit.
std::string figure_title(const std::string& name);
std::string figure_text(const std::string& name, double value);

}  // namespace mw
