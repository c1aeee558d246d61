#include "core/preemption.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "core/accounting.h"
#include "core/freed_room.h"
#include "core/gang.h"
#include "core/placement_search.h"
#include "core/planned_room.h"
#include "core/preemption_rights.h"
#include "core/queueing.h"
#include "core/victim_search.h"

namespace mw {
namespace {

/// Up to so many bundles in a region, every way to finish with one more is compared.
constexpr std::size_t kExactBundlesMax = 64;
/// With so few that may be stopped, in a fleet so small, every set is tried.
constexpr std::size_t kExactCandidatesMax = 6;
constexpr std::size_t kExactNodesMax = 256;
/// From so many on, a good choice soon is better than the best.
constexpr std::size_t kManyCandidates = 4096;
/// Regions are tried by what they seem to cost, so the first ones are as good as any.
constexpr std::size_t kRegionsTried = 8;

}  // namespace

std::vector<VictimSearch::Region> VictimSearch::regions() const {
  const Topology& topology = *state_.topology;
  std::map<Position, Region> by_first;
  for (const auto& [cost, gain, i] : memory_.order) {
    const Position position = topology.position(bundles_[i].node);
    Position first = position;
    Position last = position + 1;
    FabricId at = topology.fabric_of(bundles_[i].node);
    FabricId vertex = at;
    while (at != kNoId<FabricId> && topology.fabric(at).level <= gang_.require) {
      vertex = at;
      first = topology.fabric(at).first;
      last = topology.fabric(at).last;
      at = topology.fabric(at).parent;
    }
    Region& region = by_first[first];
    region.vertex = vertex;
    region.first = first;
    region.last = std::max(region.last, last);
    region.bundles.push_back(i);
  }
  std::vector<Region> regions;
  for (auto& [first, region] : by_first) regions.push_back(std::move(region));
  return regions;
}

std::uint64_t VictimSearch::fits_now(const Region& region) const {
  const Topology& topology = *state_.topology;
  const Room& room = state_.free.room();
  std::uint64_t sum = 0;
  const bool wants_whole = gang_.task.accelerators >= kWholeAccelerator;
  auto parts = room.parts.lower_bound(region.first);
  for (Position p = region.first; p < region.last; ++p) {
    const Slot& slot = room.slot(p);
    while (parts != room.parts.end() && parts->first < p) ++parts;
    if (!slot.takes_work() || (wants_whole && slot.whole == 0)) continue;
    if (!suits(topology.at(p))) continue;
    const bool has_parts = parts != room.parts.end() && parts->first == p;
    const std::uint32_t tasks = tasks_on(slot, has_parts ? &parts->second : nullptr, gang_);
    sum += tasks >= unit_ ? tasks : 0;
  }
  if (sum < gang_.tasks || topology.fabric(region.vertex).level == FabricLevel::kFleet) return sum;
  // There is room enough, and yet no place: power may be what is short.
  return std::min(sum, placer_.most_by_power(topology, room, gang_, region.vertex));
}

/// Victims in the region that together make room for what does not fit: by value, and at each
/// point the cheapest bundle that would do alone.  `cost`: of the result, as far as it is known.
std::optional<std::vector<std::size_t>> VictimSearch::cheapest(const Region& region,
                                                               Int128& cost) const {
  const std::uint64_t fits = fits_now(region);
  // Room and power there may be, and yet no place: for want of segments, of another group's room.
  std::uint64_t needed = fits < gang_.tasks ? gang_.tasks - fits : 1;
  std::vector<std::pair<std::size_t, std::size_t>> bundles_with;  // (victim, bundle)
  std::vector<std::size_t> missing(bundles_.size(), 0);           // by bundle: victims not gone
  for (const std::size_t at : region.bundles) {
    missing[at] = bundles_[at].victims.size();
    for (const std::size_t victim : bundles_[at].victims) bundles_with.emplace_back(victim, at);
  }
  std::sort(bundles_with.begin(), bundles_with.end());
  std::vector<std::size_t> taken;
  std::vector<bool> is_gone(candidates_.size(), false);
  std::optional<std::vector<std::size_t>> best;
  Int128 sum = 0;  // of those that are gone, each in full
  const auto cost_of = [&](const Bundle& bundle) {
    Int128 more = 0;
    for (const std::size_t victim : bundle.victims) {
      if (!is_gone[victim]) more += candidates_[victim].cost.count();
    }
    return more;
  };
  TakenBack back(state_, tenant_);
  const bool any_reclaimed = std::any_of(candidates_.begin(), candidates_.end(),
                                         [](const Candidate& each) { return each.reclaimed; });
  const auto allowed = [&](const Bundle& bundle) {
    if (!any_reclaimed) return true;
    TakenBack after = back;
    for (const std::size_t victim : bundle.victims) {
      if (is_gone[victim]) continue;
      const Candidate& candidate = candidates_[victim];
      if (candidate.reclaimed && !after.may_take(*candidate.attempt)) return false;
      after.take(*candidate.attempt);
    }
    return true;
  };
  const auto offer = [&](const Bundle& bundle) {
    if (bundle.gain < needed) return;
    const Int128 all = sum + cost_of(bundle);
    if ((best && all >= cost) || !allowed(bundle)) return;
    best = taken;
    for (const std::size_t victim : bundle.victims) {
      if (!is_gone[victim]) best->push_back(victim);
    }
    cost = all;
  };
  for (std::size_t i = 0; i < region.bundles.size(); ++i) {
    const std::size_t at = region.bundles[i];
    if (missing[at] == 0) continue;
    if (region.bundles.size() <= kExactBundlesMax) {
      for (std::size_t k = i; k < region.bundles.size(); ++k) offer(bundles_[region.bundles[k]]);
    } else {
      offer(bundles_[at]);
      if (best) break;
    }
    if (!allowed(bundles_[at])) continue;
    sum += cost_of(bundles_[at]);
    std::uint64_t gain = 0;
    for (const std::size_t victim : bundles_[at].victims) {
      if (is_gone[victim]) continue;
      is_gone[victim] = true;
      back.take(*candidates_[victim].attempt);
      taken.push_back(victim);
      // What else it makes room for comes with it.
      for (auto other = std::lower_bound(bundles_with.begin(), bundles_with.end(),
                                         std::make_pair(victim, std::size_t{0}));
           other != bundles_with.end() && other->first == victim; ++other) {
        if (--missing[other->second] == 0) gain += bundles_[other->second].gain;
      }
    }
    if (gain >= needed) {
      if (!best || sum < cost) {
        best = taken;
        cost = sum;
      }
      break;
    }
    needed -= gain;
  }
  return best;
}

/// The claim when these are gone, less those that need not be.
std::optional<Claim> VictimSearch::without(std::vector<std::size_t> victims, FabricId within) {
  PlannedRoom room(state_, PlannedRoom::Begin::kNow, std::move(memory_.room));
  auto claim = without(room, std::move(victims), within);
  memory_.room = room.take_room();
  return claim;
}

std::optional<Claim> VictimSearch::without(PlannedRoom& room, std::vector<std::size_t> victims,
                                           FabricId within) {
  for (const std::size_t victim : victims) room.release(*candidates_[victim].attempt);
  const auto groups = room.place(placer_, spec_, within);
  if (!groups) return std::nullopt;
  spare(room, *groups, victims);
  if (stopping_ == Stopping::kMove && !all_go_on(room, *groups, victims)) return std::nullopt;
  Claim claim{job_, ClaimPurpose::kPreemption, state_.now, claimed_nodes(room, spec_, *groups), {}};
  for (const std::size_t victim : victims) {
    claim.victims.push_back(candidates_[victim].attempt->job);
  }
  std::sort(claim.victims.begin(), claim.victims.end());
  return claim;
}

/// Beside the job there is room for all of them elsewhere.
bool VictimSearch::all_go_on(PlannedRoom room, const PlannedGroups& groups,
                             const std::vector<std::size_t>& victims) {
  for (const Group& group : placing_order(spec_)) {
    for (const NodeTasks& each : groups[group.index]) {
      room.occupy(each.node, *group.shape, each.tasks);
    }
  }
  for (const std::size_t victim : victims) {
    const JobSpec& moved = *candidates_[victim].attempt->spec;
    const auto place = room.place(placer_, moved);
    if (!place || !moved.groups.empty()) return false;
    for (const NodeTasks& each : place->front()) room.occupy(each.node, moved.gang, each.tasks);
  }
  return true;
}

/// Lets go on whoever is not in the way, the most expensive first.
void VictimSearch::spare(PlannedRoom& room, const PlannedGroups& groups,
                         std::vector<std::size_t>& victims) {
  std::sort(victims.begin(), victims.end(), [&](std::size_t a, std::size_t b) {
    return candidates_[a].cost != candidates_[b].cost ? candidates_[a].cost > candidates_[b].cost
                                                      : a < b;
  });
  const StillFits fits(state_, spec_, groups);
  std::vector<std::size_t> needed;
  for (const std::size_t victim : victims) {
    const Attempt& attempt = *candidates_[victim].attempt;
    room.retain(attempt);
    if (fits.after(room, attempt)) continue;
    room.release(attempt);
    needed.push_back(victim);
  }
  victims = std::move(needed);
}

/// Every set there is, from the cheapest on.
std::optional<Claim> VictimSearch::cheapest_set() {
  std::vector<std::pair<Int128, std::vector<std::size_t>>> sets;
  for (std::uint32_t set = 1; set < (1U << candidates_.size()); ++set) {
    Int128 cost = 0;
    std::vector<std::size_t> victims;
    TakenBack back(state_, tenant_);
    bool allowed = true;
    for (std::size_t i = 0; i < candidates_.size() && allowed; ++i) {
      if ((set >> i & 1U) == 0) continue;
      allowed = !candidates_[i].reclaimed || back.may_take(*candidates_[i].attempt);
      back.take(*candidates_[i].attempt);
      cost += candidates_[i].cost.count();
      victims.push_back(i);
    }
    if (allowed) sets.emplace_back(cost, std::move(victims));
  }
  std::stable_sort(sets.begin(), sets.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [cost, victims] : sets) {
    if (auto claim = without(std::move(victims))) return claim;
  }
  return std::nullopt;
}

std::optional<Claim> VictimSearch::run() {
  gang_ = least_gang(spec_);
  if (gang_.nodes > 0) unit_ = gang_.tasks / gang_.nodes;
  if (gang_.require == FabricLevel::kNode) unit_ = gang_.tasks;
  find_suitable_shapes();
  find_candidates();
  sort_candidates();
  if (candidates_.empty()) return std::nullopt;
  if (candidates_.size() <= kExactCandidatesMax && state_.nodes.size() <= kExactNodesMax) {
    return cheapest_set();
  }
  FreedRoom freed(state_, gang_, spec_.where);
  // The largest first: whether all of them together are enough is the same in any order, and so it
  // is soonest known.
  for (std::size_t i = candidates_.size(); !freed.may_hold() && i-- > 0;) {
    freed.release(*candidates_[i].attempt);
  }
  if (!freed.may_hold()) return std::nullopt;
  find_bundles();
  struct Choice {
    Int128 cost;
    std::vector<std::size_t> victims;
    FabricId within;
  };
  std::vector<Choice> choices;
  // A victim on many nodes is cheap for who needs many of them, and dear for who needs one.
  const bool many_nodes =
      std::any_of(candidates_.begin(), candidates_.end(),
                  [](const Candidate& each) { return each.attempt->placement.size() > 1; });
  for (const Charge charge : {Charge::kShare, Charge::kWhole}) {
    // The same for those on one node; and where there are many, the first way is good enough.
    if (charge == Charge::kWhole && (!many_nodes || candidates_.size() > kManyCandidates)) break;
    sort_bundles(charge);
    for (const Region& region : regions()) {
      Int128 cost = 0;
      if (auto victims = cheapest(region, cost))
        choices.push_back(
            {cost, std::move(*victims), spec_.groups.empty() ? region.vertex : Topology::kRoot});
    }
  }
  std::stable_sort(choices.begin(), choices.end(),
                   [](const Choice& a, const Choice& b) { return a.cost < b.cost; });
  if (choices.size() > kRegionsTried) choices.resize(kRegionsTried);
  std::optional<Claim> best;
  Int128 best_cost = 0;
  for (Choice& choice : choices) {
    auto claim = without(std::move(choice.victims), choice.within);
    if (!claim) continue;
    if (candidates_.size() > kExactBundlesMax) return claim;
    Int128 cost = 0;
    for (const JobId each : claim->victims) {
      cost += stopping_ == Stopping::kExplain
                  ? kCostOfOne
                  : cost_of_stopping(state_, state_.attempts.at(each)).count();
    }
    if (!best || cost < best_cost) {
      best_cost = cost;
      best = std::move(claim);
    }
  }
  if (best) return best;
  // For want of something that is not counted above: all that may go, and spare what can be.
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  std::vector<std::size_t> all;
  TakenBack back(state_, tenant_);
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    if (candidate.reclaimed && !back.may_take(*candidate.attempt)) continue;
    back.take(*candidate.attempt);
    all.push_back(i);
  }
  return without(std::move(all));
}

AcceleratorTime cost_of_stopping(const State& state, const Attempt& attempt) {
  const WorkSplit work = split_work(attempt, EndCause::kPreempted, state.now);
  return work.lost + attempt.accelerators * state.policy.preemption.restart_cost;
}

bool may_be_stopped_for(const State& state, const Attempt& attempt, JobId job, Stopping stopping) {
  return Rights(state, job, stopping).over(attempt) != Right::kNone;
}

bool may_stop_others(const State& state, JobId job) {
  const PreemptionRules& rules = state.policy.preemption;
  const JobSpec& spec = spec_of(state, job);
  const PriorityClass& ours = class_rules(state, spec);
  if (state.preemptible.empty()) return false;
  if (rules.by_priority && ours.preempts && state.preemptible.begin()->first < ours.value) {
    return true;
  }
  return rules.reclaim && state.preemptible.begin()->first <= ours.value &&
         state.tenants.within_quota(record_of(state, job).tenant, least_need(spec).accelerators);
}

std::optional<Claim> choose_victims(const State& state, JobId job, Placer& placer,
                                    Stopping stopping) {
  return VictimSearch(state, job, placer, stopping).run();
}

}  // namespace mw
