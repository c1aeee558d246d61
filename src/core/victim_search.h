// The search for victims: who may go, what that makes room for node by node, and the cheapest set
// that is enough. Used by src/core/preemption.cpp and src/core/victim_bundles.cpp alone.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/placement_search.h"
#include "core/planned_room.h"
#include "core/preemption.h"
#include "core/state.h"

namespace mw {

/// What each costs when only their number counts; divisible by many shares.
inline constexpr AcceleratorTime::rep kCostOfOne = 5'040'000'000;

/// An attempt that may be stopped, and what that costs.
struct VictimCandidate {
  const Attempt* attempt;
  AcceleratorTime cost;
  bool reclaimed;  ///< only because its tenant uses more than its quota
  // Of the attempt. Attempts lie all over the memory, and these are looked at again and again.
  AcceleratorShare accelerators;
  std::span<const NodeSlice> slices;
};

/// Attempts that make room on one node when they are stopped.
struct VictimBundle {
  NodeId node;
  std::vector<std::size_t> victims;  ///< indexes of candidates
  std::uint32_t gain = 0;            ///< tasks of the gang for which there is room then
  Int128 cost = 0;                   ///< of each victim, its share that lies on this node
  Int128 whole_cost = 0;             ///< of each victim, all of it
};

/// Attempts of fewer whole accelerators than this are sorted without comparing them.
inline constexpr std::size_t kWholeSizes = 129;

/// What a search works in. Kept from one to the next: among 20,000 attempts it is some megabytes,
/// and to have them zeroed by the kernel each time took a third of a search.
struct VictimMemory {
  struct Link {
    std::uint32_t candidate;
    std::uint32_t next;
  };
  struct OnNode {
    Position position;
    Int128 cost;  ///< of all that may go there
  };
  std::vector<VictimCandidate> candidates;
  std::vector<VictimCandidate> sorted;
  std::vector<const Attempt*> attempts;
  // By size: how many, and then where the next of it goes.
  std::array<std::size_t, kWholeSizes> whole_sizes;  ///< of so many whole accelerators
  std::map<AcceleratorShare, std::size_t> sizes;     ///< of all others
  std::vector<VictimBundle> bundles;
  /// A bundle's value, as far as it is asked to sort them.
  struct Value {
    Int128 cost;
    std::uint32_t gain;
    std::uint32_t bundle;
  };
  std::vector<Value> order;  ///< of the bundles: the best value first
  // Candidates by node, as lists through one array.
  std::vector<std::uint32_t> heads;
  std::vector<Int128> costs;
  std::vector<Link> links;
  std::vector<OnNode> nodes;
  Room room;
};

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
        sites_(allowed_sites(*state.topology, spec_.where)),
        memory_(memory_of(placer)),
        candidates_(memory_.candidates),
        bundles_(memory_.bundles) {
    candidates_.clear();
    bundles_.clear();
  }

  std::optional<Claim> run();

 private:
  using Candidate = VictimCandidate;
  using Bundle = VictimBundle;
  static VictimMemory& memory_of(Placer& placer) {
    if (!placer.victim_memory()) placer.victim_memory() = std::make_shared<VictimMemory>();
    return *placer.victim_memory();
  }

  /// A part of the fleet inside which all of the gang has to be: a vertex, or one node.
  struct Region {
    std::vector<std::size_t> bundles;  ///< the best value first
    FabricId vertex;                   ///< of one node: the lowest vertex above it
    Position first = 0;
    Position last = 0;
  };

  void find_candidates();
  void sort_candidates();
  void find_bundles();
  void link_candidates();
  /// The gang may be anywhere at a site, so that leaving out dear nodes leaves enough.
  [[nodiscard]] bool regions_may_be_large() const { return gang_.require >= FabricLevel::kSite; }
  void bundle_node(NodeId node, const std::vector<std::size_t>& on_node);
  enum class Charge : std::uint8_t { kShare, kWhole };
  void sort_bundles(Charge charge);
  std::vector<Region> regions() const;
  [[nodiscard]] std::uint64_t fits_now(const Region& region) const;
  std::optional<std::vector<std::size_t>> cheapest(const Region& region, Int128& cost) const;
  std::optional<Claim> cheapest_set();
  std::optional<Claim> without(std::vector<std::size_t> victims, FabricId within = Topology::kRoot);
  std::optional<Claim> without(PlannedRoom& room, std::vector<std::size_t> victims,
                               FabricId within);
  void spare(PlannedRoom& room, const PlannedGroups& groups, std::vector<std::size_t>& victims);
  void find_suitable_shapes();
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
  GangShape gang_;            ///< of the first group, which leads the search
  std::uint32_t unit_ = 1;    ///< tasks that a node has to take at once
  std::vector<bool> shapes_;  ///< on which the gang may run
  VictimMemory& memory_;
  std::vector<Candidate>& candidates_;
  std::vector<Bundle>& bundles_;
};

}  // namespace mw
