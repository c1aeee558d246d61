#include "core/replacement.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/fit.h"
#include "model/gang.h"

namespace mw {
namespace {

bool lies_in(const FabricVertex& inner, const FabricVertex& outer) {
  return inner.first >= outer.first && inner.last <= outer.last;
}

class GapFiller {
 public:
  GapFiller(State& state, JobId job, Placement good, std::vector<LostSlice> lost)
      : state_(state),
        topology_(*state.topology),
        spec_(spec_of(state, job)),
        hold_(std::move(good)),
        lost_(std::move(lost)),
        slices_(hold_.begin(), hold_.end()),
        beside_(state, spec_) {
    for (const NodeSlice& slice : slices_) used_.insert(slice.node);
    type_ = topology_.shape(hold_.front().node).accelerator_type;
  }

  std::optional<Placement> fill() {
    // Of a segment all that is lost at once, for it has to stay together.
    std::map<std::uint32_t, std::vector<LostSlice>> bundles;
    for (const LostSlice& lost : lost_) {
      const GangShape& gang = group_at(spec_, lost.first_rank);
      if (gang.spread_tasks > 0) return std::nullopt;
      bundles[first_of_segment(gang, lost)].push_back(lost);
    }
    for (auto& [first, bundle] : bundles) {
      const GangShape& gang = group_at(spec_, first);
      const bool together = gang.segment > 1 && bundle.front().tasks < gang.segment;
      if (!(together ? fill_segment(gang, bundle) : fill_within(bundle, bound_of(gang)))) {
        return std::nullopt;
      }
    }
    std::sort(slices_.begin(), slices_.end(),
              [](const NodeSlice& a, const NodeSlice& b) { return a.first_rank < b.first_rank; });
    return Placement(std::move(slices_));
  }

 private:
  [[nodiscard]] std::uint32_t first_of_segment(const GangShape& gang, const LostSlice& lost) const {
    if (gang.segment <= 1 || lost.tasks >= gang.segment) return lost.first_rank;
    const std::uint32_t base = group_begin(lost.first_rank);
    return base + (lost.first_rank - base) / gang.segment * gang.segment;
  }
  [[nodiscard]] std::uint32_t group_begin(std::uint32_t rank) const {
    std::uint32_t begin = 0;
    for_each_group(spec_, [&](const GangShape&, std::uint32_t first) {
      if (first <= rank) begin = first;
    });
    return begin;
  }

  /// The vertex that all of the group has to be in; not beyond a site.
  [[nodiscard]] FabricId bound_of(const GangShape& gang) const {
    const auto same = std::find_if(slices_.begin(), slices_.end(), [&](const NodeSlice& slice) {
      return &group_at(spec_, slice.first_rank) == &gang;
    });
    const NodeId node = same == slices_.end() ? hold_.front().node : same->node;
    const FabricLevel level =
        same == slices_.end() ? FabricLevel::kSite : std::min(gang.require, FabricLevel::kSite);
    return above(node, level);
  }
  /// The lowest vertex above the node that is of that level or a higher one.
  [[nodiscard]] FabricId above(NodeId node, FabricLevel level) const {
    FabricId at = topology_.fabric_of(node);
    while (topology_.fabric(at).level < level && at != Topology::kRoot) {
      at = topology_.fabric(at).parent;
    }
    return at;
  }

  bool fill_segment(const GangShape& gang, std::vector<LostSlice> bundle) {
    const std::uint32_t first = first_of_segment(gang, bundle.front());
    std::vector<NodeSlice> kept;
    for (const NodeSlice& slice : slices_) {
      if (slice.first_rank >= first && slice.first_rank < first + gang.segment) {
        kept.push_back(slice);
      }
    }
    const FabricId home = above(bundle.front().node, FabricLevel::kScaleUp);
    if (topology_.fabric(home).level != FabricLevel::kScaleUp) return false;
    if (fill_within(bundle, home)) return true;
    const FabricId bound = bound_of(gang);
    let_go(kept, bundle);
    return move_segment(bundle, bound, home);
  }

  /// What is left of a segment goes with the rest of it.
  void let_go(const std::vector<NodeSlice>& kept, std::vector<LostSlice>& bundle) {
    if (kept.empty()) return;
    released_.emplace_back(state_, spec_, Placement(kept));
    for (const NodeSlice& slice : kept) {
      std::erase(slices_, slice);
      used_.erase(slice.node);
      bundle.push_back({slice.node, slice.first_rank, slice.tasks});
    }
  }

  /// To the nearest scale-up domain that has room for all of it.
  bool move_segment(const std::vector<LostSlice>& bundle, FabricId bound, FabricId home) {
    for (FabricId around = home; around != bound;) {
      around = topology_.fabric(around).parent;
      for (const FabricId domain : topology_.at_level(FabricLevel::kScaleUp)) {
        if (!lies_in(topology_.fabric(domain), topology_.fabric(around))) continue;
        if (fill_within(bundle, domain)) return true;
      }
      if (around == Topology::kRoot) break;
    }
    return false;
  }

