// Nodes that Slurm reboots for us (scontrol reboot), with the RebootProgram of its own
// configuration. What was asked of Slurm is kept in Slurm: the reason of the node names the remedy,
// so that whoever comes next asks no second time, and a boot that is younger than that reason is
// its end. The node is drained there by us all the while, so that nobody has it before it is
// proven.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "engines/slurm/cluster_view.h"
#include "engines/slurm/slurm_attempt.h"
#include "engines/slurm/slurm_client.h"
#include "loop/engine.h"

namespace mw::slurm {

enum class RebootStep { kDrainFirst, kAsk, kWait, kDone };

/// What is next for a node that is to be rebooted. `mark`: how the reason of this remedy begins;
/// `drained`: the node is drained there by us.
RebootStep reboot_step(const SlurmNode& node, std::string_view mark, bool drained);

class Reboots {
 public:
  /// Told again, it says again how it ended.
  void want(DesiredRemedy desired, const ObservationSink& sink);
  void forget(const std::string& node, Epoch remedy);
  [[nodiscard]] bool unsettled() const;
  /// As the last list has the nodes.
  void look(const ClusterView& cluster, SlurmClient& client, const ObservationSink& sink);

 private:
  struct Wanted {
    DesiredRemedy desired;
    SteadyTime again_at;                    ///< not asked before this again
    std::optional<RemedyReported> ended{};  ///< how
  };
  static void end(Wanted& wanted, bool ok, std::string detail, const ObservationSink& sink);
  /// False: Slurm did not answer.
  static bool ask(Wanted& wanted, const std::string& mark, SlurmClient& client,
                  const ObservationSink& sink);

  std::map<std::string, Wanted> wanted_;  ///< by node
};

}  // namespace mw::slurm
