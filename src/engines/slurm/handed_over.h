// The jobs that were handed to Slurm for us, seen from outside of a control plane: so that people
// can look at them, and have the cluster back, when none runs.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engines/slurm/attempt_store.h"
#include "engines/slurm/slurm_client.h"
#include "engines/slurm/slurm_engine.h"
#include "engines/slurm/slurm_types.h"

namespace mw::slurm {

class HandedOver {
 public:
  /// Errors: as make_slurm_engine(), and what asking slurmrestd says.
  static Result<HandedOver> open(const SlurmEngineOptions& options);

  /// Those that wait. Of an array's elements that wait, one stands for all.
  Result<std::vector<SlurmJob>> waiting();
  /// Slurm's own scheduler may start it anywhere, also when we let it go already and it has yet to
  /// start. Result: false when its user wants it to wait, or there is nothing to be done.
  Result<bool> let_go(const SlurmJob& job);

  /// New jobs are not handed to us any more. Result: the file that says so; none: there is no rule.
  /// Errors: as rule_switch.h, and what asking Slurm says.
  Result<std::optional<std::filesystem::path>> switch_rule_off();

  static std::string id_of(const SlurmJob& job);
  /// What is to be said of it, for people.
  static std::string what_of(const SlurmJob& job);

 private:
  HandedOver(std::string address, Identity identity, std::unique_ptr<AttemptStore> store)
      : stop_(std::make_unique<std::atomic<bool>>(false)),
        client_(std::make_unique<SlurmClient>(std::move(address), std::move(identity), *stop_)),
        store_(std::move(store)) {}
  std::unique_ptr<std::atomic<bool>> stop_;
  std::unique_ptr<SlurmClient> client_;
  std::unique_ptr<AttemptStore> store_;  ///< which of them were pinned to nodes by us
};

}  // namespace mw::slurm
