// Nodes in place of those that a gang has lost, while its good ones are kept for it: its ranks stay
// where they are, and only the lost ones go elsewhere, as near as can be. A spare comes before a
// node that is free by chance. A segment stays in one scale-up domain: when its own has nothing in
// reserve, all of the segment moves to another one.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "core/allocation.h"
#include "core/state.h"

namespace mw {

/// Where the job goes: what is kept for it, and nodes for what it has lost. Nothing: they cannot be
/// had now, or it asked to be spread, which is for placement to see to.
/// The state is the same afterwards; it is changed meanwhile to place one part beside another.
/// REQUIRES: state.resilience.gaps has the job.
/// Cost: O(lost slices x nodes that are as near), mostly those of a leaf.
std::optional<Placement> fill_gap(State& state, JobId job);
/// The same for a gang of which `good` goes on where it is.
std::optional<Placement> fill_gap(State& state, JobId job, const Placement& good,
                                  const std::vector<LostSlice>& lost);

/// What is held for these jobs is free for as long as this lives: deciding, not changing.
class WithoutHold {
 public:
  WithoutHold(State& state, JobId job) : WithoutHold(state, std::span(&job, 1)) {}
  WithoutHold(State& state, std::span<const JobId> jobs) {
    for (const JobId job : jobs) {
      const auto hold = state.holds.find(job);
      if (hold == state.holds.end()) continue;
      released_.emplace_back(state, spec_of(state, job), hold->second.placement);
    }
  }

 private:
  std::deque<Released> released_;  ///< which stay where they are
};

/// Placement sees spares as any other nodes for as long as this lives.
class SparesInUse {
 public:
  explicit SparesInUse(State& state) : state_(state) { set(false); }
  SparesInUse(const SparesInUse&) = delete;
  SparesInUse& operator=(const SparesInUse&) = delete;
  ~SparesInUse() { set(true); }

 private:
  void set(bool spare) {
    for (const NodeId id : state_.resilience.spares) {
      Node& node = state_.nodes.at(id.value());
      node.spare = spare;
      state_.free.update(*state_.topology, node);
    }
  }

  State& state_;
};

/// Placement does not see a node for as long as this lives.
class HiddenNode {
 public:
  HiddenNode(State& state, NodeId node) : state_(state), node_(node), before_(at().hidden) {
    set(true);
  }
  HiddenNode(const HiddenNode&) = delete;
  HiddenNode& operator=(const HiddenNode&) = delete;
  ~HiddenNode() { set(before_); }

 private:
  Node& at() { return state_.nodes.at(node_.value()); }
  void set(bool hidden) {
    at().hidden = hidden;
    state_.free.update(*state_.topology, at());
  }

  State& state_;
  NodeId node_;
  bool before_;
};

/// The node on which the rank is; none: it is not in the placement.
std::optional<NodeId> node_under(const Placement& placement, Rank rank);

}  // namespace mw
