// What the command line does with a Slurm cluster itself, so that it works when no control plane
// runs.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mw {

/// A job that waits in Slurm, and what is to be said of it.
struct SlurmWaiting {
  std::string id;
  std::string name;
  std::string user;
  std::string partition;
  std::string what;  ///< for people
};

struct SlurmGivenBack {
  std::vector<std::string> released;                        ///< ids
  std::vector<std::pair<std::string, std::string>> failed;  ///< ids, and why
  std::string rule_off;    ///< the file by which the rule is switched off now; empty: there is none
  std::string rule_fault;  ///< why it is not
};

struct SlurmHooks {
  /// Jobs that were handed to Slurm for us, and wait. Errors: what asking Slurm says.
  std::function<Result<std::vector<SlurmWaiting>>(const std::filesystem::path& home)> waiting;
  /// Lets Slurm's own scheduler have all of them, and what comes after them.
  std::function<Result<SlurmGivenBack>(const std::filesystem::path& home)> give_back;
};

}  // namespace mw
