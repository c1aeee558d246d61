#include "tellers.h"

#include <algorithm>
#include <iterator>

namespace mw::vopr {
namespace {

/// What checks say, somebody else may say as well.
constexpr const char* kCodes[] = {"check.slow", "v.watch",  "v.drain",   "v.reset",  "v.reboot",
                                  "v.flap",     "v.vendor", "v.restart", "v.unknown"};

}  // namespace

CheckRules some_check_rules(Random& random) {
  CheckRules rules;
  for (const char* name : {"first", "second"}) {
    CheckProgram program;
    program.name = name;
    program.command = {"/check"};
    program.on_entry = random.chance(1, 2);
    program.on_idle = !program.on_entry || random.chance(2, 3);
    if (random.chance(2, 3)) rules.programs.push_back(std::move(program));
  }
  rules.new_nodes = random.chance(1, 2);
  rules.entering = {static_cast<std::uint32_t>(random.between(0, 50)), 1};
  rules.every = minutes(random.between(0, 60));
  rules.idle_for = seconds(random.between(0, 300));
  rules.idle = {static_cast<std::uint32_t>(random.between(0, 100)),
                static_cast<std::uint32_t>(random.below(3))};
  rules.slow_percent = static_cast<std::uint32_t>(random.between(0, 20));
  return rules;
}

FaultPolicy some_fault_policy(Random& random) {
  FaultPolicy policy;
  policy.name = "vopr";
  const auto rule = [&](const char* code, std::vector<FaultStep> steps) {
    FaultRule one;
    one.code = code;
    one.steps = std::move(steps);
    policy.rules.push_back(std::move(one));
  };
  const auto step = [&](FaultAction action) {
    FaultStep one{action, static_cast<std::uint32_t>(random.between(1, 3)), Duration(), {}};
    if (random.chance(1, 2)) one.within = minutes(random.between(1, 120));
    if (random.chance(1, 2)) one.drain = static_cast<DrainMode>(random.below(3));
    return one;
  };
  rule("check.failed", {step(FaultAction::kValidate), step(FaultAction::kQuarantine)});
  rule("check.slow", {step(FaultAction::kValidate), step(FaultAction::kWatch)});
  rule("engine.node_lost", {{FaultAction::kIgnore}, {FaultAction::kQuarantine, 3, hours(1), {}}});
  rule("job.hung", {step(FaultAction::kRestartJob)});
  rule("node.crash_loop", {step(FaultAction::kValidate)});
  rule("node.lemon", {step(FaultAction::kDrain)});
  rule("node.slow_rank", {step(FaultAction::kWatch), step(FaultAction::kValidate)});
  rule("v.*", {{FaultAction::kIgnore}});
  rule("v.drain", {step(FaultAction::kDrain)});
  rule("v.flap", {step(FaultAction::kWatch), step(FaultAction::kQuarantine)});
  rule("v.reboot", {step(FaultAction::kReboot)});
  rule("v.reset", {step(FaultAction::kResetAccelerator), step(FaultAction::kReboot)});
  rule("v.restart", {step(FaultAction::kRestartJob)});
  rule("v.vendor", {step(FaultAction::kReturnToVendor)});
  rule("v.watch", {step(FaultAction::kWatch)});
  for (const FaultAction action : {FaultAction::kValidate, FaultAction::kResetAccelerator,
                                   FaultAction::kReboot, FaultAction::kReturnToVendor}) {
    if (random.chance(3, 4)) policy.hooks.push_back({action, {"/hook"}, minutes(20), 0, {}});
  }
  for (const BreakerLevel level :
       {BreakerLevel::kRack, BreakerLevel::kLeaf, BreakerLevel::kPod, BreakerLevel::kSite}) {
    if (level != BreakerLevel::kSite && random.chance(2, 3)) continue;
    policy.breakers.push_back({level, static_cast<std::uint32_t>(random.between(0, 60)),
                               static_cast<std::uint32_t>(random.below(3)), hours(1)});
  }
  if (random.chance(3, 4)) policy.checks = some_check_rules(random);
  policy.watch_for = minutes(random.between(1, 60));
  policy.drain_deadline = minutes(random.between(0, 30));
  policy.stale_after = minutes(random.between(1, 30));
  if (random.chance(1, 2)) policy.silence = minutes(random.between(1, 60));
  if (random.chance(1, 2)) policy.silence_intervals = 5;
  if (random.chance(3, 4)) {
    policy.crash_loops = {static_cast<std::uint32_t>(random.between(2, 4)),
                          seconds(random.between(0, 60)), 2, hours(2)};
  }
  if (random.chance(3, 4)) policy.stragglers = {3, 30, 2, 1};
  if (random.chance(1, 2)) policy.lemons = {hours(12), 2, 900'000};
  return policy;
}

/// The ranks of something that runs have told how long their steps take; now and then one is slow,
/// and some have not.
InputBody Tellers::some_step(const State& state) {
  std::vector<const Attempt*> running;
  for (const auto& [job, attempt] : state.attempts) running.push_back(&attempt);
  const Attempt& attempt = *running[random_.below(running.size())];
  std::vector<Duration> steps(attempt.exited.size() + (random_.chance(1, 16) ? 1 : 0));
  for (Duration& step : steps) {
    if (random_.chance(1, 16)) continue;
    step = milliseconds(random_.chance(1, 16) ? 1500 : random_.between(990, 1010));
  }
  return ReportStepTimes{attempt.job, attempt.number, std::move(steps)};
}

/// Of something above the node; it stays one of the node where there is nothing.
void Tellers::lift(FaultReport& report, const State& state, NodeId node) {
  const Topology& topology = *state.topology;
  const PowerVertex& power = topology.power(topology.power_of(node));
  const FabricVertex& fabric = topology.fabric(topology.fabric_of(node));
  switch (random_.below(4)) {
    case 0:
      report.scope = FaultReach::kSite;
      report.place = topology.site(topology.site_of(node)).name;
      return;
    case 1:
      if (fabric.level != FabricLevel::kLeaf) return;
      report.scope = FaultReach::kLeaf;
      report.place = fabric.name;
      return;
    default:
      if (power.name.empty() || power.level == PowerLevel::kSite) return;
      report.scope = power.level == PowerLevel::kRack ? FaultReach::kRack : FaultReach::kPower;
      report.place = power.name;
  }
}

/// Of something that runs: its own fault, or one of a rank.
void Tellers::blame_job(FaultReport& report, const State& state) {
  if (state.attempts.empty()) return;
  auto at = state.attempts.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random_.below(state.attempts.size())));
  const Attempt& attempt = at->second;
  report.scope = FaultReach::kJob;
  report.place.clear();
  report.job = attempt.job;
  report.attempt = random_.chance(1, 8) ? attempt.number.next() : attempt.number;
  if (random_.chance(1, 2)) {
    report.rank = Rank(static_cast<std::uint32_t>(random_.below(attempt.exited.size())));
  }
}

