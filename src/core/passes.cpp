// Deciding what starts: restarts first, then whoever waits, in fair order, whatever fits. A class
// that does not fit sleeps until capacity that could matter comes free, so a long queue costs what
// its distinct classes cost. What else is done for those that do not fit is in claiming.cpp.
#include <algorithm>
#include <deque>

#include "core/claims.h"
#include "core/gang.h"
#include "core/lending.h"
#include "core/queueing.h"
#include "core/replacement.h"
#include "core/reservations.h"
#include "core/stepper.h"

namespace mw {
namespace {

/// Nodes that may be looked at in one step to tell why jobs do not fit. To say why costs more than
/// to find out that they do not; whoever asks is told at any time (explain).
constexpr std::uint64_t kReasonNodesPerStep = 1U << 16U;

}  // namespace

void Core::Stepper::decide() {
  reasons_left_ = kReasonNodesPerStep;
  drop_overtaken_claims();
  start_restarts();
  allocate();
  backfill();
  grow();
  see(state_, View());
  explain_idle();
}

void Core::Stepper::start_restarts() {
  std::vector<JobId> due;
  for (const auto& [not_before, job] : state_.restarts) {
    if (not_before > now_) break;
    if (!sleeping_restarts_.contains(job)) due.push_back(job);
  }
  has_tried_ = has_tried_ || !due.empty();
  for (const JobId job : due) {
    NoPlace why;
    if (const auto limit = over_limit(job)) {
      note_over_quota(job, *limit);
    } else if (try_job(job, why) || (!give_back_spares_for(job) && claim_for(job))) {
      continue;
    }
    sleeping_restarts_.insert(job);
  }
}

void Core::Stepper::allocate() {
  failed_.clear();
  raise_barriers();
  for (const ClassId id : retries_.take_due(now_)) wakes_.wake(id);
  has_tried_ = has_tried_ || !wakes_.quiet();
  FairOrder order(state_, now_);
  for (const ClassId id : wakes_.take(state_)) order.add(id);
  while (const auto id = order.next()) {
    const JobClass& job_class = state_.classes.at(*id);
    const JobId head = head_of(*id);
    if (const auto limit = over_limit(head)) {
      note_over_quota(head, *limit);
      if (!job_class.key.level.patient && !exceeds_limit(head))
        barriers_[*id] = {*limit, job_class.generation};
      wakes_.sleep_for_quota(state_, *id, *limit);
      continue;
    }
    if (const auto barrier = barrier_before(*id)) {
      wakes_.sleep_for_quota(state_, *id, *barrier);
      continue;
    }
    if (waits_for_its_plan(*id, head)) continue;
    NoPlace why;
    if (try_job(head, why)) {
      if (!state_.classes.at(*id).line.empty()) order.add(*id);
      continue;
    }
    wakes_.sleep(state_, *id, why);
    if (!claim_for(head)) {
      failed_.push_back(*id);
    } else if (!state_.classes.at(*id).line.empty()) {
      order.add(*id);
    }
  }
}

/// Who of a class is tried: whoever was promised a start, else the oldest.
JobId Core::Stepper::head_of(ClassId id) const {
  for (const auto& [owner, claim] : state_.claims) {
    const Job& job = state_.jobs.at(owner);
    if (!job.first_in_line && class_of(state_, job) == id) return owner;
  }
  return state_.classes.at(id).line.front();
}

/// A job that has waited too long for its tenant's quota lets none of that tenant's go before it.
void Core::Stepper::raise_barriers() {
  for (auto each = barriers_.begin(); each != barriers_.end();) {
    const auto [id, barrier] = *each;
    const auto [tenant, generation] = barrier;
    const bool waits =
        id.value() < state_.classes.slots() && state_.classes.at(id).generation == generation &&
        !state_.classes.at(id).line.empty() && !state_.classes.at(id).key.level.patient;
    if (waits && !wakes_.is_awake(state_, id)) {
      ++each;
      continue;
    }
    each = barriers_.erase(each);
    wakes_.freed(state_, tenant);
  }
}

std::optional<TenantId> Core::Stepper::barrier_before(ClassId id) const {
  const JobClass& job_class = state_.classes.at(id);
  if (barriers_.empty() || !job_class.key.level.patient) return std::nullopt;
  for (const TenantId each : state_.tenants.at(job_class.key.tenant).path) {
    for (const auto& [owner, barrier] : barriers_) {
      if (barrier.first == each) return each;
    }
  }
  return std::nullopt;
}

std::optional<TenantId> Core::Stepper::over_limit(JobId job) const {
  // What is held for it is counted already.
  if (const auto gap = state_.resilience.gaps.find(job); gap != state_.resilience.gaps.end()) {
    AcceleratorShare lost;
    for (const LostSlice& each : gap->second.lost) {
      const GangShape& gang = group_at(spec_of(state_, job), each.first_rank);
      lost += gang.task.accelerators * each.tasks;
    }
    return state_.tenants.over_limit(record_of(state_, job).tenant, lost);
  }
  if (state_.holds.contains(job)) return std::nullopt;
  return state_.tenants.over_limit(record_of(state_, job).tenant,
                                   least_need(spec_of(state_, job)).accelerators);
}

/// It asks for more than its tenant may ever use, so that nobody makes way for it.
bool Core::Stepper::exceeds_limit(JobId job) const {
  const JobRecord& record = record_of(state_, job);
  const AcceleratorShare needed = least_need(*record.spec).accelerators;
  const auto& path = state_.tenants.at(record.tenant).path;
  return std::any_of(path.begin(), path.end(), [&](TenantId each) {
    const Tenant& tenant = state_.tenants.at(each);
    return tenant.limit && needed > *tenant.limit;
  });
}

void Core::Stepper::note_over_quota(JobId job, TenantId limit) {
  const Tenant& over = state_.tenants.at(limit);
  // What is kept for it would be kept in vain.
  if (state_.claims.contains(job)) emit(ClaimDropped{job});
  note_blocked(job,
               OverQuota{over.name, over.quota, over.limit.value_or(over.quota),
                         over.in_use.accelerators, least_need(spec_of(state_, job)).accelerators});
}

bool Core::Stepper::try_job(JobId job, NoPlace& why) {
  why = {1, true};
  if (!see_as(job)) return false;
  const auto hold = state_.holds.find(job);
  const bool whole = hold != state_.holds.end() && !state_.resilience.gaps.contains(job);
  if (whole && is_seen(state_, hold->second.placement)) {
    // Kept free since it ran there, on nodes that still take work: it fits by construction.
    start(job, hold->second.placement);
    return true;
  }
  // Without the nodes on which it has failed. Where it is one of many that could not start it, and
  // no so many others are free, without half of them, and so on: what fails again halves the rest.
  std::optional<Placement> placement;
  const std::vector<NodeId> suspects = suspects_of(state_, job);
  for (std::size_t count = suspects.size(); count > 0 && !placement; count /= 2) {
    std::deque<HiddenNode> elsewhere;
    for (std::size_t i = 0; i < count; ++i) elsewhere.emplace_back(state_, suspects[i]);
    placement = find_place(job, why);
  }
  if (!placement) placement = find_place(job, why);
  const auto claim = state_.claims.find(job);
  if (!placement && claim != state_.claims.end() && claim->second.at <= now_ &&
      JobPlacer::may_place_as_claimed(state_, claim->second)) {
    LiftedClaims all(state_);
    all.lift_all();
    placement = JobPlacer::place_as_claimed(state_, claim->second);
  }
  if (placement) start(job, std::move(*placement));
  return placement.has_value();
}

void Core::Stepper::start(JobId id, Placement placement) {
  const Job& job = state_.jobs.at(id);
  emit(AttemptPlaced{id, AttemptNumber(job.attempts + 1), state_.next_epoch, std::move(placement),
                     job.checkpoint});
}

void Core::Stepper::note_blocked(JobId job, PendingReason reason) {
  const Job& waiting = state_.jobs.at(job);
  const JobId told =
      waiting.first_in_line ? job : state_.classes.at(class_of(state_, waiting)).told;
  const auto known = state_.blocked.find(told);
  if (known != state_.blocked.end() && known->second.index() == reason.index()) return;
  emit(JobBlocked{job, std::move(reason)});
}

void Core::Stepper::explain_idle() {
  const bool someone_waits = state_.classes.waiting() > 0 ||
                             (!state_.restarts.empty() && state_.restarts.begin()->first <= now_);
  const LedgerCategory cause =
      someone_waits ? LedgerCategory::kIdleShape : LedgerCategory::kIdleNoDemand;
  if (cause != state_.idle_cause) emit(IdleCauseChanged{cause});
}

/// When the last gang that waits for spares does so no more, they are lent again.
void Core::Stepper::note_lent_again(JobId job) {
  if (!state_.policy.lend_spares || !lost_a_node(state_.jobs.at(job))) return;
  for (const NodeId node : state_.resilience.spares) wakes_.freed(state_, node);
}

/// Before the event is applied: what comes free by it.
void Core::Stepper::note_freed(const EventBody& body) {
  const auto gone = [&](JobId job) {
    sleeping_restarts_.clear();
    grow_at_ = now_;
    if (const auto hold = state_.holds.find(job); hold != state_.holds.end()) {
      wakes_.freed(hold->second.placement);
      wakes_.freed(state_, record_of(state_, job).tenant);
    }
    if (const auto claim = state_.claims.find(job); claim != state_.claims.end()) {
      wakes_.freed(state_, claim->second);
    }
  };
  if (const auto* ended = std::get_if<AttemptEnded>(&body)) {
    if (ended->capacity_held) return;
    sleeping_restarts_.clear();
    grow_at_ = now_;
    wakes_.freed(state_.attempts.at(ended->job).placement);
    wakes_.freed(state_, record_of(state_, ended->job).tenant);
  } else if (const auto* held = std::get_if<JobHeld>(&body)) {
    gone(held->job);
    note_lent_again(held->job);
  } else if (const auto* finished = std::get_if<JobFinished>(&body)) {
    gone(finished->job);
    note_lent_again(finished->job);
  } else if (const auto* dropped = std::get_if<ClaimDropped>(&body)) {
    gone(dropped->job);
  } else if (const auto* let_go = std::get_if<CapacityLetGo>(&body)) {
    gone(let_go->job);
  } else if (const auto* spares = std::get_if<SparesChanged>(&body)) {
    sleeping_restarts_.clear();
    if (!spares->go.empty()) grow_at_ = now_;
    for (const NodeId node : spares->go) wakes_.freed(state_, node);
  } else if (const auto* placed = std::get_if<AttemptPlaced>(&body)) {
    note_lent_again(placed->job);
    // Of what was claimed or held for it, it may not take all.
    if (state_.claims.contains(placed->job) || state_.holds.contains(placed->job)) {
      gone(placed->job);
    }
  }
}

/// After it is applied: who waits anew.
void Core::Stepper::note_waiting(const EventBody& body) {
  const auto joins = [&](JobId id) {
    const Job& job = state_.jobs.at(id);
    if (job.in_line && !job.first_in_line) wakes_.joined(state_, class_of(state_, job));
  };
  if (const auto* submitted = std::get_if<JobSubmitted>(&body)) {
    joins(submitted->job);
    starving_at_ = std::min(starving_at_, now_ + state_.policy.starvation_after);
  } else if (const auto* eligible = std::get_if<JobEligible>(&body)) {
    const JobRecord& record = state_.records.at(eligible->job);
    wakes_.joined(state_, record.job_class);
    if (record.boosted_class != kNoClass) wakes_.joined(state_, record.boosted_class);
    starving_at_ = std::min(starving_at_, now_ + state_.policy.starvation_after);
  } else if (const auto* released = std::get_if<JobReleased>(&body)) {
    joins(released->job);
    starving_at_ = now_;
  } else if (const auto* boosted = std::get_if<JobBoosted>(&body)) {
    joins(boosted->job);
  } else if (const auto* again = std::get_if<RestartPlanned>(&body)) {
    joins(again->job);
    starving_at_ = now_;
  } else if (std::holds_alternative<FleetDeclared>(body) ||
             std::holds_alternative<NodeJoined>(body) ||
             std::holds_alternative<NodeChanged>(body) ||
             std::holds_alternative<NodeContact>(body) || std::holds_alternative<NodeMoved>(body) ||
             std::holds_alternative<NodeUseChanged>(body) ||
             std::holds_alternative<PolicyChanged>(body) ||
             std::holds_alternative<ReservationMade>(body) ||
             std::holds_alternative<ReservationBegun>(body) ||
             std::holds_alternative<ReservationMended>(body) ||
             std::holds_alternative<ReservationEnded>(body)) {
    forget_failures();
  } else if (std::holds_alternative<ControllerTookOver>(body)) {
    remember_nothing();
  }
}

/// As a new control plane, which has only the state.
void Core::Stepper::remember_nothing() {
  placer_ = JobPlacer();
  placer_.placer().follow(state_.free);
  failed_.clear();
  barriers_.clear();
  backfill_at_ = Instant();
  looked_at_ = Instant(-1);
  forget_failures();
}

/// Everybody is tried again.
void Core::Stepper::forget_failures() {
  wakes_.all(state_);
  retries_.clear();
  sleeping_restarts_.clear();
  grow_at_ = now_;
  starving_at_ = now_;
}

}  // namespace mw
