#include "run.h"

#include <algorithm>
#include <cstdio>

#include "codec/event_json.h"
#include "core/invariants.h"
#include "loop/recovery.h"

namespace mw::vopr {
namespace {

constexpr Duration kResync = seconds(30);
/// A run of trouble is cut off after so many turns, so that all runs take about as long.
constexpr std::uint64_t kTroubledTurns = 250;

Topology unfold(const FleetSpec& fleet) {
  if (const std::string fault = fault_of(fleet); !fault.empty()) throw Broken("fleet: " + fault);
  Topology topology;
  topology.declare(fleet);
  return topology;
}

Scenario scenario_of(Random& random) {
  Random own = random.fork();
  return some_scenario(own);
}

}  // namespace

Run::Run(std::uint64_t seed, bool verbose, bool verify)
    : random_(seed),
      verbose_(verbose),
      verify_(verify),
      scenario_(scenario_of(random_)),
      world_(unfold(scenario_.fleet), scenario_.physics, scenario_.messages, random_.next()),
      journal_(world_, verify),
      engine_(world_, journal_),
      people_(random_.fork(), journal_),
      tellers_(seed ^ 0x7E11E25U),
      tells_(seed % 2 == 1) {
  Random own = random_.fork();
  faults_ = some_faults(own, world_.topology(), scenario_.trouble);
}

Figures Run::run() {
  set_up();
  trouble();
  calm();
  check_rest();
  count();
  return figures_;
}

void Run::set_up() {
  cycle_.emplace(journal_, engine_, ControlCycle::Timed::kNo);
  cycle_->begin_with(State());
  inputs_ = {{RequestId(), DeclareFleet{scenario_.fleet, "vopr"}},
             {RequestId(), SetPolicy{scenario_.policy, "vopr"}}};
  if (tells_) {
    Random own(random_.next());
    // First, so that it says what becomes of the fleet's nodes.
    inputs_.insert(inputs_.begin(), {RequestId(), SetFaultPolicy{some_fault_policy(own), "vopr"}});
    world_.set_remedies_failing(20);
  } else {
    tellers_.stop();
  }
  take_turn(now_);
  if (!scenario_.messages.none()) resync_at_ = now_ + kResync;
}

void Run::trouble() {
  const Instant end = now_ + scenario_.trouble;
  for (std::uint64_t turns = 0; turns < kTroubledTurns; ++turns) {
    const Instant at = next();
    if (at > end) break;
    turn(at);
  }
}

/// When something happens next, to the world, the people or the control plane.
Instant Run::next() const {
  Instant at = std::min(world_.next(), back_at_);
  at = std::min(at, people_.next());
  if (next_fault_ < faults_.size()) at = std::min(at, faults_[next_fault_].at);
  if (plane_ == Plane::kUp) {
    at = std::min(at, cycle_->next_wakeup());
    at = std::min(at, tellers_.next());
    const State& state = cycle_->state();
    if (!state.attempts.empty() || !state.health.remedies.empty()) at = std::min(at, resync_at_);
    if (!inputs_.empty()) at = now_;
  }
  return std::max(at, now_);
}

void Run::turn(Instant now) {
  now_ = now;
  ++figures_.turns;
  faults_due(now);
  if (now >= back_at_) come_back(now);
  hear(now);
  if (plane_ != Plane::kUp) return people_.find_nobody(now);
  people_.ask(now, journal_.stored(), inputs_);
  if (troubled_) tellers_.tell(now, journal_.stored(), inputs_);
  maybe_disturb();
  take_turn(now);
}

void Run::faults_due(Instant now) {
  for (; next_fault_ < faults_.size() && faults_[next_fault_].at <= now; ++next_fault_) {
    const NodeFault& fault = faults_[next_fault_];
    world_.apply(fault);
    const std::uint64_t nodes = fault.nodes.size();
    if (fault.effect == FaultEffect::kDown) figures_.nodes_down += nodes;
    if (fault.effect == FaultEffect::kSlow) figures_.nodes_slow += nodes;
    if (fault.effect == FaultEffect::kTask) figures_.tasks_failed += nodes;
    figures_.correlated += nodes > 1 ? 1 : 0;
  }
}

/// What reaches a dead control plane is lost; what one hears whose store is full is kept.
void Run::hear(Instant now) {
  std::vector<Input> heard;
  world_.advance(now, heard);
  for (Input& input : heard) {
    if (const auto* cancel = std::get_if<CancelJob>(&input.body)) {
      people_.take_back(*cancel, now);
    } else if (plane_ != Plane::kDead) {
      inputs_.push_back(std::move(input));
    }
  }
}

void Run::maybe_disturb() {
  fate_ = WatchedJournal::Fate::kStored;
  dies_in_commands_ = false;
  if (!troubled_) return;
  if (random_.chance(1, 30) && journal_.save_snapshot(cycle_->state()).ok()) ++figures_.snapshots;
  if (!random_.chance(1, 15)) return;
  switch (random_.below(5)) {
    case 0:
      fate_ = WatchedJournal::Fate::kDiesBefore;
      break;
    case 1:
      fate_ = WatchedJournal::Fate::kDiesAfter;
      break;
    case 2:
    case 3:
      dies_in_commands_ = true;
      engine_.die_at(static_cast<int>(random_.below(4)));
      break;
    default:
      journal_.set_full(true);
  }
}

void Run::take_turn(Instant now) {
  // Clocks are set back now and then.
  const Duration back =
      troubled_ && random_.chance(1, 50) ? seconds(random_.between(0, 10)) : Duration();
  journal_.set_fate(fate_);
  try {
    if (now >= resync_at_ && resync_at_ != Instant::never()) {
      cycle_->repeat_commands();
      resync_at_ = now + kResync;
    }
    const auto turned = cycle_->turn(std::max(Instant(), now - back), inputs_);
    if (turned) {
      inputs_.clear();
      people_.answered(*turned->events);
      check(*turned->events);
    } else {
      store_failed(now);
    }
  } catch (const ControlPlaneDied&) {
    using Fate = WatchedJournal::Fate;
    figures_.died_before_append += fate_ == Fate::kDiesBefore ? 1 : 0;
    figures_.died_after_append += fate_ == Fate::kDiesAfter ? 1 : 0;
    figures_.died_in_commands += dies_in_commands_ ? 1 : 0;
    died(now);
  }
  engine_.die_at(-1);
  journal_.set_fate(WatchedJournal::Fate::kStored);
  // It may also die when it does nothing.
  if (troubled_ && plane_ == Plane::kUp && random_.chance(1, 60)) {
    ++figures_.died_between_turns;
    died(now);
  }
}

void Run::died(Instant now) {
  cycle_.reset();
  inputs_.clear();
  people_.unanswered(now, false);
  plane_ = Plane::kDead;
  back_at_ = now + seconds(random_.between(0, random_.chance(1, 3) ? 600 : 5));
}

/// As the control loop does: observations are kept, and whoever asked is told that nothing was
/// done.
void Run::store_failed(Instant now) {
  ++figures_.store_failures;
  std::erase_if(inputs_, [](const Input& input) { return input.request != RequestId(); });
  people_.unanswered(now, true);
  plane_ = Plane::kStoreFull;
  back_at_ = now + seconds(random_.between(0, 300));
}

void Run::come_back(Instant now) {
  back_at_ = Instant::never();
  if (plane_ == Plane::kStoreFull && troubled_ && random_.chance(1, 4)) return died(now);
  journal_.set_full(false);
  if (plane_ == Plane::kDead) cycle_.emplace(journal_, engine_, ControlCycle::Timed::kNo);
  if (const Result<void> recovered = cycle_->recover(); !recovered) {
    throw Broken("recovery failed: " + recovered.error().message);
  }
  ++figures_.recoveries;
  if (const auto field = first_difference(cycle_->state(), journal_.stored()); !field.empty()) {
    throw Broken("recovery gives another state: " + field);
  }
  people_.check(cycle_->state());
  inputs_.insert(inputs_.begin(),
                 {RequestId(), ControllerStarted{"vopr", engine_.replaces_ranks()}});
  if (plane_ == Plane::kDead) {
    const auto started = engine_.start({}, desired_attempts(cycle_->state()));
    if (!started) throw Broken("the engine does not start");
  }
  plane_ = Plane::kUp;
}

void Run::check(const std::vector<Event>& events) {
  const State& state = cycle_->state();
  figures_.events += events.size();
  if (verbose_) tell(events);
  if (const std::string field = first_difference(state, journal_.stored()); !field.empty()) {
    throw Broken("the state is not the one that is stored: " + field);
  }
  if (verify_) {
    const std::string differs = cycle_->core().difference_from(journal_.continuing());
    if (!differs.empty()) throw Broken("one that was never gone remembers otherwise: " + differs);
  }
  if (world_.doubled_starts() > 0) throw Broken("two attempts of one job ran at once");
  if (!events.empty()) {
    for (const std::string& broken : broken_invariants(state)) throw Broken(broken);
  }
}

void Run::tell(const std::vector<Event>& events) {
  for (const Event& event : events) {
    std::printf("%.3f %s\n", static_cast<double>(event.at.count()) / 1e9, event_row(event).c_str());
  }
}

void Figures::add(const Figures& other) {
  runs += other.runs;
  simulated_s += other.simulated_s;
  turns += other.turns;
  events += other.events;
  jobs += other.jobs;
  attempts += other.attempts;
  preemptions += other.preemptions;
  grown += other.grown;
  in_place += other.in_place;
  lent += other.lent;
  kept_taken += other.kept_taken;
  reservations += other.reservations;
  reserved_attempts += other.reserved_attempts;
  nodes_down += other.nodes_down;
  nodes_slow += other.nodes_slow;
  told += other.told;
  faults += other.faults;
  taken += other.taken;
  remedies += other.remedies;
  trips += other.trips;
  checks += other.checks;
  checks_stopped += other.checks_stopped;
  tasks_failed += other.tasks_failed;
  correlated += other.correlated;
  died_before_append += other.died_before_append;
  died_after_append += other.died_after_append;
  died_in_commands += other.died_in_commands;
  died_between_turns += other.died_between_turns;
  store_failures += other.store_failures;
  recoveries += other.recoveries;
  snapshots += other.snapshots;
  messages += other.messages;
  messages_lost += other.messages_lost;
  messages_doubled += other.messages_doubled;
  never_possible += other.never_possible;
}

void Run::count() {
  figures_.runs = 1;
  figures_.simulated_s = static_cast<std::uint64_t>(now_.count() / seconds(1).count());
  figures_.jobs = journal_.jobs();
  figures_.told = tellers_.told();
  figures_.faults = journal_.faults();
  figures_.taken = journal_.taken();
  figures_.remedies = journal_.remedies();
  figures_.trips = journal_.trips();
  figures_.checks = journal_.checks();
  figures_.checks_stopped = journal_.checks_stopped();
  figures_.attempts = journal_.placements();
  figures_.preemptions = journal_.preemptions();
  figures_.grown = journal_.grown();
  figures_.in_place = journal_.in_place();
  figures_.lent = journal_.lent();
  figures_.kept_taken = journal_.kept_taken();
  figures_.reservations = journal_.reservations();
  figures_.reserved_attempts = journal_.reserved_placements();
  figures_.messages = world_.message_counts().sent;
  figures_.messages_lost = world_.message_counts().lost;
  figures_.messages_doubled = world_.message_counts().doubled;
}

}  // namespace mw::vopr
