// Points in time as RFC 3339 writes them, to the nanosecond and always with a zone: "at eight" in a
// job file that travels between sites would mean several times.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace mw {

/// "2026-12-01T08:00:00Z", "2026-12-01T09:30:00.5+01:30": date, T (or a blank), time with at most
/// nine decimals, and the zone. Years 1970 to 2261, later than the epoch itself.
/// Errors: kInvalid; as in codec/units.h the message is only "expected ...". A leap second is
///         refused: our time does not have it.
Result<Instant> parse_timestamp(std::string_view text);

/// In UTC, with as many decimals as are needed: text that parse_timestamp() reads back as the same.
std::string write_timestamp(Instant at);

/// What the machine's clock shows. It may step back: to be shown, and compared with other clocks,
/// and not with itself.
Instant wall_clock();

}  // namespace mw
