// apply(): what each event does to the state. Nothing is decided here; a broken precondition
// means that the event was not made on this state, and stops the program.
#include <algorithm>

#include "base/check.h"
#include "core/accounting.h"
#include "core/allocation.h"
#include "core/claims.h"
#include "core/fleet_apply.h"
#include "core/forgetting.h"
#include "core/gang.h"
#include "core/lending.h"
#include "core/queueing.h"
#include "core/reservations.h"
#include "core/state.h"

namespace mw {
namespace {

class Applier {
 public:
  Applier(State& state, Instant at) : state_(state), at_(at) {}

  void operator()(const Refused&) {}
  void operator()(const ControllerTookOver& event) {
    state_.resilience.replaces_ranks = event.replaces_ranks.value_or(false);
    hear_anew(state_);
  }
  void operator()(const SubmitRepeated&) {}
  void operator()(const CancelRepeated&) {}

  void operator()(const FleetDeclared& event) { declare_fleet(state_, event, at_); }

  void operator()(const NodeJoined& event) {
    join_fleet(state_, event, at_);
    have_joined(state_);
  }

  void operator()(const NodeChanged& event) {
    Node& node = node_at(event.node);
    MW_CHECK(node.slices == 0);
    drop_claim(node.claim.job);
    drop_spare(state_, event.node);
    const LedgerCategory category = free_category(state_, node);
    state_.ledger.change_capacity(category, -node.accelerators_free);
    auto& described = state_.fleet.described;
    const auto at =
        std::lower_bound(described.begin(), described.end(), event.node,
                         [](const DescribedNode& each, NodeId id) { return each.node < id; });
    if (at != described.end() && at->node == event.node) {
      at->spec = event.spec;
    } else {
      described.insert(at, {event.node, event.spec});
    }
    state_.topology.replace(make_topology(state_.fleet));
    reset_capacity(node, state_.topology->shape(node.id));
    rebuild_checks(state_);  // it may stand at another site now
    fleet_changed(state_);
    state_.ledger.change_capacity(category, node.accelerators_free);
  }

  void operator()(const NodeContact& event) {
    Node& node = node_at(event.node);
    if (event.lost) {
      drop_all_on(node);
      note_incident(state_, event.node);
    }
    recategorise(node, [&] { node.lost = event.lost; });
    follow_checks(state_, node);
  }

  void operator()(const NodeUseChanged& event) {
    Node& node = node_at(event.node);
    // A claim counts on what was free.
    drop_claim(node.claim.job);
    if (event.others) drop_spare(state_, event.node);
    set_others(state_, node, event.others);
  }

  void operator()(const NodeMoved& event) {
    Node& node = node_at(event.node);
    const NodePhase before = node.phase;
    if (event.phase != NodePhase::kReady) drop_all_on(node);
    recategorise(node, [&] { node.phase = event.phase; });
    apply_health(state_, event, before);
    node.phase_reason = event.reason;
    node.phase_by = event.by;
    node.phase_since = at_;
  }

  void operator()(const JobSubmitted& event) {
    JobRecord record;
    record.spec = event.spec.pointer();
    record.client_key = event.client_key;
    record.submitted_at = at_;
    record.jobs_left = event.spec->array;
    record.unfinished = event.spec->array;
    for (const Dependency& each : event.spec->after) {
      const Awaited awaited = look_at(state_, each);
      if (awaited == Awaited::kOpen) record.awaits.push_back(each);
      if (awaited == Awaited::kNever && record.never == JobId()) record.never = each.job;
    }
    record.eligible = record.awaits.empty() && record.never == JobId() &&
                      event.spec->not_before <= at_ && reservation_has_begun(state_, *event.spec);
    record.eligible_at = at_;
    note_demand(state_.demand, *event.spec, *state_.topology, state_.free.groups(),
                state_.policy.ranking);
    classify(state_, record);
    TenantTotals& tenant = state_.tenants.totals(record.tenant);
    tenant.jobs_submitted += event.spec->array;
    const bool eligible = record.eligible;
    state_.records.insert(event.job, std::move(record));
    watch_record(state_, event.job);
    if (!event.client_key.empty()) state_.job_by_key.emplace(event.client_key, event.job);
    JobId id = event.job;
    for (std::uint32_t i = 0; i < event.spec->array; ++i, id = id.next()) {
      Job job;
      job.id = id;
      job.record = event.job;
      job.held = event.spec->hold;
      if (job.held) job.held_by = event.spec->user;
      Job& inserted = state_.jobs.insert(id, std::move(job));
      if (!inserted.held && eligible) enqueue(state_, inserted);
    }
    state_.next_job = id;
  }

