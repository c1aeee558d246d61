// The second half of a run: nothing goes wrong any more, and everything has to come to rest.
#include <algorithm>

#include "codec/event_json.h"
#include "core/core.h"
#include "loop/recovery.h"
#include "run.h"

namespace mw::vopr {
namespace {

/// Everything has to be at rest by then. The longest job works for two hours; deadlines and the
/// time until a job counts as starving are hours as well.
constexpr Duration kRestWithin = hours(24 * 60);
constexpr std::uint64_t kCalmTurnsMax = 50'000;
/// Far longer than a node is watched, proven or repaired.
constexpr Duration kRestAlone = hours(24);

std::string kind_of(const PendingReason& reason) {
  return std::visit([](const auto& body) { return std::string(body.kKind); }, reason);
}

}  // namespace

/// Nothing breaks from now on, every message arrives, and all that people keep from running is
/// given free.
void Run::make_peace() {
  troubled_ = false;
  next_fault_ = faults_.size();
  world_.set_messages({});
  journal_.set_full(false);
  people_.stop_asking();
  tellers_.stop();
  world_.set_remedies_failing(0);
  if (tells_) {
    // Checks of idle nodes would go on for ever.
    FaultPolicy policy = *journal_.stored().health.policy;
    policy.checks.reset();
    people_.ask_for(SetFaultPolicy{std::move(policy), "vopr"}, inputs_);
  }
  if (plane_ != Plane::kUp) back_at_ = now_;
  turn(now_);
}

/// Before anybody helps: a node goes on by itself from where it only passes through.
void Run::rest_alone() {
  const Instant end = now_ + kRestAlone;
  for (std::uint64_t turns = 0; turns < kCalmTurnsMax; ++turns) {
    const Instant at = next();
    if (at > end) break;
    turn(at);
  }
  if (plane_ != Plane::kUp || next() <= end) return;
  const State& state = cycle_->state();
  for (const Node& node : state.nodes) {
    // Where no program proves nodes, whoever sent it there says when it is good; and a drain lasts
    // until its fault is gone.
    const auto remedy = state.health.remedies.find(node.id);
    const bool passes =
        node.phase == NodePhase::kSuspect ||
        (remedy != state.health.remedies.end() && remedy->second.action != FaultAction::kDrain);
    if (!passes || node.others) continue;  // nobody stops what others have there
    throw Broken(state.topology->name(node.id) + " stays " + std::string(name_of(node.phase)) +
                 " though nothing happens any more");
  }
}

/// Whoever was not answered asks again, so that a job may be held or a node drained even now.
void Run::give_free() {
  const State& state = cycle_->state();
  if (state.policy.spares) {
    Policy policy = state.policy;
    policy.spares.reset();
    people_.ask_for(SetPolicy{policy, "vopr"}, inputs_);
  }
  for (const Node& node : state.nodes) {
    if (node.others) {
      inputs_.push_back({RequestId(), NodeUseReported{state.topology->name(node.id), {}}});
    }
    if (node.phase == NodePhase::kReady) continue;
    const auto remedy = state.health.remedies.find(node.id);
    if (remedy != state.health.remedies.end() && remedy->second.begun_at) continue;  // it ends
    const std::string& name = state.topology->name(node.id);
    if (node.phase == NodePhase::kRetired) {
      people_.ask_for(MoveNode{name, NodePhase::kProvisioning, "", "vopr"}, inputs_);
    } else {
      people_.ask_for(ResumeNode{name, "vopr"}, inputs_);
    }
  }
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (job.held && !is_final(job.state)) {
      people_.ask_for(ReleaseJob{job.id, false, "vopr"}, inputs_);
    }
    return true;
  });
}

void Run::calm() {
  make_peace();
  rest_alone();
  const Instant began = now_;
  const Instant end = began + kRestWithin;
  for (std::uint64_t turns = 0;; ++turns) {
    give_free();
    const Instant at = next();
    if (at == Instant::never()) return;
    if (at > end) throw Broken("after " + std::to_string(turns) + " turns no rest: " + left_over());
    // Long jobs are heard of many times while they run: only turns without time get nowhere.
    const auto passed = static_cast<std::uint64_t>((at - began).count() / seconds(1).count());
    if (turns > kCalmTurnsMax + passed) throw Broken("no rest, only turns: " + left_over());
    turn(at);
  }
}

