// What Slurm says of its nodes and partitions, made into what we say of nodes: their descriptions,
// which of them cannot be reached, which its people took out of service, what others use. And the
// other way round: which nodes Slurm is to take out of service, because that was decided here. The
// reason tells whose drain one is: ours begin with drain_mark(), and nobody's else are touched.
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

  /// How reasons begin that are of ours, and of no other home's.  Called before anything else.
  void sign_drains(const std::string& home_id) { drain_mark_ = "Millwright " + home_id + ": "; }

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
  /// What is to be done to nodes, as the last list has them; by node.
  [[nodiscard]] std::vector<NodeOrder> orders() const;
  /// Nodes that Slurm has had our drains of, and for which reasons: what an earlier control plane
  /// knew, given before anything else, and what is known now.
  void remember(CarriedDrains drains) { carried_ = std::move(drains); }
  [[nodiscard]] const CarriedDrains& carried() const { return carried_; }
  /// We may not, or not now: then the node is as Slurm has it.
  void cannot_change(const std::string& node);

  [[nodiscard]] const SlurmNode* node(const std::string& name) const;
  /// How the reason begins of a node that is rebooted for us.
  [[nodiscard]] std::string reboot_mark(Epoch remedy) const;
  /// REQUIRES: node(name).
  [[nodiscard]] bool is_drained_by_us(const std::string& name) const;
  [[nodiscard]] bool is_stuck(const std::string& name) const;
  /// A partition that has all these nodes, and lets jobs run for `length` if one does; none when
  /// there is none.
  [[nodiscard]] const SlurmPartition* partition_for(const std::vector<std::string>& nodes,
                                                    Duration length = Duration()) const;
  /// One that is up and used, by name.
  [[nodiscard]] const SlurmPartition* partition(const std::string& name) const;
  /// Nodes of all that are used.
  [[nodiscard]] const std::set<std::string>& usable() const { return usable_; }
  static std::string type_of(const SlurmNode& node);
  /// Its nodes have not all one address.
  [[nodiscard]] bool has_several_machines() const;
  [[nodiscard]] bool empty() const { return nodes_.empty(); }

 private:
  enum class Health { kUp, kDraining, kDown, kUnknown };
  struct Known {
    SlurmNode node;
    bool told = false;
    bool changed = false;  ///< since it was first told of
    Health health = Health::kUp;
    std::optional<OthersUse> use;  ///< as told
    bool asked = false;            ///< for what was decided to change; until we hear of it
    bool stuck = false;            ///< it is not changed for us
    NodeDecision decision;
  };
  static Health health_of(const SlurmNode& node);
  [[nodiscard]] bool drained_by_us(const SlurmNode& node) const;
  /// As a reason in Slurm; empty when it is not for Slurm to take the node out of service.
  [[nodiscard]] std::string drain_reason(const NodeDecision& decision) const;
  [[nodiscard]] bool is_being_rebooted(const Known& known) const;
  void follow_drain(Known& known, const ObservationSink& sink);
  [[nodiscard]] bool is_carried(const std::string& node, const std::string& reason) const;
  [[nodiscard]] NodeSpec spec_of(const SlurmNode& node) const;
  bool tell(Known& known, const SlurmNode& now, const ObservationSink& sink);
  std::uint32_t looks_ = 0;
  void tell_drain(Known& known, const ObservationSink& sink);

  std::string site_;
  std::vector<std::string> wanted_;
  ClusterTopology topology_;
  std::string drain_mark_ = "Millwright: ";
  struct Usable {
    SlurmPartition partition;
    std::unordered_set<std::string> nodes;
  };
  std::vector<Usable> partitions_;  ///< the default one first
  std::set<std::string> usable_;    ///< nodes of those, and of wanted ones that are not up
  std::set<std::string> open_;      ///< of those that are up
  std::map<std::string, Known> nodes_;
  std::map<std::string, NodeDecision> decisions_;  ///< of nodes that we have not seen yet
  CarriedDrains carried_;
};

}  // namespace mw::slurm