  void operator()(const JobEligible& event) {
    JobRecord& record = state_.records.change(event.job);
    MW_CHECK(!record.eligible && record.awaits.empty());
    record.eligible = true;
    record.eligible_at = at_;
    unwatch_record(state_, event.job, false);
    for (std::uint32_t i = 0; i < record.spec->array; ++i) {
      const JobId id(event.job.value() + i);
      const Job* job = state_.jobs.find(id);
      if (job == nullptr || job->state != JobState::kPending || job->held) continue;
      enqueue(state_, state_.jobs.change(id));
    }
  }

  void operator()(const JobHeld& event) {
    Job& job = pending(event.job);
    MW_CHECK(!job.held);
    if (job.in_line) dequeue(state_, job);
    drop_hold(state_, job.id);
    drop_claim(job.id);
    job.held = true;
    job.held_by = event.by;
  }

  void operator()(const JobReleased& event) {
    Job& job = pending(event.job);
    MW_CHECK(job.held);
    job.held = false;
    job.held_by.clear();
    if (state_.records.at(job.record).eligible) enqueue(state_, job);
  }

  void operator()(const JobBoosted& event) { boost(state_, pending(event.job)); }

  void operator()(const JobBlocked& event) {
    const Job& job = pending(event.job);
    MW_CHECK(job.in_line);
    if (!job.first_in_line) {
      const ClassId id = class_of(state_, job);
      state_.blocked.erase(state_.classes.at(id).told);
      state_.classes.set_told(id, job.id);
    }
    state_.blocked[job.id] = event.reason;
  }

  void operator()(const CapacityClaimed& event) {
    Claim claim{event.job, event.purpose, event.at, event.nodes, event.victims};
    lay_claim(state_, claim);
    MW_CHECK(state_.claims.emplace(event.job, std::move(claim)).second);
  }

  void operator()(const ClaimDropped& event) { drop_claim(event.job); }

  void operator()(const AttemptPlaced& event) {
    Job& job = pending(event.job);
    const JobSpec& spec = spec_of(state_, event.job);
    dequeue(state_, job);
    drop_hold(state_, job.id);
    drop_claim(job.id);
    if (!may_borrow(state_, spec)) use_spares(state_, event.placement);
    job.state = JobState::kStarting;
    job.first_in_line = false;
    job.attempts = event.attempt.value();
    if (!job.started_at) job.started_at = at_;
    state_.next_epoch = event.epoch.next();

    Attempt attempt;
    attempt.job = event.job;
    attempt.number = event.attempt;
    attempt.epoch = event.epoch;
    attempt.placement = event.placement;
    attempt.resumed_from = event.resume_from;
    attempt.accelerators = accelerators_of(event.placement);
    // Of ranks that go on, the time goes on, too (in_place.cpp).
    attempt.placed_at = event.kept ? job.not_before : at_;
    attempt.exited.assign(tasks_of(event.placement), false);
    attempt.category_since = at_;
    attempt.unsaved = event.carried_work.value_or(AcceleratorTime());
    use_up_claims(state_, spec, event.placement, expected_end(spec, attempt.placed_at));
    take_capacity(state_, event.job, event.placement, attempt.category);
    note_rules(state_, attempt);
    count_preemptible(state_, attempt, 1);
    if (may_grow(spec, event.placement)) state_.may_grow.insert(event.job);
    watch_deadline(state_, attempt);
    MW_CHECK(state_.attempts.emplace(event.job, std::move(attempt)).second);
    if (event.kept) state_.resilience.kept[event.job] = *event.kept;
  }

  void operator()(const AttemptRunning& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    state_.jobs.change(event.job).state = JobState::kRunning;
    attempt.running_at = at_;
    change_category(state_, attempt, LedgerCategory::kProductive, at_);
    note_started(state_, event.job);
  }

  void operator()(const TaskEnded& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    MW_CHECK(!attempt.exited.at(event.rank.value()));
    attempt.exited[event.rank.value()] = true;
    ++attempt.exited_count;
    // Who has to leave does not fail by ending.
    if (!event.exit.ok() && !attempt.first_failure &&
        !leaves(state_, event.job, event.rank.value())) {
      attempt.first_failure = event.exit;
      attempt.first_failure_rank = event.rank;
    }
  }