InputBody Tellers::some_news(Instant now, const State& state) {
  FaultReport report;
  report.code = kCodes[random_.below(std::size(kCodes))];
  const NodeId node(static_cast<std::uint32_t>(random_.below(state.nodes.size())));
  report.place = state.topology->name(node);
  if (random_.chance(1, 8)) {
    lift(report, state, node);
  } else if (random_.chance(1, 8)) {
    blame_job(report, state);
  }
  report.source = random_.chance(1, 2) ? "agent:" + state.topology->name(node) : "alertmanager";
  if (random_.chance(1, 4)) report.count = 0;  // it still holds, or never began
  if (random_.chance(2, 3)) report.sequence = sequence_++;
  if (random_.chance(1, 2)) report.at = now - seconds(random_.between(0, 1200));
  if (report.at < Instant()) report.at = Instant();
  const std::uint32_t devices = state.topology->shape(node).accelerators;
  const bool of_node = report.scope == FaultReach::kNode;
  if (of_node && devices > 0 && random_.chance(1, 2)) {
    report.scope = FaultReach::kAccelerator;
    report.device = static_cast<std::uint32_t>(random_.below(devices));
  }
  if (random_.chance(1, 4)) return FaultCleared{report, random_.chance(1, 4) ? "someone" : ""};
  return FaultReported{report};
}

InputBody Tellers::some_use(const State& state) {
  const NodeId node(static_cast<std::uint32_t>(others_.below(state.nodes.size())));
  const NodeShape& shape = state.topology->shape(node);
  NodeUseReported report{state.topology->name(node), {}};
  if (others_.chance(1, 2)) return report;  // they are gone
  report.use.accelerators = static_cast<std::uint32_t>(others_.below(shape.accelerators + 1));
  report.use.cpus = CpuShare(others_.between(0, shape.cpus.count()));
  report.use.memory = Bytes(others_.between(0, shape.memory.count()));
  return report;
}

void Tellers::tell(Instant now, const State& state, std::vector<Input>& inputs) {
  const auto say = [&](InputBody body) {
    ++told_;
    inputs.push_back({RequestId(), std::move(body)});
  };
  while (!late_.empty() && late_.front().at <= now) {
    say(std::move(late_.front().body));
    late_.pop_front();
  }
  if (now < next_) return;
  if (!state.attempts.empty()) {
    for (std::uint64_t count = random_.below(4); count > 0; --count) say(some_step(state));
  }
  for (std::uint64_t count = 1 + random_.below(4); count > 0; --count) {
    // Said before, by somebody whose answer was lost; or said anew.
    InputBody body = !said_.empty() && random_.chance(1, 3) ? said_[random_.below(said_.size())]
                                                            : some_news(now, state);
    said_.push_back(body);
    if (random_.chance(1, 4)) {
      late_.push_back({now + seconds(random_.between(0, 1800)), std::move(body)});
      std::stable_sort(late_.begin(), late_.end(),
                       [](const Late& a, const Late& b) { return a.at < b.at; });
    } else {
      say(std::move(body));
    }
  }
  if (random_.chance(1, 6)) {
    const NodeId node(static_cast<std::uint32_t>(random_.below(state.nodes.size())));
    const std::string& name = state.topology->name(node);
    MoveNode move{name, static_cast<NodePhase>(random_.below(kNodePhases)), "why", "someone"};
    if (random_.chance(1, 2)) move.mode = static_cast<DrainMode>(random_.below(3));
    if (random_.chance(1, 2)) move.within = seconds(random_.between(0, 900));
    say(random_.chance(1, 3) ? InputBody(ResumeNode{name, "someone"}) : InputBody(std::move(move)));
  }
  if (random_.chance(1, 12)) {
    for (const auto& [place, breaker] : state.health.breakers) {
      if (breaker.tripped_at) say(ResetBreaker{place.level, place.name, "someone"});
    }
  }
  if (others_.chance(1, 4)) say(some_use(state));
  next_ = now + seconds(random_.between(0, random_.chance(1, 4) ? 1200 : 200));
}

}  // namespace mw::vopr
