// What Slurm says of its nodes and partitions, made into what we say of nodes: their descriptions,
// which of them cannot be reached, which its people took out of service, what others use.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "engines/slurm/slurm_types.h"
#include "engines/slurm/topology_conf.h"
#include "loop/engine.h"
#include "model/fleet.h"
#include "model/input.h"

namespace mw::slurm {

/// As whom drains are told that people (or Slurm itself) made there.
inline constexpr const char* kBySlurm = "slurm";

class ClusterView {
 public:
  /// `wanted`: the partitions to use; empty: all that are up.
  ClusterView(std::string site, std::vector<std::string> wanted, ClusterTopology topology)
      : site_(std::move(site)), wanted_(std::move(wanted)), topology_(std::move(topology)) {}

  /// Takes in what partitions there are.
  /// Errors: kNotFound, when one that is wanted is not there, saying which there are.
  Result<void> take(std::vector<SlurmPartition> partitions);
  /// Takes in the nodes; tells what is new about them, in the order of the fabric.
  void take(const std::vector<SlurmNode>& nodes, const ObservationSink& sink);
  /// Takes in what others use. `ours`: whether a job is one of ours.
  void take_use(const std::vector<SlurmJob>& jobs, const std::function<bool(const SlurmJob&)>& ours,
                const ObservationSink& sink);
  /// What has been decided about a node.
  void decided(const NodeDecision& decision);

  [[nodiscard]] const SlurmNode* node(const std::string& name) const;
  /// A partition that has all these nodes; none when there is none.
  [[nodiscard]] const SlurmPartition* partition_for(const std::vector<std::string>& nodes) const;
  [[nodiscard]] bool empty() const { return nodes_.empty(); }

 private:
  enum class Health { kUp, kDraining, kDown, kUnknown };
  struct Known {
    SlurmNode node;
    bool told = false;
    Health health = Health::kUp;
    std::optional<OthersUse> use;  ///< as told
    bool asked = false;            ///< for what was decided to change; until we hear of it
    NodeDecision decision;
  };
  static Health health_of(const SlurmNode& node);
  [[nodiscard]] NodeSpec spec_of(const SlurmNode& node) const;
  void tell(Known& known, const SlurmNode& now, const ObservationSink& sink);
  void tell_drain(Known& known, const ObservationSink& sink);

  std::string site_;
  std::vector<std::string> wanted_;
  ClusterTopology topology_;
  struct Usable {
    SlurmPartition partition;
    std::unordered_set<std::string> nodes;
  };
  std::vector<Usable> partitions_;  ///< the default one first
  std::set<std::string> usable_;    ///< nodes of those, and of wanted ones that are not up
  std::set<std::string> open_;      ///< of those that are up
  std::map<std::string, Known> nodes_;
  std::map<std::string, NodeDecision> decisions_;  ///< of nodes that we have not seen yet
};

}  // namespace mw::slurm