  void operator()(const AttemptStopping& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    state_.jobs.change(event.job).state = JobState::kStopping;
    unwatch_deadline(state_, attempt);
    stop_listening(state_, event.job);
    state_.resilience.leaving.erase(event.job);
    if (!attempt.stopping) count_preemptible(state_, attempt, -1);
    state_.stopping.insert(event.job);
    attempt.stopping = event.cause;
    attempt.stop_grace = event.grace;
    attempt.stop_by = event.by;
  }

  void operator()(const AttemptEnded& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    Job& job = state_.jobs.change(event.job);
    settle(attempt, at_);
    unwatch_deadline(state_, attempt);
    forget_job_faults(state_, event.job);
    state_.may_grow.erase(event.job);
    if (state_.stopping.erase(event.job) == 0) count_preemptible(state_, attempt, -1);
    for (auto& [owner, claim] : state_.claims) std::erase(claim.victims, event.job);
    MW_CHECK(attempt.saved + attempt.unsaved ==
             event.kept_work + event.lost_work + event.carried_work.value_or(AcceleratorTime()));
    state_.ledger.reclassify(LedgerCategory::kProductive, LedgerCategory::kLostWork,
                             event.lost_work);
    TenantTotals& tenant = state_.tenants.totals(record_of(state_, event.job).tenant);
    for (auto* sums : {&tenant.starting, &job.starting}) *sums += attempt.starting;
    for (auto* sums : {&tenant.checkpointing, &job.checkpointing}) *sums += attempt.checkpointing;
    for (auto* sums : {&tenant.kept_work, &job.kept_work}) *sums += event.kept_work;
    for (auto* sums : {&tenant.lost_work, &job.lost_work}) *sums += event.lost_work;
    job.last_end = event.cause;
    job.last_detail = event.detail;
    job.state = JobState::kPending;
    give_capacity(state_, event.job, attempt.placement, attempt.category);
    if (event.capacity_held) {
      take_capacity(state_, event.job, attempt.placement, LedgerCategory::kHeld);
      state_.holds.emplace(event.job,
                           HeldCapacity{event.job, attempt.placement, attempt.accelerators});
    }
    note_attempt_end(state_, attempt, event);
    state_.attempts.erase(event.job);
  }

  void operator()(const RestartPlanned& event) {
    Job& job = pending(event.job);
    job.first_in_line = event.first_in_line;
    job.restarts = event.restarts;
    job.not_before = event.not_before;
    enqueue(state_, job);
  }

  void operator()(const JobFinished& event) {
    Job& job = pending(event.job);
    MW_CHECK(is_final(event.state));
    if (job.in_line) dequeue(state_, job);
    drop_hold(state_, job.id);
    drop_claim(job.id);
    forget_crashes(state_, job.id);
    job.state = event.state;
    job.finished_at = at_;
    JobRecord& record = state_.records.change(job.record);
    ++state_.tenants.totals(record.tenant).jobs_finished;
    --record.unfinished;
    if (event.state != JobState::kSucceeded) ++record.unsuccessful;
    if (record.unfinished == 0) unwatch_record(state_, job.record, true);
    settle_dependents(job.record);
    state_.finished.push_back(event.job);
    if (state_.finished.size() > kFinishedJobsKept) forget_oldest(state_);
  }

  void operator()(const ProgressNoted& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    if (attempt.category == LedgerCategory::kCheckpointing) {
      change_category(state_, attempt, LedgerCategory::kProductive, at_);
    }
    state_.jobs.change(event.job).progress.follow(event.progress);
    hear(attempt);
  }

  void operator()(const CheckpointStarted& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    change_category(state_, attempt, LedgerCategory::kCheckpointing, at_);
    hear(attempt);
  }

  void operator()(const CheckpointKept& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    const bool running = attempt.running_at.has_value();
    change_category(state_, attempt,
                    running ? LedgerCategory::kProductive : LedgerCategory::kStarting, at_);
    attempt.saved += attempt.unsaved;
    attempt.unsaved = AcceleratorTime();
    state_.jobs.change(event.job).checkpoint = event.checkpoint;
    hear(attempt);
  }

  void operator()(const PolicyChanged& event) {
    while (!state_.claims.empty()) drop_claim(state_.claims.begin()->first);
    state_.tenants.follow(state_.policy, event.policy, at_);
    state_.policy = event.policy;
    reconsider(state_.demand);
    state_.blocked.clear();
    rebuild_queue(state_);
    state_.preemptible.clear();
    std::vector<JobId> running;
    for (const auto& [job, attempt] : state_.attempts) running.push_back(job);
    for (const JobId job : running) {
      Attempt& attempt = state_.attempts.change(job);
      note_rules(state_, attempt);
      if (!attempt.stopping) count_preemptible(state_, attempt, 1);
    }
  }

