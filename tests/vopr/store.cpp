#include "store.h"

#include <algorithm>

#include "codec/event_json.h"
#include "core/queueing.h"
#include "core/reservations.h"

namespace mw::vopr {
namespace {

void expect(bool holds, const std::string& otherwise) {
  if (!holds) throw Broken(otherwise);
}

}  // namespace

void WatchedJournal::set_full(bool full) {
  if (full) {
    store_.fail_with(Error{ErrorCode::kUnavailable, "the store is full"});
  } else {
    store_.fail_with(std::nullopt);
  }
}

Result<void> WatchedJournal::append(const Batch& batch) {
  const Fate fate = fate_;
  fate_ = Fate::kStored;
  if (fate == Fate::kDiesBefore) throw ControlPlaneDied();
  if (Result<void> stored = store_.append(batch); !stored) return stored;
  expect(batch.first_event == stored_.last_seq.next(), "an event is missing, or stored twice");
  if (steps_along_) step_along(batch);
  for (const Event& event : batch.events) {
    check(event);
    apply(stored_, event);
    note(event);
  }
  expect(going_on_.empty(), "ranks go on without an attempt");
  if (fate == Fate::kDiesAfter) throw ControlPlaneDied();
  return {};
}

/// As the real stores do, it keeps the primary fields alone.
Result<void> WatchedJournal::save_snapshot(const State& state) {
  State kept = state;
  rebuild_indexes(kept);
  return store_.save_snapshot(kept);
}

void WatchedJournal::step_along(const Batch& batch) {
  const std::vector<Event> made = continuing_.step(batch.now, batch.inputs);
  const std::string where = "event " + std::to_string(batch.first_event.value());
  for (std::size_t i = 0; i < std::max(made.size(), batch.events.size()); ++i) {
    const bool same = i < made.size() && i < batch.events.size() && made[i] == batch.events[i];
    if (same) continue;
    throw Broken("one that was never gone decides otherwise after " + where + ": it gives " +
                 (i < made.size() ? event_row(made[i]) : "nothing") + ", and stored is " +
                 (i < batch.events.size() ? event_row(batch.events[i]) : "nothing"));
  }
}

/// No breaker is passed: a node that a fault takes out of service is one that may be, and with it
/// are no more than the rule allows.
void WatchedJournal::check_taken(Instant at, const NodeMoved& moved) {
  const Node& node = stored_.nodes.at(moved.node.value());
  const bool served = node.phase == NodePhase::kReady || node.phase == NodePhase::kSuspect;
  if (moved.mover != Mover::kFaultPolicy || !served) return;
  if (moved.phase == NodePhase::kReady) return;
  ++taken_;
  // One fault of all of a place is one for the breakers in it, and not many.
  const bool of_place =
      std::any_of(stored_.faults.begin(), stored_.faults.end(), [](const auto& each) {
        return each.first.scope != FaultReach::kNode && each.first.scope != FaultReach::kJob;
      });
  for (const BreakerPlace& place : breaker_places(stored_, moved.node)) {
    if (of_place && place.level != BreakerLevel::kSite) continue;
    const auto found = stored_.health.breakers.find(place);
    if (found == stored_.health.breakers.end()) continue;
    expect(!found->second.tripped_at,
           "a node is taken out of service though the breaker of " + place.name + " has tripped");
    const BreakerRule& rule = *breaker_rule(*stored_.health.policy, place.level);
    std::uint32_t others = 0;
    bool counted = false;
    for (const TakenNode& each : found->second.taken) {
      if (each.at <= at - rule.window) continue;
      counted = counted || each.node == moved.node;
      others += each.node == moved.node ? 0 : 1;
    }
    expect(counted || others < breaker_limit(rule, nodes_of(stored_, place)),
           "more nodes are taken out of service than the breaker of " + place.name + " allows");
  }
}

/// Of an attempt that is over, and of which all but these ranks are to go on in the next.
void WatchedJournal::note_going_on(const Attempt& attempt, const Leaving& leaving) {
  std::vector<NodeSlice>& good = going_on_[attempt.job];
  for (const NodeSlice& slice : attempt.placement) {
    if (!is_among(leaving.lost, slice.first_rank)) {
      good.push_back(slice);
      continue;
    }
    for (std::uint32_t i = 0; i < slice.tasks; ++i) {
      expect(attempt.exited[slice.first_rank + i],
             "a rank of " + name_of_job(attempt.job) + " is replaced while it runs");
    }
  }
}

/// Who is kept stays where it is; and who was to go on does.
void WatchedJournal::check_kept(const AttemptPlaced& placed) {
  const std::string who = name_of_job(placed.job);
  const auto found = going_on_.find(placed.job);
  expect(placed.kept.has_value() == (found != going_on_.end()),
         "ranks of " + who + " go on, and the next attempt does not have them, or the other way");
  if (!placed.kept) return;
  std::uint32_t good = 0;
  for (const NodeSlice& slice : found->second) {
    good += slice.tasks;
    expect(std::find(placed.placement.begin(), placed.placement.end(), slice) !=
               placed.placement.end(),
           "a rank of " + who + " is kept, and is to be elsewhere");
  }
  std::uint32_t kept = 0;
  for (const KeptRanks& each : *placed.kept) kept += each.tasks;
  expect(kept == good, "not all of " + who + " is kept");
  going_on_.erase(found);
  ++in_place_;
}

/// REQUIRES: it is not applied to stored_ yet.
void WatchedJournal::check(const Event& event) {
  expect(event.at >= stored_.now, "time goes backwards in the journal");
  if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) check_placed(event, *placed);
  if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    const Attempt& attempt = stored_.attempts.at(ended->job);
    // That each of its tasks has ended was told one by one: then nobody says it of the whole.
    const bool one_by_one = attempt.exited_count == attempt.exited.size();
    const auto leaving = stored_.resilience.leaving.find(ended->job);
    const bool goes_on = ended->carried_work.has_value();
    if (goes_on) {
      expect(leaving != stored_.resilience.leaving.end() && !attempt.stopping,
             "an attempt of " + name_of_job(ended->job) + " goes on of which no rank was leaving");
      note_going_on(attempt, leaving->second);
    }
    expect(one_by_one || goes_on || !world_.runs(ended->job, attempt.epoch),
           "an attempt of " + name_of_job(ended->job) + " is over in the journal, and runs");
  }
  if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) check_stopping(*stopping);
  if (const auto* made = std::get_if<ReservationMade>(&event.body)) {
    if (!made->spec.force) check_promised(made->spec.name, made->nodes, made->spec.start);
  }
  if (const auto* mended = std::get_if<ReservationMended>(&event.body)) {
    const Instant start = stored_.reservations.at(mended->reservation).spec.start;
    check_promised(mended->reservation, mended->come, std::max(start, event.at));
  }
  if (const auto* moved = std::get_if<NodeMoved>(&event.body)) check_taken(event.at, *moved);
  if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
    const std::string& key = submitted->client_key;
    expect(key.empty() || keys_.insert(key).second, "two jobs of one client key: " + key);
  }
  if (const auto* finished = std::get_if<JobFinished>(&event.body)) {
    expect(!is_final(stored_.jobs.at(finished->job).state),
           name_of_job(finished->job) + " ends twice");
  }
}

