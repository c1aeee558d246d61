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

  /// What is new.
  void show_new();
  /// All that there still is.  REQUIRES: the job has ended.
  void show_rest();

 private:
  /// False when there is nothing more now.
  bool show(std::size_t stream);

  Api& api_;
  const Console& console_;
  std::uint64_t job_;
  std::array<std::uint64_t, 2> offsets_{};
};

}  // namespace mw::face
