#include "store.h"

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
  for (const Event& event : batch.events) {
    check(event);
    apply(stored_, event);
    note(event);
  }
  if (fate == Fate::kDiesAfter) throw ControlPlaneDied();
  return {};
}

/// No breaker is passed: a node that a fault takes out of service is one that may be.
void WatchedJournal::check_taken(const NodeMoved& moved) {
  const Node& node = stored_.nodes.at(moved.node.value());
  if (moved.mover != Mover::kFaultPolicy || node.phase != NodePhase::kReady) return;
  if (moved.phase == NodePhase::kReady) return;
  for (const BreakerPlace& place : breaker_places(stored_, moved.node)) {
    const auto found = stored_.health.breakers.find(place);
    if (found == stored_.health.breakers.end()) continue;
    // One fault of all of a place is one, and not many.
    expect(!found->second.tripped_at || place.level < BreakerLevel::kSite,
           "a node is taken out of service though the breaker of " + place.name + " has tripped");
  }
}

/// REQUIRES: it is not applied to stored_ yet.
void WatchedJournal::check(const Event& event) {
  expect(event.at >= stored_.now, "time goes backwards in the journal");
  if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) check_placed(event, *placed);
  if (const auto* moved = std::get_if<NodeMoved>(&event.body)) check_taken(*moved);
  if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
    const std::string& key = submitted->client_key;
    expect(key.empty() || keys_.insert(key).second, "two jobs of one client key: " + key);
  }
  if (const auto* finished = std::get_if<JobFinished>(&event.body)) {
    expect(!is_final(stored_.jobs.at(finished->job).state),
           name_of_job(finished->job) + " ends twice");
  }
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
    expect(!node.lost, who + " is placed on a node that is lost");
    expect(node.phase == NodePhase::kReady,
           who + " is placed on a node that is " + std::string(name_of(node.phase)));
  }
}

void WatchedJournal::note(const Event& event) {
  if (std::holds_alternative<AttemptPlaced>(event.body)) ++placements_;
  if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
    preemptions_ += stopping->cause == EndCause::kPreempted ? 1 : 0;
  }
  const auto* submitted = std::get_if<JobSubmitted>(&event.body);
  if (submitted == nullptr) return;
  jobs_ += submitted->spec.array;
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
  const auto found = node ? state.health.remedies.find(*node) : state.health.remedies.end();
  expect(found != state.health.remedies.end() && found->second.id == desired.remedy &&
             found->second.begun_at,
         "the engine is told of a remedy of " + desired.node + " that is not stored as begun");
  expect(state.nodes[node->value()].slices == 0, "a remedy of " + desired.node + " under work");
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
