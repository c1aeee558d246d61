// Figures as people want to see them at a glance. Lengths of time, sizes and shares come from
// codec/text.h; here is what only a screen needs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/quantity.h"
#include "base/time.h"
#include "cli/json_view.h"
#include "cli/terminal.h"
#include "codec/timestamp.h"

namespace mw {

/// "now", "42s ago", "3m ago", "2h ago", "5d ago"; "in 3m" for what is to come.
std::string ago_text(Instant then, Instant now);
/// Local time: "2026-11-22 04:42:08".
std::string clock_text(Instant at);
/// Local time of day: "04:42:08".
std::string time_of_day_text(Instant at);
/// "999", "1.23k", "45.6k", "1.20M".
std::string count_text(double value);
/// With a unit: "10.2 kW", "3.35 TB/s", "250 EFLOP/s".
std::string si_text(double value, std::string_view unit);
/// "700 W", "1.60 GW".
std::string watts_text(Watts power);
/// As makers say it: "95 GiB" when it is whole, else "80.0 GB".
std::string memory_text(Bytes size);
/// "12.5 s", "3.2 h": accelerator-time, from seconds; always with one unit.
std::string accelerator_seconds_text(double seconds);
/// A loss or another measured number, in four digits.
std::string measure_text(double value);
/// "[######----]" of `width` columns, `share` in 0..1.
std::string bar_text(double share, std::size_t width, bool unicode);
/// "120/200 60% · loss 2.31 · 1.2k tokens/s", from a JobView's or event's progress.
std::string progress_text(const JsonView& progress);
/// "1 job", "2 jobs".
std::string counted(std::int64_t count, std::string_view one);

}  // namespace mw
