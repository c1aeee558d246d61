// For a job that does not fit: have others stopped for it, where the policy allows; or plan its
// start, and keep what it needs from whatever would delay it. And what may start all the same,
// because it will be gone by then.
#include <algorithm>
#include <optional>

#include "core/accounting.h"
#include "core/claims.h"
#include "core/gang.h"
#include "core/lending.h"
#include "core/planned_room.h"
#include "core/preemption.h"
#include "core/queueing.h"
#include "core/replacement.h"
#include "core/reservations.h"
#include "core/start_plan.h"
#include "core/stepper.h"
#include "core/why.h"

namespace mw {
namespace {

/// Which of two jobs keeps its plan when there are too many.
ClassLevel level_of(const State& state, JobId id) {
  const Job& job = state.jobs.at(id);
  if (job.first_in_line) return {false, 0, 0};
  return state.classes.at(class_of(state, job)).key.level;
}

}  // namespace

bool Core::Stepper::claim_for(JobId job) {
  const bool kept = state_.resilience.gaps.contains(job);
  if (kept) {
    // Others may have to go for it; but what it has is better than a plan.
    const bool sees = see_as(job);
    if (sees && take_kept_for(job)) return true;
    if (sees && stop_others_for(job)) {
      note_blocked(job, AwaitsVictims{state_.claims.at(job).victims});
      return false;
    }
  } else if (!state_.claims.contains(job) && is_to_be_searched_for(job) && may_ever_fit(job) &&
             see_as(job)) {
    searched_ = false;
    if (take_kept_for(job)) return true;
    if (stop_others_for(job) || move_others_for(job)) {
      note_blocked(job, AwaitsVictims{state_.claims.at(job).victims});
      return false;
    }
    const bool gave_up = plan_for(job);
    note_searched(job);
    // That may have been all that was in its way, and then nothing need end by which it is tried
    // again.
    NoPlace why;
    if (gave_up && try_job(job, why)) return true;
  }
  if (is_told(job)) return false;
  const std::uint64_t nodes = std::max<std::uint64_t>(state_.nodes.size(), 1);
  if (nodes > reasons_left_) return false;
  reasons_left_ -= nodes;
  note_blocked(job, why_blocked(state_, job, placer_, now_, Asked::kWhenItWasTried));
  return false;
}

/// Groups are placed one after the other, so all may find a place in a part of the fleet and not in
/// the whole of it. Who has none in the empty fleet is told that it is too small, and nothing is
/// kept for it: it would be kept for ever.
bool Core::Stepper::may_ever_fit(JobId job) {
  const JobSpec& spec = spec_of(state_, job);
  if (spec.groups.empty()) return true;
  return PlannedRoom(state_, PlannedRoom::Begin::kEmpty).place(placer_.placer(), spec).has_value();
}

/// Restarts are few, and first in line.
bool Core::Stepper::is_to_be_searched_for(JobId id) {
  const Job& job = state_.jobs.at(id);
  if (job.first_in_line || state_.attempts.size() < Retries::kMany) return true;
  const ClassId of = class_of(state_, job);
  return retries_.may_search(of, state_.classes.at(of).generation, now_);
}

/// What is promised to a large gang is not looked for at every end of a job: lifting the claim to
/// try costs as much as its nodes are many. When its time comes it is, when all its victims are
/// gone, and when nothing is left on its nodes.
bool Core::Stepper::waits_for_its_plan(ClassId id, JobId head) {
  const auto found = state_.claims.find(head);
  if (found == state_.claims.end()) return false;
  const Claim& claim = found->second;
  if (claim.nodes.size() < Retries::kManyClaimed) return false;
  const bool due =
      claim.purpose == ClaimPurpose::kPreemption ? claim.victims.empty() : claim.at == now_;
  if (due || (claim.at < now_ && JobPlacer::may_place_as_claimed(state_, claim))) return false;
  const std::uint64_t generation = state_.classes.at(id).generation;
  if (!retries_.may_search(id, generation, now_)) return true;
  retries_.tried(id, generation, now_);
  return false;
}

void Core::Stepper::note_searched(JobId id) {
  const Job& job = state_.jobs.at(id);
  if (job.first_in_line || !searched_) return;
  const ClassId of = class_of(state_, job);
  const std::uint64_t generation = state_.classes.at(of).generation;
  if (state_.claims.contains(id)) {
    retries_.succeeded(of, generation);
  } else {
    retries_.failed(of, generation, now_);
  }
}

/// A reason was told of the job's class that may still be the one. Whoever asks is told anew.
bool Core::Stepper::is_told(JobId job) const {
  const Job& waiting = state_.jobs.at(job);
  const JobId told =
      waiting.first_in_line ? job : state_.classes.at(class_of(state_, waiting)).told;
  const auto known = state_.blocked.find(told);
  return known != state_.blocked.end() && !std::holds_alternative<OverQuota>(known->second) &&
         !std::holds_alternative<AwaitsVictims>(known->second);
}

bool Core::Stepper::stop_others_for(JobId job) {
  if (!may_stop_others(state_, job)) return false;
  searched_ = true;
  std::optional<Claim> claim;
  {
    const WithoutHold without(state_, job);
    claim = choose_victims(state_, job, placer_.placer());
  }
  std::vector<JobId> given_up;
  if (!claim && !state_.holds.contains(job)) {
    given_up = kept_below(state_, job);
    claim = choose_beyond_kept(job, given_up);
  }
  if (!claim) return false;
  // Nobody in its way: what it lacks is kept for others, and is not taken from them.
  if (claim->victims.empty()) return false;
  // They may take as long as they are given to stop, and it starts after that.
  Instant start = now_;
  for (const JobId victim : claim->victims) {
    start = std::max(start, now_ + spec_of(state_, victim).grace);
  }
  if (!keeps_clear(state_, spec_of(state_, job), claim->nodes, start)) return false;
  if (state_.holds.contains(job)) emit(CapacityLetGo{job, std::nullopt});
  give_up_kept(given_up, *claim);
  stop_for(job, std::move(*claim), EndCause::kPreempted);
  return true;
}

void Core::Stepper::stop_for(JobId job, Claim claim, EndCause cause) {
  emit(CapacityClaimed{job, claim.purpose, claim.at, std::move(claim.nodes), claim.victims});
  for (const JobId victim : claim.victims) {
    stop_attempt(state_.attempts.at(victim), cause, "job " + std::to_string(job.value()));
  }
}

/// Moves small jobs together, when what the job gains is worth more than the moving.
bool Core::Stepper::move_others_for(JobId job) {
  const ConsolidationRules& rules = state_.policy.consolidation;
  if (!rules.enabled || state_.preemptible.empty()) return false;
  // It would take more than it needs, and whoever was moved would not fit any more: without end.
  if (spec_of(state_, job).gang.tasks_min > 0) return false;
  // Not all that it sees may be used by those who would have to go on elsewhere.
  if (state_.view != View()) return false;
  searched_ = true;
  auto claim = choose_victims(state_, job, placer_.placer(), Stopping::kMove);
  if (!claim || claim->victims.empty()) return false;
  AcceleratorTime cost;
  for (const JobId victim : claim->victims) {
    const Attempt& attempt = state_.attempts.at(victim);
    cost += split_work(attempt, EndCause::kMoved, now_).lost;
    cost += attempt.accelerators * rules.move_cost;
  }
  Duration sooner = rules.horizon;
  if (const auto plan = plan_start(state_, job, placer_.placer())) {
    sooner = std::min(sooner, plan->at - now_);
  }
  const AcceleratorTime gain = least_need(spec_of(state_, job)).accelerators * sooner;
  if (gain <= cost) return false;
  stop_for(job, std::move(*claim), EndCause::kMoved);
  return true;
}

/// Whose plans may be given up for one more: all of a lower level, as it may need what is planned
/// for those who come after it. Nothing when there are as many plans as may be, none of them lower.
std::optional<std::vector<JobId>> Core::Stepper::plans_before(JobId job) const {
  std::uint32_t plans = 0;
  std::vector<JobId> lower;
  const ClassLevel own = level_of(state_, job);
  for (const auto& [owner, claim] : state_.claims) {
    if (claim.purpose != ClaimPurpose::kBackfill) continue;
    ++plans;
    if (own < level_of(state_, owner)) lower.push_back(owner);
  }
  if (plans >= state_.policy.backfill.reservations && lower.empty()) return std::nullopt;
  return lower;
}

/// True: others lost their plans to it.
bool Core::Stepper::plan_for(JobId job) {
  if (state_.policy.backfill.reservations == 0) return false;
  const bool certain = !state_.deadlines.empty() || !state_.stopping.empty();
  const bool starved = state_.jobs.at(job).boosted;
  if (!certain && !starved) return false;
  const auto lower = plans_before(job);
  if (!lower) return false;
  searched_ = true;
  std::optional<Claim> claim;
  {
    // They are given up only when that is of use. Else whoever cannot be planned for would take
    // their plans each time that it is tried, and they would make them anew.
    LiftedClaims lifted(state_);
    for (const JobId owner : *lower) lifted.lift(owner);
    claim = find_plan(job, starved);
  }
  if (!claim) return false;
  const std::vector<JobId> dropped = plans_in_the_way(*claim, *lower);
  for (const JobId owner : dropped) emit(ClaimDropped{owner});
  emit(CapacityClaimed{job, claim->purpose, claim->at, std::move(claim->nodes), {}});
  return !dropped.empty();
}

/// Which of those plans cannot be kept beside the new one: whose nodes it takes, and the lowest of
/// the others when there would be too many; all of them, when there may be too little power. To
/// plan anew for all costs more than anything else where many wait, and changes what they were
/// told.
std::vector<JobId> Core::Stepper::plans_in_the_way(const Claim& claim,
                                                   const std::vector<JobId>& lower) const {
  if (lower.empty() || !power_allows(state_, claim)) return lower;
  std::vector<JobId> kept;
  std::vector<JobId> dropped;
  std::set<JobId> owners;
  for (const ClaimedNode& each : claim.nodes) {
    owners.insert(state_.nodes[each.node.value()].claim.job);
  }
  for (const JobId each : lower) (owners.contains(each) ? dropped : kept).push_back(each);
  std::size_t plans = 1;
  for (const auto& [owner, other] : state_.claims) {
    plans += other.purpose == ClaimPurpose::kBackfill ? 1 : 0;
  }
  plans -= dropped.size();
  std::stable_sort(kept.begin(), kept.end(),
                   [&](JobId a, JobId b) { return level_of(state_, a) < level_of(state_, b); });
  for (; plans > state_.policy.backfill.reservations && !kept.empty(); --plans) {
    dropped.push_back(kept.back());
    kept.pop_back();
  }
  std::sort(dropped.begin(), dropped.end());
  return dropped;
}

std::optional<Claim> Core::Stepper::find_plan(JobId job, bool starved) {
  const JobSpec& spec = spec_of(state_, job);
  auto claim = plan_start(state_, job, placer_.placer());
  // The later it starts, the fewer of the nodes that are set aside it may use.
  while (claim && !keeps_clear(state_, spec, claim->nodes, claim->at)) {
    const auto view = view_of(state_, spec, claim->at);
    claim.reset();
    if (!view || *view == state_.view) break;
    see(state_, *view);
    claim = plan_start(state_, job, placer_.placer());
  }
  if (!claim && starved) {
    // It will start whenever there is room, so on nodes that nobody has set aside.
    if (!spec.reservation) see(state_, View());
    claim = plan_anyway(state_, job, placer_.placer());
    if (claim && !keeps_clear(state_, spec, claim->nodes, claim->at)) claim.reset();
  }
  return claim;
}

/// Jobs that will be gone before a claim begins may use what it keeps. Claims are lifted one after
/// the other, the latest first; whoever ends before the last one lifted is tried.
void Core::Stepper::backfill() {
  std::vector<std::pair<Instant, JobId>> claims;
  std::size_t claimed_nodes = 0;
  for (const auto& [owner, claim] : state_.claims) {
    if (claim.at <= now_) continue;
    claims.emplace_back(claim.at, owner);
    claimed_nodes += claim.nodes.size();
  }
  if (claims.empty()) return;
  std::sort(claims.rbegin(), claims.rend());
  std::vector<std::pair<Instant, ClassId>> short_ones;
  for (const ClassId id : failed_) {
    if (state_.classes.at(id).line.empty() || state_.claims.contains(head_of(id))) continue;
    const Instant end = expected_end(spec_of(state_, head_of(id)), now_);
    if (end <= claims.front().first) short_ones.emplace_back(end, id);
  }
  if (short_ones.empty()) return;
  if (claimed_nodes >= Retries::kMany) {
    if (now_ < backfill_at_) {
      for (const auto& [end, id] : short_ones) retries_.postpone(id, backfill_at_);
      return;
    }
    backfill_at_ = now_ + Retries::kFirst;
  }
  std::optional<LiftedClaims> lifted(std::in_place, state_);
  std::size_t count = 0;
  const auto start_behind = [&](JobId job, Placement placement) {
    if (state_.ledger.at() == now_) return start(job, std::move(placement));
    // By a step's first event the time since the last one is accounted, and in it they were there.
    lifted.reset();
    start(job, std::move(placement));
    lifted.emplace(state_);
    for (std::size_t i = 0; i < count; ++i) lifted->lift(claims[i].second);
  };
  for (const auto& [at, owner] : claims) {
    lifted->lift(owner);
    ++count;
    for (const auto& [tried_end, id] : short_ones) {
      while (!state_.classes.at(id).line.empty()) {
        const JobId head = state_.classes.at(id).line.front();
        const bool in_time = expected_end(spec_of(state_, head), now_) <= at;
        if (!in_time || state_.claims.contains(head)) break;
        auto placement = place_behind_claims(head);
        if (!placement) break;
        start_behind(head, std::move(*placement));
      }
    }
  }
}

std::optional<Placement> Core::Stepper::place_behind_claims(JobId job) {
  if (over_limit(job) || !see_as(job)) return std::nullopt;
  auto result = placer_.place(state_, job);
  auto* placement = std::get_if<Placement>(&result);
  if (placement == nullptr) return std::nullopt;
  return std::move(*placement);
}

}  // namespace mw
