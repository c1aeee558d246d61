// Scenario files: YAML (and so JSON) in, a validated Scenario out: how fast a simulated fleet's
// jobs start and run, what breaks there, and which work on it is planned. This is the only place
// where such a file is judged. docs/scenarios.md describes each key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/scenario.h"

namespace mw {

/// Reads one scenario file. What it does not say of physics is as in Physics{}; faults that it does
/// not name do not happen. Only an empty text is refused.
/// `source_name`: for messages; empty: only line and column.
/// Errors: kTooLarge for more than kScenarioFileBytesMax; kInvalid with one line a problem, each
///         `FILE:LINE:COLUMN: key: expected ..., found ...`.
Result<Scenario> parse_scenario_file(std::string_view text, std::string_view source_name);

/// The scenario file (JSON) that gives `scenario` back, with every value in it.
/// REQUIRES: the scenario came out of parse_scenario_file, or is Scenario{}.
std::string write_scenario_file(const Scenario& scenario);

/// `name`: a file, the name of a scenario that is built in, or a fault trace (`*.json` that holds a
/// list), which is then replayed with the physics of Physics{}. A trace that a file names is
/// looked for beside that file.
/// Errors: as above, and kNotFound, which names what is built in.
Result<Scenario> load_scenario(const std::string& name);

// Bounds of what a file may say; the messages and docs/scenarios.md name them.
inline constexpr std::size_t kScenarioFileBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kFaultComponentsMax = 200;
/// A fault in each minute and a half of one node; more would stop every fleet.
inline constexpr std::int64_t kFaultRateMax = 1'000'000;
inline constexpr Duration kRepairMax = hours(24 * 3650);
/// Of a mean repair over the median one: beyond it a lognormal has no use.
inline constexpr std::int64_t kRepairSkewMax = 1000;
inline constexpr std::size_t kRepairQuantilesMax = 1001;
inline constexpr Duration kPhysicsDurationMax = hours(24 * 30);
inline constexpr std::uint32_t kReplayNodesMax = 10'000'000;
/// How many servers InfiniteHBD's trace watched: what a trace is taken for that does not say it.
inline constexpr std::uint32_t kReplayNodesDefault = 400;

}  // namespace mw
