// Faults as somebody recorded them: a JSON list of beginnings and ends by server, in the form of
// the InfiniteHBD trace (stepfun-ai/InfiniteHBD-Trace, Apache-2.0; docs/scenarios.md says what its
// fields mean). Beginnings and ends are matched here, once, so that nobody else has to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"

namespace mw {

struct TraceFault {
  std::uint32_t node = 0;  ///< numbered in the order of their first faults
  Duration at;             ///< since the trace began
  Duration repair;
  std::string component;  ///< its class
  std::string what;       ///< its description
  bool operator==(const TraceFault&) const = default;
  MW_FIELDS(node, at, repair, component, what)
};

struct FaultTrace {
  std::vector<TraceFault> faults;  ///< by `at`, of equal ones as they stand in the file
  std::uint32_t nodes = 0;         ///< that had a fault
  Duration length;                 ///< until the last thing in it
  bool operator==(const FaultTrace&) const = default;
  MW_FIELDS(faults, nodes, length)
};

/// Reads a list of events, in the order of their times. An end belongs to the oldest open beginning
/// of the same server and the same type; what never ends lasts as long as the trace.
/// `file`: for messages.
/// Errors: kTooLarge; kInvalid, naming the element and the field, such as
///         `faults.json: [12].event_time: expected ..., found ...`.
Result<FaultTrace> parse_fault_trace(std::string_view text, const std::string& file);

/// The same from a file.  Errors: also kNotFound, kUnavailable.
Result<FaultTrace> read_fault_trace(const std::string& path);

inline constexpr std::size_t kFaultTraceBytesMax = std::size_t{64} << 20;
inline constexpr std::int64_t kFaultTraceDaysMax = 36'500;
inline constexpr std::size_t kFaultTextMax = 200;

}  // namespace mw
