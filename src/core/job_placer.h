// Where a whole job goes: all groups of its gang, and as many tasks of an elastic one as fit.
#pragma once

#include <variant>

#include "core/placement.h"
#include "core/state.h"

namespace mw {

class JobPlacer {
 public:
  /// Result: slices of all groups in rank order, or what is missing. An elastic job gets no more
  /// than its tenant may use.
  /// The state is the same afterwards; it is changed meanwhile to place one group beside another.
  std::variant<Placement, NoPlace> place(State& state, JobId job);

  /// Why there is no place; NotYetConsidered when there is one.
  PendingReason explain(State& state, const JobSpec& spec);

  [[nodiscard]] Placer& placer() { return placer_; }

 private:
  std::variant<Placement, NoPlace> place_elastic(const State& state, JobId job);

  Placer placer_;
};

}  // namespace mw
