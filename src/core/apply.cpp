// apply(): what each event does to the state. Nothing is decided here; a broken precondition
// means that the event was not made on this state, and stops the program.
#include <algorithm>

#include "base/check.h"
#include "core/accounting.h"
#include "core/allocation.h"
#include "core/queueing.h"
#include "core/state.h"

namespace mw {
namespace {

class Applier {
 public:
  Applier(State& state, Instant at) : state_(state), at_(at) {}

  void operator()(const Refused&) {}
  void operator()(const ControllerTookOver&) {}
  void operator()(const SubmitRepeated&) {}
  void operator()(const CancelRepeated&) {}

  void operator()(const FleetDeclared& event) {
    MW_CHECK(state_.nodes.empty());
    state_.fleet.declared = event.fleet;
    state_.topology.replace(make_topology(state_.fleet));
    for (std::uint32_t i = 0; i < state_.topology->size(); ++i) {
      const Node& node = add_node(NodeId(i));
      state_.ledger.change_capacity(free_category(state_, node), node.accelerators_free);
    }
    state_.free.rebuild(*state_.topology, state_.nodes);
  }

  void operator()(const NodeJoined& event) {
    MW_CHECK(event.node.value() == state_.nodes.size());
    state_.fleet.described.push_back({event.node, event.spec});
    state_.topology.change().add(event.spec);
    const Node& node = add_node(event.node);
    state_.free.rebuild(*state_.topology, state_.nodes);
    state_.ledger.change_capacity(free_category(state_, node), node.accelerators_free);
  }

  void operator()(const NodeChanged& event) {
    Node& node = node_at(event.node);
    MW_CHECK(node.slices == 0);
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
    state_.free.rebuild(*state_.topology, state_.nodes);
    state_.ledger.change_capacity(category, node.accelerators_free);
  }

  void operator()(const NodeContact& event) {
    Node& node = node_at(event.node);
    if (event.lost) drop_holds_on(event.node);
    recategorise(node, [&] { node.lost = event.lost; });
  }

  void operator()(const NodeMoved& event) {
    Node& node = node_at(event.node);
    if (event.phase != NodePhase::kReady) drop_holds_on(event.node);
    recategorise(node, [&] { node.phase = event.phase; });
    node.phase_reason = event.reason;
    node.phase_by = event.by;
    node.phase_since = at_;
  }

  void operator()(const JobSubmitted& event) {
    JobRecord record;
    record.spec = std::make_shared<const JobSpec>(event.spec);
    record.client_key = event.client_key;
    record.submitted_at = at_;
    record.jobs_left = event.spec.array;
    state_.records.emplace(event.job, std::move(record));
    if (!event.client_key.empty()) state_.job_by_key.emplace(event.client_key, event.job);
    state_.tenants[event.spec.tenant].jobs_submitted += event.spec.array;
    JobId id = event.job;
    for (std::uint32_t i = 0; i < event.spec.array; ++i, id = id.next()) {
      Job job;
      job.id = id;
      job.record = event.job;
      job.held = event.spec.hold;
      if (job.held) job.held_by = event.spec.user;
      const Job& inserted = state_.jobs.insert(id, std::move(job));
      if (!inserted.held) enqueue(state_, inserted);
    }
    state_.next_job = id;
  }

  void operator()(const JobHeld& event) {
    Job& job = pending(event.job);
    MW_CHECK(!job.held);
    dequeue(state_, job);
    drop_hold(job.id);
    job.held = true;
    job.held_by = event.by;
  }

  void operator()(const JobReleased& event) {
    Job& job = pending(event.job);
    MW_CHECK(job.held);
    job.held = false;
    job.held_by.clear();
    enqueue(state_, job);
  }

  void operator()(const JobBlocked& event) {
    state_.blocked[spec_of(state_, event.job).gang] = event.reason;
  }

  void operator()(const AttemptPlaced& event) {
    Job& job = pending(event.job);
    const JobSpec& spec = spec_of(state_, event.job);
    state_.blocked.erase(spec.gang);
    dequeue(state_, job);
    drop_hold(job.id);
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
    attempt.placed_at = at_;
    attempt.exited.assign(spec.gang.tasks, false);
    attempt.category_since = at_;
    take_capacity(state_, event.placement, spec.gang, attempt.category);
    watch_deadline(state_, attempt);
    MW_CHECK(state_.attempts.emplace(event.job, std::move(attempt)).second);
  }

  void operator()(const AttemptRunning& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    state_.jobs.change(event.job).state = JobState::kRunning;
    attempt.running_at = at_;
    change_category(state_, attempt, LedgerCategory::kProductive, at_);
  }

  void operator()(const TaskEnded& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    MW_CHECK(!attempt.exited.at(event.rank.value()));
    attempt.exited[event.rank.value()] = true;
    ++attempt.exited_count;
    if (!event.exit.ok() && !attempt.first_failure) {
      attempt.first_failure = event.exit;
      attempt.first_failure_rank = event.rank;
    }
  }

  void operator()(const AttemptStopping& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    state_.jobs.change(event.job).state = JobState::kStopping;
    unwatch_deadline(state_, attempt);
    attempt.stopping = event.cause;
    attempt.stop_grace = event.grace;
    attempt.stop_by = event.by;
  }

