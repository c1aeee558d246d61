// The switch of the rule that hands jobs to us (examples/slurm/job_submit.lua): a file beside
// slurm.conf, where the rule is as well. While there is anything in it slurmctld takes jobs as if
// there were no rule. So one command gives the whole cluster back, and nobody edits anything.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/slurm/slurm_client.h"

namespace mw::slurm {

/// Where it is, by what `scontrol show config` says; none: slurmctld has no rule in Lua.
/// Errors: kInvalid, when that does not say where slurm.conf is.
Result<std::optional<std::filesystem::path>> rule_switch(std::string_view configuration);

/// New jobs go to Slurm's own scheduler.
/// Errors: kForbidden, with how to let us do it.
Result<void> switch_rule_off(const std::filesystem::path& file);

/// New jobs are handed to us. Result: whether they were not before.
/// Errors: kForbidden, as above.
Result<bool> switch_rule_on(const std::filesystem::path& file);

/// Turns the rule on once for the life of a control plane, should somebody have given the cluster
/// back since the last one.
class RuleSwitch {
 public:
  /// Asks Slurm how it is configured, until it has said so or refused; nothing more after that.
  void turn_on(SlurmClient& client);

 private:
  bool done_ = false;  ///< or we have said why not
  std::chrono::steady_clock::time_point again_at_;
};

}  // namespace mw::slurm
