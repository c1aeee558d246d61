// What one of the checks that come with Millwright says of this machine. Each runs here and now, in
// the calling process, touches nothing that it has not made itself, and leaves nothing behind when
// it is killed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/check.h"

namespace mw::checks {

struct Report {
  std::string name;
  CheckOutcome outcome = CheckOutcome::kPassed;
  std::string detail{};  ///< why it is not passed
  std::vector<Measure> measures{};
};

inline Report failed(std::string name, std::string detail) {
  return {std::move(name), CheckOutcome::kFailed, std::move(detail), {}};
}
inline Report unable(std::string name, std::string detail) {
  return {std::move(name), CheckOutcome::kUnable, std::move(detail), {}};
}

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// The processors that this process may use.
unsigned processors();
/// So many a second, as a whole number; 0 when no time has passed.
std::int64_t rate(double amount, double seconds);

}  // namespace mw::checks
