// Where a whole job goes: all groups of its gang, and as many tasks of an elastic one as fit.
#pragma once

#include <optional>
#include <variant>

#include "core/placement.h"
#include "core/state.h"

namespace mw {

class JobPlacer {
 public:
  /// Result: slices of all groups in rank order, or what is missing. An elastic job gets no more
  /// than its tenant may use.
  /// The state is the same afterwards; it is changed meanwhile to place one group beside another.
  /// Cost: as Placer::place(); for a job of several groups, a copy of the room as well.
  /// `in_use`: what its tenant uses for this very job, and would use no more.
  std::variant<Placement, NoPlace> place(State& state, JobId job,
                                         const ResourceAmounts& in_use = {});

  /// On just the nodes that it claims, whatever else is claimed: where and when it was promised a
  /// start, it takes nothing that others were promised.  Nothing when it does not fit there yet.
  /// REQUIRES: no claims lie on nodes (they are lifted).  For jobs of one group.
  static std::optional<Placement> place_as_claimed(const State& state, const Claim& claim);
  /// False when some node of the claim has surely too little free for that. Lifts nothing, and
  /// mostly looks at a few nodes only: whoever waits for its promise is asked at every end.
  static bool may_place_as_claimed(const State& state, const Claim& claim);

  /// Why there is no place; NotYetConsidered when there is one.
  PendingReason explain(State& state, const JobSpec& spec);

  [[nodiscard]] Placer& placer() { return placer_; }

 private:
  std::variant<Placement, NoPlace> place_elastic(const State& state, JobId job,
                                                 AcceleratorShare in_use);

  Placer placer_;
};

}  // namespace mw