  void operator()(const ReservationMade& event) {
    for (const NodeId node : event.nodes) drop_all_on(node_at(node));
    add_reservation(state_, {event.spec, event.by, at_, false, event.nodes});
  }
  void operator()(const ReservationBegun& event) {
    for (const NodeId node : state_.reservations.at(event.reservation).nodes) {
      drop_all_on(node_at(node));
    }
    begin_reservation(state_, event.reservation);
  }
  void operator()(const ReservationMended& event) {
    for (const NodeId node : event.come) drop_all_on(node_at(node));
    mend_reservation(state_, event);
  }
  void operator()(const ReservationEnded& event) { end_reservation(state_, event.reservation); }

  void operator()(const CapacityLetGo& event) {
    drop_hold(state_, event.job);
    state_.blocked.erase(event.job);
  }
  /// What is kept, in reserve, or known of ranks (resilience_apply.cpp).
  template <class Other>
  requires requires(State& state, const Other& event) { apply_resilience(state, event); }
  void operator()(const Other& event) { apply_resilience(state_, event); }
  void operator()(const CheckpointWanted&) {}
  /// Faults, repairs and checks (health_apply.cpp, checks.cpp).
  template <class Other>
  requires requires(State& state, const Other& event) { apply_health(state, event); }
  void operator()(const Other& event) { apply_health(state_, event); }

  void operator()(const IdleCauseChanged& event) {
    // Only what is free on ready nodes is idle, and all of it has the same cause.
    state_.ledger.shift(state_.idle_cause, event.cause, state_.ledger.rates()[state_.idle_cause]);
    state_.idle_cause = event.cause;
  }

 private:
  void hear(const Attempt& attempt) {
    if (!attempt.stopping) note_heard(state_, attempt.job);
  }

  Node& node_at(NodeId id) { return state_.nodes.at(id.value()); }

  Job& pending(JobId id) {
    Job& job = state_.jobs.change(id);
    MW_CHECK(job.state == JobState::kPending);
    return job;
  }

  Attempt& attempt_at(JobId job, AttemptNumber number) {
    Attempt& attempt = state_.attempts.change(job);
    MW_CHECK(attempt.number == number);
    return attempt;
  }

  /// Changes the node and moves its free accelerators to the category that follows from it.
  template <class Change>
  void recategorise(Node& node, Change change) {
    const LedgerCategory before = free_category(state_, node);
    change();
    state_.free.update(*state_.topology, node);
    state_.ledger.shift(before, free_category(state_, node), node.accelerators_free);
  }

  void drop_claim(JobId job) {
    const auto claim = state_.claims.find(job);
    if (claim == state_.claims.end()) return;
    lift_claim(state_, claim->second);
    state_.claims.erase(claim);
  }

  void settle_dependents(JobId awaited) {
    auto at = state_.awaited.lower_bound({awaited, JobId()});
    while (at != state_.awaited.end() && at->first == awaited) {
      JobRecord& record = state_.records.change(at->second);
      bool still = false;
      std::erase_if(record.awaits, [&](const Dependency& each) {
        if (state_.jobs.at(each.job).record != awaited) return false;
        const Awaited now = look_at(state_, each);
        if (now == Awaited::kNever && record.never == JobId()) record.never = each.job;
        still = still || now == Awaited::kOpen;
        return now != Awaited::kOpen;
      });
      at = still ? std::next(at) : state_.awaited.erase(at);
    }
  }

  /// Nothing is held or claimed on a node that takes no work, or that is set aside; the job will be
  /// placed anew.
  void drop_all_on(const Node& at) {
    drop_claim(at.claim.job);
    drop_spare(state_, at.id);
    drop_holds_on(state_, at.id);
  }

  State& state_;
  Instant at_;
};

void advance_to(State& state, const Event& event) {
  MW_CHECK(event.at >= state.now);
  state.now = event.at;
  state.last_seq = state.last_seq.next();
  state.ledger.advance(event.at);
}

}  // namespace

void apply(State& state, const Event& event) {
  advance_to(state, event);
  std::visit(Applier(state, event.at), event.body);
}

void apply_all(State& state, std::span<const Event> events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto* joined = std::get_if<NodeJoined>(&events[i].body);
    if (joined == nullptr) {
      apply(state, events[i]);
      continue;
    }
    advance_to(state, events[i]);
    join_fleet(state, *joined, events[i].at);
    const bool more =
        i + 1 < events.size() && std::holds_alternative<NodeJoined>(events[i + 1].body);
    if (!more) have_joined(state);
  }
}

}  // namespace mw
