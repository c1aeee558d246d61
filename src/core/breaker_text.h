// How it is said that a breaker keeps something from being done: whoever folds events finds the
// breaker by it.
#pragma once

#include <string>

#include "model/fault_policy.h"

namespace mw {

inline std::string tripped_text(BreakerLevel level, const std::string& place) {
  return "the breaker of " + std::string(name_of(level)) + " " + place + " has tripped";
}

}  // namespace mw