/// Nobody is stopped for a job of a lower class, by whatever right: so it cannot go round.
void WatchedJournal::check_stopping(const AttemptStopping& stopping) const {
  if (stopping.cause != EndCause::kPreempted) return;
  const JobId by(std::stoull(stopping.by.substr(std::string("job ").size())));
  const std::int32_t above = class_rules(stored_, spec_of(stored_, by)).value;
  expect(stored_.attempts.at(stopping.job).class_value <= above,
         name_of_job(stopping.job) + " is stopped for a lower class");
}

void WatchedJournal::check_placed(const Event& event, const AttemptPlaced& placed) {
  const std::string who = name_of_job(placed.job);
  const Job& job = stored_.jobs.at(placed.job);
  const JobRecord& record = stored_.records.at(job.record);
  expect(placed.epoch > newest_, who + " is placed with an epoch that is not new");
  newest_ = placed.epoch;
  expect(!stored_.attempts.contains(placed.job), who + " is placed while it runs");
  expect(job.state == JobState::kPending && !job.held, who + " is placed though it does not wait");
  expect(record.awaits.empty(), who + " is placed before what it waits for");
  expect(event.at >= record.spec->not_before && event.at >= job.not_before,
         who + " is placed before it may start");
  for (const NodeSlice& slice : placed.placement) {
    const Node& node = stored_.nodes.at(slice.node.value());
    expect(!node.checking, who + " is placed on a node whose check was not stopped before");
    expect(!node.lost, who + " is placed on a node that is lost");
    expect(node.phase == NodePhase::kReady,
           who + " is placed on a node that is " + std::string(name_of(node.phase)));
  }
  check_kept(placed);
  check_reserved(event, placed);
}

/// It is on nodes of the reservation that it names and no others, and gone before the next begins.
void WatchedJournal::check_reserved(const Event& event, const AttemptPlaced& placed) const {
  const std::string who = name_of_job(placed.job);
  const JobSpec& spec = spec_of(stored_, placed.job);
  const Reservation* own = reservation_of(stored_, spec);
  expect(!spec.reservation || (own != nullptr && own->begun),
         who + " is placed without the reservation that it names");
  // Who goes on does so in the time that was begun.
  const Instant since = placed.kept ? stored_.jobs.at(placed.job).not_before : event.at;
  Instant end = expected_end(spec, since);
  if (own != nullptr) end = std::min(end, own->spec.end());
  for (const NodeSlice& slice : placed.placement) {
    expect(own == nullptr || has_node(*own, slice.node), who + " is placed outside of its own");
    for (const auto& [name, each] : stored_.reservations) {
      expect(&each == own || !has_node(each, slice.node) || end <= each.spec.start,
             who + " is placed in the way of reservation " + name);
    }
  }
}

