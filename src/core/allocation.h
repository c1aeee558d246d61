// Giving capacity of nodes to a gang and taking it back. Used wherever a placement begins or ends
// to count, so that what a node has free is always its size less what runs or is held on it.
#pragma once

#include "core/state.h"

namespace mw {

/// Which category a node's free accelerators are in.
LedgerCategory free_category(const State& state, const Node& node);

/// Takes `placement` out of what is free, moving its accelerators to `category`, and counts it for
/// the job's tenant.
void take_capacity(State& state, JobId job, const Placement& placement, LedgerCategory category);
/// Gives it back, from `category` to whatever each node's free accelerators are in.
void give_capacity(State& state, JobId job, const Placement& placement, LedgerCategory category);

/// Takes `placement` out of what the nodes have free, for the job's tenant, and tells nobody else:
/// neither the ledger nor the averages, which already know, nor the index of what is free, which
/// is made after this.
void occupy(State& state, JobId job, const Placement& placement);

/// Takes capacity to see what then still fits, and gives it back at the end: deciding, not
/// changing. Nothing else of the state is touched.
class Tentative {
 public:
  Tentative(State& state, const JobSpec& spec) : state_(state), spec_(spec) {}
  Tentative(const Tentative&) = delete;
  Tentative& operator=(const Tentative&) = delete;
  ~Tentative();
  /// REQUIRES: it fits. Slices of the group at their first rank.
  void take(Placement placement);

 private:
  State& state_;
  const JobSpec& spec_;
  std::vector<Placement> taken_;
};

/// The other way round: a placement is gone for as long as this lives.
class Released {
 public:
  Released(State& state, const JobSpec& spec, Placement placement);
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  ~Released();

 private:
  State& state_;
  const JobSpec& spec_;
  Placement placement_;
};

/// What can be taken for `use` of the node, if what is taken for others now is given back. The
/// devices that they have are kept, then come those with the highest numbers: ours are given from
/// the lowest on.
std::optional<OthersShare> share_for_others(const State& state, const Node& node,
                                            const OthersUse& use);
/// From now on this is taken for others.  REQUIRES: share_for_others() said so.
void set_others(State& state, Node& node, const std::optional<OthersShare>& others);
/// As occupy(), for what others use.
void occupy_others(State& state, Node& node);

/// Sets a node's derived fields to those of an empty one.
void reset_capacity(Node& node, const NodeShape& shape);

AcceleratorShare accelerators_of(const Placement& placement);

}  // namespace mw
