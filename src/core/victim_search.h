// The search for victims: who may go, what that makes room for node by node, and the cheapest set
// that is enough. Used by src/core/preemption.cpp alone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/placement_search.h"
#include "core/planned_room.h"
#include "core/preemption.h"
#include "core/state.h"

namespace mw {

/// One search; for one job.
class VictimSearch {
 public:
  VictimSearch(const State& state, JobId job, Placer& placer, Stopping stopping)
      : stopping_(stopping),
        state_(state),
        job_(job),
        spec_(spec_of(state, job)),
        tenant_(record_of(state, job).tenant),
        placer_(placer),
        sites_(allowed_sites(*state.topology, spec_.where)) {}

  std::optional<Claim> run();

 private:
  /// An attempt that may be stopped, and what that costs.
  struct Candidate {
    const Attempt* attempt;
    AcceleratorTime cost;
    bool reclaimed = false;  ///< only because its tenant uses more than its quota
  };

  /// Attempts that make room on one node when they are stopped.
  struct Bundle {
    NodeId node;
    std::vector<std::size_t> victims;  ///< indexes of candidates
    std::uint32_t gain = 0;            ///< tasks of the gang for which there is room then
    Int128 cost = 0;                   ///< of each victim, its share that lies on this node
    Int128 whole_cost = 0;             ///< of each victim, all of it
  };

  /// A part of the fleet inside which all of the gang has to be: a vertex, or one node.
  struct Region {
    std::vector<std::size_t> bundles;  ///< the best value first
    Position first = 0;
    Position last = 0;
  };

  void find_candidates();
  void find_bundles();
  /// The gang may be anywhere at a site, so that leaving out dear nodes leaves enough.
  [[nodiscard]] bool regions_may_be_large() const { return gang_.require >= FabricLevel::kSite; }
  void bundle_node(NodeId node, const std::vector<std::size_t>& on_node);
  enum class Charge : std::uint8_t { kShare, kWhole };
  void sort_bundles(Charge charge);
  std::vector<Region> regions() const;
  [[nodiscard]] std::uint64_t fits_now(const Region& region) const;
  std::optional<std::vector<std::size_t>> cheapest(const Region& region, Int128& cost) const;
  std::optional<Claim> cheapest_set();
  std::optional<Claim> without(std::vector<std::size_t> victims);
  void spare(PlannedRoom& room, const PlannedGroups& groups, std::vector<std::size_t>& victims);
  [[nodiscard]] bool suits(NodeId node) const;

  [[nodiscard]] bool all_go_on(PlannedRoom room, const PlannedGroups& groups,
                               const std::vector<std::size_t>& victims);

  Stopping stopping_;
  const State& state_;
  JobId job_;
  const JobSpec& spec_;
  TenantId tenant_;
  Placer& placer_;
  std::vector<bool> sites_;
  GangShape gang_;          ///< of the first group, which leads the search
  std::uint32_t unit_ = 1;  ///< tasks that a node has to take at once
  std::vector<Candidate> candidates_;
  std::vector<Bundle> bundles_;
};

}  // namespace mw