void Run::check_rest() {
  const State& state = cycle_->state();
  const auto expect = [&](bool holds, const std::string& otherwise) {
    if (!holds) throw Broken(otherwise + ": " + left_over());
  };
  expect(state.attempts.empty(), "attempts are left");
  expect(world_.attempts() == 0, "something still runs");
  expect(world_.records() == 0, "the engine was not told to forget all");
  expect(state.claims.empty(), "capacity is claimed");
  expect(state.holds.empty(), "capacity is held");
  expect(state.resilience.spares.empty(), "nodes are kept as spares");
  expect(state.resilience.gaps.empty() && state.resilience.paces.empty(), "gangs are remembered");
  expect(state.reservations.empty(), "a reservation is left");
  expect(state.ledger.balanced(), "the ledger is not balanced");
  expect(state.health.remedies.empty(), "a remedy is left");
  expect(world_.checks_in_the_way() == 0, "a job began where a check still ran");
  expect(world_.wrong_remedies() == 0, "a node was repaired twice at once, or under its work");
  for (const Node& node : state.nodes) {
    const NodeShape& shape = state.topology->shape(node.id);
    expect(node.phase == NodePhase::kReady,
           state.topology->name(node.id) + " is " + std::string(name_of(node.phase)));
    expect(!node.lost && node.slices == 0 && node.cpus_free == shape.cpus &&
               node.memory_free == shape.memory &&
               node.accelerators_free == kWholeAccelerator * shape.accelerators,
           "not all of " + state.topology->name(node.id) + " is free");
  }
  people_.check(state);
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (!is_final(job.state)) check_never(job);
    return true;
  });
  if (!verify_) return;
  const auto verified = verify(journal_, {}, event_row);
  if (!verified) throw Broken(verified.error().message);
}

/// It waits for ever, and may: nothing there could run it, or something that never ends is before
/// it; and it says so.
void Run::check_never(const Job& job) {
  ++figures_.never_possible;
  const State& state = cycle_->state();
  if (job.state != JobState::kPending)
    throw Broken(name_of_job(job.id) + " is active without an attempt");
  const PendingReason reason = explain(state, job.id, now_);
  if (const auto* awaits = std::get_if<AwaitsJobs>(&reason)) {
    const bool open = std::any_of(awaits->jobs.begin(), awaits->jobs.end(), [&](JobId before) {
      const JobRecord* record = nullptr;
      if (const Job* found = state.jobs.find(before)) record = &state.records.at(found->record);
      return record != nullptr && record->unfinished > 0;
    });
    if (!open) throw Broken(name_of_job(job.id) + " waits for jobs that have all ended");
    return;
  }
  const auto* quota = std::get_if<OverQuota>(&reason);
  const bool says_why = std::holds_alternative<FleetTooSmall>(reason) ||
                        std::holds_alternative<NoSuchAccelerator>(reason) ||
                        std::holds_alternative<NoSuchSite>(reason) ||
                        std::holds_alternative<NoRoomNow>(reason) ||
                        std::holds_alternative<PowerShort>(reason) ||
                        (quota != nullptr && quota->wanted > quota->limit);
  if (!says_why) throw Broken(name_of_job(job.id) + " never starts, and says: " + kind_of(reason));
  if (starts_alone(job)) {
    throw Broken(name_of_job(job.id) +
                 " would start in a new fleet, but here it says: " + kind_of(reason));
  }
}

/// Whether it would run if it were the only job there ever was.
bool Run::starts_alone(const Job& job) const {
  JobSpec spec = spec_of(cycle_->state(), job.id);
  spec.after.clear();
  spec.array = 1;
  spec.hold = false;
  spec.not_before = Instant();
  spec.deadline = Instant();
  Core core;
  const std::vector<Input> inputs = {
      {RequestId(), DeclareFleet{scenario_.fleet, "vopr"}},
      {RequestId(), SetPolicy{cycle_->state().policy, "vopr"}},
      {RequestId(), SubmitJob{spec, ""}},
  };
  core.step(Instant(), inputs);
  return !core.state().attempts.empty();
}

/// For people who look for the reason.
std::string Run::left_over() const {
  const State& state = journal_.stored();
  std::string text;
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (is_final(job.state)) return true;
    text += name_of_job(job.id) + " " + std::string(name_of(job.state));
    if (job.state == JobState::kPending) text += " (" + kind_of(explain(state, job.id, now_)) + ")";
    text += "; ";
    return true;
  });
  return text + std::to_string(world_.attempts()) + " attempts in the world, " +
         std::to_string(state.attempts.size()) + " in the core, " +
         std::to_string(state.claims.size()) + " claims, " + std::to_string(state.holds.size()) +
         " holds";
}

}  // namespace mw::vopr