  bool fill_within(const std::vector<LostSlice>& bundle, FabricId within) {
    std::vector<NodeSlice> found;
    {
      Tentative tried(state_, spec_);
      for (const LostSlice& lost : bundle) {
        const auto node = nearest(lost, within);
        if (!node) break;
        found.push_back(slice_on(*node, lost));
        used_.insert(*node);
        tried.take(Placement({found.back()}));
      }
    }
    if (found.size() < bundle.size()) {
      for (const NodeSlice& slice : found) used_.erase(slice.node);
      return false;
    }
    for (const NodeSlice& slice : found) {
      slices_.push_back(slice);
      beside_.take(Placement({slice}));
    }
    return true;
  }

  [[nodiscard]] NodeSlice slice_on(NodeId node, const LostSlice& lost) const {
    const GangShape& gang = group_at(spec_, lost.first_rank);
    return {node, lost.first_rank, lost.tasks,
            pick_devices(state_.nodes[node.value()].devices, gang.task.accelerators, lost.tasks)};
  }

  /// From the vertex of the node that was lost outwards.
  std::optional<NodeId> nearest(const LostSlice& lost, FabricId within) const {
    const FabricVertex& all = topology_.fabric(within);
    FabricId at = topology_.fabric_of(lost.node);
    if (!lies_in(topology_.fabric(at), all)) at = within;
    while (true) {
      if (auto node = spare_in(topology_.fabric(at), lost)) return node;
      if (auto node = free_in(topology_.fabric(at), lost)) return node;
      if (at == within || at == Topology::kRoot) return std::nullopt;
      at = topology_.fabric(at).parent;
    }
  }

  std::optional<NodeId> spare_in(const FabricVertex& vertex, const LostSlice& lost) const {
    for (const NodeId id : state_.resilience.spares) {
      const Position position = topology_.position(id);
      const Node& node = state_.nodes[id.value()];
      // A spare may be lent to a job that wants its nodes for itself.
      const bool is_there = position >= vertex.first && position < vertex.last;
      if (!is_there || node.hidden || node.exclusive) continue;
      Slot slot = state_.free.room().slot(position);
      slot.whole = static_cast<std::uint16_t>(node.devices.whole());
      if (holds(id, slot, nullptr, lost)) return id;
    }
    return std::nullopt;
  }

  /// Where the least is left over, so that roomier nodes stay whole.
  std::optional<NodeId> free_in(const FabricVertex& vertex, const LostSlice& lost) const {
    const Room& room = state_.free.room();
    std::optional<NodeId> best;
    std::uint32_t best_whole = 0;
    for (Position p = vertex.first; p < vertex.last; ++p) {
      const Slot& slot = room.slot(p);
      if (!slot.takes_work() || (best && slot.whole >= best_whole)) continue;
      const auto parts = room.parts.find(p);
      const NodeId id = topology_.at(p);
      if (!holds(id, slot, parts == room.parts.end() ? nullptr : &parts->second, lost)) continue;
      best = id;
      best_whole = slot.whole;
    }
    return best;
  }

  [[nodiscard]] bool holds(NodeId node, const Slot& slot, const DeviceRoom* parts,
                           const LostSlice& lost) const {
    if (used_.contains(node) || topology_.shape(node).accelerator_type != type_) return false;
    GangShape there = group_at(spec_, lost.first_rank);
    there.tasks = lost.tasks;
    there.tasks_min = 0;
    there.nodes = 0;
    there.segment = 0;
    return tasks_on(slot, parts, there) >= lost.tasks &&
           power_allows(node, there.task.accelerators * lost.tasks);
  }
  [[nodiscard]] bool power_allows(NodeId node, AcceleratorShare share) const {
    const Watts draw = draw_of(topology_.shape(node), share);
    if (draw.count() == 0) return true;
    for (PowerId at = topology_.power_of(node); at != kNoId<PowerId>;
         at = topology_.power(at).parent) {
      if (state_.free.room().draw[at.value()] + draw > topology_.power(at).limit) return false;
    }
    return true;
  }

  State& state_;
  const Topology& topology_;
  const JobSpec& spec_;
  const Placement hold_;
  const std::vector<LostSlice> lost_;
  std::string type_;  ///< of the accelerators that the gang has
  std::vector<NodeSlice> slices_;
  std::set<NodeId> used_;
  std::deque<Released> released_;  ///< outlives beside_, which may lie where these were
  Tentative beside_;
};

}  // namespace

std::optional<Placement> fill_gap(State& state, JobId job) {
  return fill_gap(state, job, state.holds.at(job).placement, state.resilience.gaps.at(job).lost);
}

std::optional<Placement> fill_gap(State& state, JobId job, const Placement& good,
                                  const std::vector<LostSlice>& lost) {
  return GapFiller(state, job, good, lost).fill();
}

std::optional<NodeId> node_under(const Placement& placement, Rank rank) {
  for (const NodeSlice& slice : placement) {
    if (rank.value() - slice.first_rank < slice.tasks) return slice.node;
  }
  return std::nullopt;
}

}  // namespace mw
