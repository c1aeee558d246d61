// The environment of one task: what torchrun and MPI programs expect, the vendor's visible-devices
// variable, and MILLWRIGHT_*. Of our own environment only a short list is passed on: it may hold
// secrets of whoever started the control plane.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engines/local/discovery.h"
#include "loop/engine.h"

namespace mw::local {

struct EnvironmentInputs {
  const DesiredAttempt& attempt;
  std::size_t slice = 0;            ///< index into attempt.placement
  std::uint32_t local_rank = 0;     ///< among the slice's tasks
  const LocalNode* node = nullptr;  ///< null: unknown, no devices are shown
  std::uint16_t master_port = 0;
  std::string url;
  std::string endpoint_file;
  std::string token;
  std::string mw_binary;
};

/// "NAME=value", sorted by name. Precedence, weakest first: `inherited`, defaults
/// (OMP_NUM_THREADS), the job's own variables, Millwright's.
std::vector<std::string> task_environment(const EnvironmentInputs& inputs,
                                          const std::vector<std::string>& inherited);

/// Those of our own variables that tasks get, as "NAME=value".
/// `names`: exact, or ending in '*' for every name that begins so.
std::vector<std::string> inherited_environment(const std::vector<std::string>& names);

/// A port of the loopback interface that nobody uses at this moment; 0 when there is none.
std::uint16_t free_port();

}  // namespace mw::local
