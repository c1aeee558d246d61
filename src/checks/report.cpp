#include "checks/report.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <thread>

namespace mw::checks {

unsigned processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
    return static_cast<unsigned>(CPU_COUNT(&set));
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

std::int64_t rate(double amount, double seconds) {
  return seconds > 0 ? std::llround(amount / seconds) : 0;
}

}  // namespace mw::checks