  void operator()(const AttemptEnded& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    Job& job = state_.jobs.change(event.job);
    const JobSpec& spec = spec_of(state_, event.job);
    settle(attempt, at_);
    unwatch_deadline(state_, attempt);
    MW_CHECK(attempt.saved + attempt.unsaved == event.kept_work + event.lost_work);
    state_.ledger.reclassify(LedgerCategory::kProductive, LedgerCategory::kLostWork,
                             event.lost_work);
    TenantTotals& tenant = state_.tenants[spec.tenant];
    for (auto* sums : {&tenant.starting, &job.starting}) *sums += attempt.starting;
    for (auto* sums : {&tenant.checkpointing, &job.checkpointing}) *sums += attempt.checkpointing;
    for (auto* sums : {&tenant.kept_work, &job.kept_work}) *sums += event.kept_work;
    for (auto* sums : {&tenant.lost_work, &job.lost_work}) *sums += event.lost_work;
    job.last_end = event.cause;
    job.last_detail = event.detail;
    job.state = JobState::kPending;
    give_capacity(state_, attempt.placement, spec.gang, attempt.category);
    if (event.capacity_held) {
      take_capacity(state_, attempt.placement, spec.gang, LedgerCategory::kHeld);
      state_.holds.emplace(event.job,
                           HeldCapacity{event.job, attempt.placement, attempt.accelerators});
    }
    state_.attempts.erase(event.job);
  }

  void operator()(const RestartPlanned& event) {
    Job& job = pending(event.job);
    job.first_in_line = true;
    job.restarts = event.restarts;
    job.not_before = event.not_before;
    enqueue(state_, job);
  }

  void operator()(const JobFinished& event) {
    Job& job = pending(event.job);
    MW_CHECK(is_final(event.state));
    // A job whose attempt has just ended stands in no line; one cancelled while it waits does.
    if (!job.held && stands_in_line(job)) dequeue(state_, job);
    drop_hold(job.id);
    job.state = event.state;
    job.finished_at = at_;
    ++state_.tenants[spec_of(state_, event.job).tenant].jobs_finished;
    state_.finished.push_back(event.job);
    if (state_.finished.size() > kFinishedJobsKept) forget_oldest();
  }

  void operator()(const ProgressNoted& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    if (attempt.category == LedgerCategory::kCheckpointing) {
      change_category(state_, attempt, LedgerCategory::kProductive, at_);
    }
    merge(state_.jobs.change(event.job).progress, event.progress);
  }

  void operator()(const CheckpointStarted& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    change_category(state_, attempt, LedgerCategory::kCheckpointing, at_);
  }

  void operator()(const CheckpointKept& event) {
    Attempt& attempt = attempt_at(event.job, event.attempt);
    const bool running = attempt.running_at.has_value();
    change_category(state_, attempt,
                    running ? LedgerCategory::kProductive : LedgerCategory::kStarting, at_);
    attempt.saved += attempt.unsaved;
    attempt.unsaved = AcceleratorTime();
    state_.jobs.change(event.job).checkpoint = event.checkpoint;
  }

  void operator()(const IdleCauseChanged& event) {
    // Only what is free on ready nodes is idle, and all of it has the same cause.
    state_.ledger.shift(state_.idle_cause, event.cause, state_.ledger.rates()[state_.idle_cause]);
    state_.idle_cause = event.cause;
  }

 private:
  const Node& add_node(NodeId id) {
    Node node;
    node.id = id;
    node.phase_since = at_;
    reset_capacity(node, state_.topology->shape(id));
    state_.nodes.push_back(std::move(node));
    return state_.nodes.back();
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

  void drop_hold(JobId job) {
    const auto hold = state_.holds.find(job);
    if (hold == state_.holds.end()) return;
    give_capacity(state_, hold->second.placement, spec_of(state_, job).gang, LedgerCategory::kHeld);
    state_.holds.erase(hold);
  }

  /// Nothing is held on a node that takes no work; the job will be placed anew.
  void drop_holds_on(NodeId node) {
    std::vector<JobId> jobs;
    for (const auto& [job, hold] : state_.holds) {
      for (const NodeSlice& slice : hold.placement) {
        if (slice.node == node) {
          jobs.push_back(job);
          break;
        }
      }
    }
    for (const JobId job : jobs) drop_hold(job);
  }

  [[nodiscard]] bool stands_in_line(const Job& job) const {
    if (job.first_in_line) return state_.restarts.contains({job.not_before, job.id});
    return !job.last_end.has_value();
  }

  void forget_oldest() {
    const JobId oldest = state_.finished.front();
    state_.finished.pop_front();
    const JobId record_id = state_.jobs.at(oldest).record;
    state_.jobs.erase(oldest);
    const auto record = state_.records.find(record_id);
    MW_CHECK(record != state_.records.end());
    if (--record->second.jobs_left > 0) return;
    if (!record->second.client_key.empty()) state_.job_by_key.erase(record->second.client_key);
    state_.records.erase(record);
  }

  static void merge(Progress& into, const Progress& from) {
    if (from.step) into.step = from.step;
    if (from.steps_total) into.steps_total = from.steps_total;
    if (from.samples) into.samples = from.samples;
    if (from.loss) into.loss = from.loss;
    if (from.rate) into.rate = from.rate;
    if (from.unit) into.unit = from.unit;
  }

  State& state_;
  Instant at_;
};

}  // namespace

void apply(State& state, const Event& event) {
  MW_CHECK(event.at >= state.now);
  state.now = event.at;
  state.last_seq = state.last_seq.next();
  state.ledger.advance(event.at);
  std::visit(Applier(state, event.at), event.body);
}

}  // namespace mw
