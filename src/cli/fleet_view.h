// A fleet as text for people: its two trees, and what it adds up to. Pure functions.
#pragma once

#include <string>

#include "cli/terminal.h"
#include "codec/fleet_stats.h"
#include "model/fleet_spec.h"

namespace mw {

/// Shapes, and for each site the fabric tree and the power tree, with repeat counts.
std::string render_fleet_trees(const FleetSpec& fleet, const TerminalTraits& traits);

/// Sums, by type, by level of the power tree and by site.
std::string render_fleet_stats(const FleetStats& stats, const TerminalTraits& traits);

}  // namespace mw
