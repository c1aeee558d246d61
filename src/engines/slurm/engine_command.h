// What the engine's thread is told by others, in the order in which it came.
#pragma once

#include <string>
#include <variant>

#include "base/id.h"
#include "loop/engine.h"

namespace mw::slurm {

struct ForgetAttempt {
  JobId job;
  Epoch epoch;
};
struct ForgetRemedy {
  std::string node;
  Epoch remedy;
};
using Command = std::variant<DesiredAttempt, ForgetAttempt, NodeDecision, AdoptedFate,
                             DesiredRemedy, ForgetRemedy>;

}  // namespace mw::slurm
