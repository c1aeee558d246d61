// What a check says: by its exit code, and by a line that is a JSON object
//   {"outcome": "failed", "detail": "disk.write 12 MB/s", "measures": [
//     {"name": "disk.write", "value": 12000000, "unit": "B/s", "better": "higher"}]}
// The last such line counts. Every key may be left out: `outcome` is then what the exit code says
// (0 passed, 75 could not be run, all else failed), `detail` the last line of the output that is no
// such object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/check.h"

namespace mw {

/// Exit code of a check that could not be run: EX_TEMPFAIL of sysexits.h.
inline constexpr int kUnableExit = 75;
/// Of a measure, in either direction: sums and differences of a few stay within 64 bits.
inline constexpr std::int64_t kMeasureValueMax = 1'000'000'000'000'000'000;

/// How the program of a check ended.
struct CheckExit {
  bool ran = false;           ///< false: it could not be started
  std::optional<int> code{};  ///< none: a signal or its time limit ended it
  std::string output{};       ///< the end of what it wrote
  std::string detail{};       ///< for people, unless it says so itself
};
struct CheckSaid {
  CheckResult result;
  std::string detail;
};

/// REQUIRES: nobody stopped it. A measure that cannot be used makes the check unable, and says why.
CheckSaid read_check(const CheckExit& ended);

}  // namespace mw
