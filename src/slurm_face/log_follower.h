// What the first rank of a job writes, shown as it comes: standard output and standard error each
// to our own.
#pragma once

#include <array>
#include <cstdint>

#include "cli/api.h"
#include "cli/terminal.h"

namespace mw::face {

class LogFollower {
 public:
  LogFollower(Api& api, const Console& console, std::uint64_t job)
      : api_(api), console_(console), job_(job) {}

  /// A new attempt writes from the begin; of another number than before: so do we.
  void follow_attempt(std::int64_t attempt);
  /// What is new.
  void show_new();
  /// All that there still is; waits a while for a control plane that is away.
  /// REQUIRES: the job has ended.
  void show_rest();

 private:
  /// Shows what there is.  Result: whether that was anything.  Errors: the API's.
  Result<bool> show(std::size_t stream);

  Api& api_;
  const Console& console_;
  std::uint64_t job_;
  std::array<std::uint64_t, 2> offsets_{};
  std::int64_t attempt_ = 0;
};

}  // namespace mw::face