/// Whatever is on the nodes now has to be gone when the reservation begins.
void WatchedJournal::check_promised(const std::string& reservation,
                                    const std::vector<NodeId>& nodes, Instant start) const {
  for (const auto& [job, attempt] : stored_.attempts) {
    const bool there =
        std::any_of(attempt.placement.begin(), attempt.placement.end(), [&](const NodeSlice& each) {
          return std::find(nodes.begin(), nodes.end(), each.node) != nodes.end();
        });
    expect(!there || expected_end(stored_, attempt) <= start,
           "reservation " + reservation + " is promised a node that " + name_of_job(job) + " has");
  }
}

void WatchedJournal::note(const Event& event) {
  if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
    ++placements_;
    lent_ +=
        std::any_of(placed->placement.begin(), placed->placement.end(),
                    [&](const NodeSlice& slice) { return stored_.nodes[slice.node.value()].spare; })
            ? 1
            : 0;
    reserved_placements_ += spec_of(stored_, placed->job).reservation ? 1 : 0;
  }
  if (const auto* let_go = std::get_if<CapacityLetGo>(&event.body)) {
    kept_taken_ += let_go->taken_by ? 1 : 0;
  }
  if (const auto* ended = std::get_if<CheckEnded>(&event.body)) {
    ++checks_;
    checks_stopped_ += ended->outcome == CheckOutcome::kStopped ? 1 : 0;
  }
  reservations_ += std::holds_alternative<ReservationMade>(event.body) ? 1 : 0;
  faults_ += std::holds_alternative<FaultNoted>(event.body) ? 1 : 0;
  remedies_ += std::holds_alternative<RemedyBegun>(event.body) ? 1 : 0;
  trips_ += std::holds_alternative<BreakerTripped>(event.body) ? 1 : 0;
  if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
    preemptions_ += stopping->cause == EndCause::kPreempted ? 1 : 0;
    grown_ += stopping->cause == EndCause::kResized ? 1 : 0;
  }
  const auto* submitted = std::get_if<JobSubmitted>(&event.body);
  if (submitted == nullptr) return;
  jobs_ += submitted->spec->array;
  world_.submitted(event.at, submitted->job, submitted->spec, truths_.at(event.request));
}

Result<void> WatchedEngine::start(ObservationSink sink, std::vector<DesiredAttempt> desired) {
  for (const DesiredAttempt& each : desired) check(each);
  expect(desired.size() == journal_.stored().attempts.size(), "not all that is desired is told");
  return world_.start(std::move(sink), std::move(desired));
}

void WatchedEngine::set(DesiredAttempt desired) {
  check(desired);
  pass();
  world_.set(std::move(desired));
}

void WatchedEngine::forget(JobId job, Epoch epoch) {
  const auto& attempts = journal_.stored().attempts;
  const auto found = attempts.find(job);
  expect(found == attempts.end() || found->second.epoch != epoch,
         "the engine is to forget " + name_of_job(job) + ", whose end is not stored");
  pass();
  world_.forget(job, epoch);
}

void WatchedEngine::remedy(DesiredRemedy desired) {
  const State& state = journal_.stored();
  const auto node = state.topology->find(desired.node);
  expect(node.has_value(), "a remedy of a node that is not there");
  const auto& checks = state.health.checks.running;
  const auto found = state.health.remedies.find(*node);
  const auto check = checks.find(*node);
  const bool begun = found != state.health.remedies.end() && found->second.id == desired.remedy &&
                     found->second.begun_at;
  const bool checking = check != checks.end() && check->second.id == desired.remedy;
  expect(desired.yields ? checking : begun,
         "the engine is told of a remedy of " + desired.node + " that is not stored as begun");
  expect(!has_work(state.nodes[node->value()]), "a remedy of " + desired.node + " under work");
  pass();
  world_.remedy(std::move(desired));
}

void WatchedEngine::forget_remedy(const std::string& node, Epoch remedy) {
  pass();
  world_.forget_remedy(node, remedy);
}

void WatchedEngine::pass() {
  if (die_at_ < 0) return;
  if (die_at_-- == 0) throw ControlPlaneDied();
}

void WatchedEngine::check(const DesiredAttempt& desired) const {
  const auto& attempts = journal_.stored().attempts;
  const auto found = attempts.find(desired.job);
  expect(found != attempts.end() && found->second.epoch == desired.epoch,
         "the engine is told of an attempt of " + name_of_job(desired.job) + " that is not stored");
  const bool stops = desired.goal == AttemptGoal::kStop;
  expect(stops == found->second.stopping.has_value(),
         "the engine is told another goal of " + name_of_job(desired.job) + " than is stored");
  expect(desired.placement.size() == found->second.placement.size(), "another placement is told");
}

}  // namespace mw::vopr
