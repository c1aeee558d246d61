// The core under random inputs from a seed: everything that can be asked, and an engine whose
// reports are lost, repeated, reordered and late. After every step every invariant is checked
// from scratch; at random moments the process dies and another takes over from the journal. Then
// the world turns honest, and everything must come to rest.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "base/random.h"
#include "core/core_test_support.h"
#include "core/goodput.h"
#include "core/incidents.h"

namespace mw {
namespace {

using testing::CheckedCore;

/// What really happens to attempts: an engine as a map, told of what the core wants by its
/// events, and reporting through a channel that the test makes unreliable.
class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  void run() {
    const int nodes = static_cast<int>(random_.between(1, 4));
    for (int i = 0; i < nodes; ++i) see_node(i);
    const int steps = static_cast<int>(random_.between(10, 60));
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      advance();
      std::vector<Input> inputs;
      const std::uint64_t count = random_.below(4);
      for (std::uint64_t k = 0; k < count; ++k) inputs.push_back(anything());
      step(std::move(inputs));
      if (random_.chance(1, 12)) crash();
      if (random_.chance(1, 20)) copies_.push_back({core_.state(), core_.journal().size()});
    }
    come_to_rest();
    for (const Copy& copy : copies_) expect_as_it_was(copy);
  }

 private:
  struct Running {
    Epoch epoch;
    std::uint32_t tasks = 0;
    bool stopping = false;
    bool started = false;
    std::map<std::uint32_t, TaskExit> exits;
  };

  /// A state as it was after so many events.
  struct Copy {
    State state;
    std::size_t events = 0;
  };

  void expect_as_it_was(const Copy& copy) {
    State replayed;
    for (std::size_t i = 0; i < copy.events; ++i) apply(replayed, core_.journal()[i]);
    EXPECT_EQ(copy.state, replayed) << "a copy changed with what it was copied from";
  }

  void advance() { now_ = now_ + nanoseconds(random_.between(0, seconds(3).count())); }

  void see_node(int i) {
    NodeSpec spec = testing::node_spec("n" + std::to_string(i),
                                       static_cast<std::uint32_t>(random_.between(1, 4)));
    if (random_.chance(1, 4)) spec.accelerator_type = "other";
    nodes_.push_back(spec);
    step({{RequestId(), NodeSeen{spec}}});
  }

  void step(std::vector<Input> inputs) {
    const std::vector<Event> events = core_.step(now_, std::move(inputs));
    for (const Event& event : events) {
      goodput_.note(event);
      incidents_.note(told_ = told_.next(), event);
      if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
        Running running;
        running.epoch = placed->epoch;
        for (const NodeSlice& slice : placed->placement) running.tasks += slice.tasks;
        ASSERT_TRUE(engine_.emplace(placed->job, running).second) << "started twice";
      } else if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
        const auto found = engine_.find(stopping->job);
        if (found != engine_.end()) found->second.stopping = true;
      } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
        engine_.erase(ended->job);
      }
    }
    expect_exact_goodput();
  }

  /// What is told from the events alone is what the ledger has, to the last nanosecond, however it
  /// is summed.
  void expect_exact_goodput() {
    const ByCategory<AcceleratorTime> ledger = ledger_totals(core_.state(), now_);
    GoodputTotals nodes;
    for (const GoodputTotals& each : goodput_.by_node(now_)) nodes += each;
    GoodputTotals tenants;
    for (const auto& [name, each] : goodput_.by_tenant(now_)) tenants += each;
    const GoodputTotals fleet = goodput_.fleet(now_);
    for (const GoodputTotals* each :
         std::array<const GoodputTotals*, 3>{&nodes, &tenants, &fleet}) {
      EXPECT_EQ(each->productive, ledger[LedgerCategory::kProductive]);
      EXPECT_EQ(each->starting, ledger[LedgerCategory::kStarting]);
      EXPECT_EQ(each->checkpointing, ledger[LedgerCategory::kCheckpointing]);
      EXPECT_EQ(each->lost_work, ledger[LedgerCategory::kLostWork]);
      AcceleratorTime lost;
      for (const CauseTotals& cause : each->causes) lost += cause.lost_work;
      EXPECT_EQ(lost, each->lost_work);
    }
    for (const GoodputTotals* each : std::array<const GoodputTotals*, 2>{&nodes, &fleet}) {
      EXPECT_EQ(each->capacity, ledger.sum());
      // Time of being proven is out of service, but for nodes that take work meanwhile.
      const AcceleratorTime out =
          ledger[LedgerCategory::kDraining] + ledger[LedgerCategory::kLostContact] +
          ledger[LedgerCategory::kRepairing] + ledger[LedgerCategory::kQuarantined];
      EXPECT_GE(each->out_of_service, out);
      EXPECT_LE(each->out_of_service, out + ledger[LedgerCategory::kValidating]);
      EXPECT_EQ(each->out_of_service + each->idle(),
                out + ledger[LedgerCategory::kValidating] + ledger[LedgerCategory::kIdleNoDemand] +
                    ledger[LedgerCategory::kIdleShape] + ledger[LedgerCategory::kHeld]);
      EXPECT_EQ(each->used_by_others, ledger[LedgerCategory::kUsedByOthers]);
    }
    EXPECT_EQ(goodput_.failure_rate(now_).in_service, fleet.in_service);
    EXPECT_EQ(goodput_.failure_rate(now_).failures, fleet.failures);
    for (const auto& [id, incident] : incidents_.all()) {
      if (!incident.ended_at || !incident.node) continue;
      EXPECT_FALSE(incident.withheld);
      for (const IncidentJob& hit : incident.jobs) EXPECT_TRUE(hit.over);
    }
  }

  void crash() {
    const State before = core_.state();
    core_.crash();
    ASSERT_EQ(core_.state(), before) << "recovery gives another state";
    step({{RequestId(), ControllerStarted{"test"}}});
  }

  JobId some_job() { return JobId(random_.below(core_.state().next_job.value() + 1)); }

  Input anything() {
    const RequestId request(random_.below(2) * ++requests_);
    if (random_.chance(1, 2)) return {request, observation()};
    if (random_.chance(1, 4)) return {request, some_health()};
    switch (random_.below(13)) {
      case 0:
      case 1:
      case 2:
      case 9:
        return {request, SubmitJob{some_spec(), some_key()}};
      case 10:
        if (random_.chance(1, 2)) return {request, SubmitJob{some_spec(), some_key()}};
        return {request, SetPolicy{some_policy(), "g"}};
      case 11:
        return {request, ReserveNodes{some_reservation(), "h"}};
      case 12:
        if (random_.chance(2, 3)) return {request, ReserveNodes{some_reservation(), "h"}};
        return {request, ReleaseReservation{some_reservation_name(), "i"}};
      case 3:
        return {request, CancelJob{some_job(), random_.chance(1, 3), "a"}};
      case 4:
        return {request, HoldJob{some_job(), random_.chance(1, 3), "b"}};
      case 5:
        return {request, ReleaseJob{some_job(), random_.chance(1, 3), "c"}};
      case 6:
        return {request, RequeueJob{some_job(), "d"}};
      case 7:
        return {request, DrainNode{some_node(), "why", "e", some_mode(), some_length()}};
      default:
        return {request, ResumeNode{some_node(), "f"}};
    }
  }

  // --- nodes and faults -------------------------------------------------------------------------

  std::optional<DrainMode> some_mode() {
    if (random_.chance(1, 2)) return std::nullopt;
    return static_cast<DrainMode>(random_.below(3));
  }
  std::optional<Duration> some_length() {
    if (random_.chance(1, 2)) return std::nullopt;
    return seconds(random_.between(0, 10));
  }

  InputBody some_health() {
    switch (random_.below(10)) {
      case 0:
        return MoveNode{some_node(), static_cast<NodePhase>(random_.below(kNodePhases)),
                        "why",       "j",
                        some_mode(), some_length()};
      case 1:
        return SetFaultPolicy{some_fault_policy(), "k"};
      case 2:
        return ResetBreaker{BreakerLevel::kSite, random_.chance(3, 4) ? "here" : "there", "l"};
      case 3:
      case 4:
        return FaultCleared{some_fault(), random_.chance(1, 3) ? "m" : ""};
      case 5:
      case 6:
        return some_remedy_report();
      default:
        break;
    }
    if (!faults_told_.empty() && random_.chance(1, 3)) {
      return FaultReported{faults_told_[random_.below(faults_told_.size())]};
    }
    faults_told_.push_back(some_fault());
    return FaultReported{faults_told_.back()};
  }

  FaultReport some_fault() {
    static constexpr const char* kCodes[] = {"a.watch", "a.drain", "a.reset", "a.reboot",
                                             "a.flap",  "a.back",  "b.any",   "job.bad"};
    FaultReport report;
    report.code = kCodes[random_.below(std::size(kCodes))];
    report.source = random_.chance(1, 2) ? "agent" : "alerts";
    if (random_.chance(2, 3)) report.sequence = random_.below(40) + 1;
    if (random_.chance(1, 2)) report.at = now_ - seconds(random_.between(-3, 40));
    if (report.at < Instant()) report.at = Instant();
    report.place = some_node();
    report.count = random_.below(3) + 1;
    if (random_.chance(1, 3)) {
      report.scope = FaultReach::kAccelerator;
      report.device = static_cast<std::uint32_t>(random_.below(4));
    } else if (random_.chance(1, 8)) {
      report.scope = FaultReach::kSite;
      report.place = "here";
    } else if (report.code == std::string_view("job.bad")) {
      report.scope = FaultReach::kJob;
      report.place.clear();
      report.job = some_job();
      report.attempt = AttemptNumber(static_cast<std::uint32_t>(random_.between(1, 2)));
      if (random_.chance(1, 2)) report.rank = Rank(static_cast<std::uint32_t>(random_.below(5)));
    }
    return report;
  }

  FaultPolicy some_fault_policy() {
    FaultPolicy policy;
    policy.name = "some";
    const auto rule = [&](const char* code, std::vector<FaultStep> steps) {
      FaultRule one;
      one.code = code;
      one.steps = std::move(steps);
      policy.rules.push_back(std::move(one));
    };
    const auto many = [&](FaultAction action) {
      return FaultStep{action, static_cast<std::uint32_t>(random_.between(1, 3)),
                       seconds(random_.between(0, 20)), some_mode()};
    };
    rule("a.back", {many(FaultAction::kReturnToVendor)});
    rule("a.drain", {many(FaultAction::kDrain)});
    rule("a.flap",
         {{FaultAction::kIgnore}, many(FaultAction::kWatch), many(FaultAction::kQuarantine)});
    rule("a.reboot", {many(FaultAction::kReboot)});
    rule("a.reset", {many(FaultAction::kResetAccelerator), many(FaultAction::kReboot)});
    rule("a.watch", {many(FaultAction::kWatch)});
    rule("b.*", {many(FaultAction::kRestartJob)});
    rule("engine.node_lost", {many(FaultAction::kQuarantine)});
    rule("job.*", {many(random_.chance(1, 2) ? FaultAction::kRestartJob : FaultAction::kWatch)});
    for (const FaultAction action : {FaultAction::kValidate, FaultAction::kResetAccelerator,
                                     FaultAction::kReboot, FaultAction::kReturnToVendor}) {
      if (random_.chance(2, 3)) policy.hooks.push_back({action, {"/do"}, seconds(20)});
    }
    if (random_.chance(2, 3)) {
      policy.breakers.push_back({BreakerLevel::kSite,
                                 static_cast<std::uint32_t>(random_.below(101)),
                                 static_cast<std::uint32_t>(random_.below(3)), seconds(30)});
    }
    policy.stale_after = seconds(random_.between(1, 60));
    policy.watch_for = seconds(random_.between(1, 20));
    policy.drain_deadline = seconds(random_.between(0, 10));
    if (random_.chance(1, 3)) policy.silence = seconds(random_.between(1, 20));
    look_for_more(policy);
    return policy;
  }

  void look_for_more(FaultPolicy& policy) {
    if (random_.chance(1, 2)) policy.silence_intervals = 2;
    if (random_.chance(2, 3)) {
      policy.crash_loops = {static_cast<std::uint32_t>(random_.between(2, 3)),
                            seconds(random_.between(0, 3)), 2, minutes(5)};
    }
    if (random_.chance(2, 3)) policy.stragglers = {3, 10, 1, 1};
    if (random_.chance(2, 3)) policy.lemons = {hours(3), 1, 900'000};
  }

  /// Of the remedy that is being done, of one before it, or of none.
  RemedyReported some_remedy_report() {
    const std::string node = some_node();
    Epoch remedy(random_.below(core_.state().next_epoch.value() + 1));
    const auto& remedies = core_.state().health.remedies;
    const auto id = core_.state().topology->find(node);
    if (id && remedies.contains(*id) && random_.chance(3, 4)) remedy = remedies.at(*id).id;
    return {node, remedy, random_.chance(2, 3), "done"};
  }

  std::string some_node() { return "n" + std::to_string(random_.below(nodes_.size() + 1)); }
  std::string some_reservation_name() { return "r" + std::to_string(random_.below(3)); }
  ReservationSpec some_reservation() {
    ReservationSpec spec;
    spec.name = some_reservation_name();
    if (random_.chance(3, 4)) spec.start = now_ + seconds(random_.between(-5, 20));
    spec.duration = seconds(random_.between(0, 30));
    if (random_.chance(2, 3)) {
      spec.nodes = static_cast<std::uint32_t>(random_.between(1, 3));
    } else {
      spec.node_list = {some_node(), some_node()};
    }
    if (random_.chance(1, 6)) spec.accelerator_type = "other";
    if (random_.chance(1, 3)) spec.tenants = {"t"};
    spec.force = random_.chance(1, 2);
    return spec;
  }
  std::string some_key() {
    return random_.chance(1, 3) ? "key" + std::to_string(random_.below(4)) : "";
  }

  Policy some_policy() {
    Policy policy;
    policy.classes[1].preemptible = random_.chance(1, 2);
    policy.preemption.runtime_min = seconds(random_.between(0, 2));
    policy.preemption.reclaim = random_.chance(2, 3);
    policy.consolidation.enabled = random_.chance(1, 2);
    policy.elastic.grow_interval = seconds(random_.between(1, 10));
    policy.backfill.reservations = static_cast<std::uint32_t>(random_.below(4));
    policy.starvation_after = seconds(random_.between(0, 20));
    const auto amount = [&] { return AcceleratorShare(random_.between(0, 6) * 1000); };
    if (random_.chance(1, 2)) policy.tenants.push_back({"above", "", amount(), std::nullopt, 1});
    const std::string parent = policy.tenants.empty() ? "" : "above";
    policy.tenants.push_back({"t", parent, amount(), std::nullopt, 2});
    if (random_.chance(1, 2)) policy.tenants.push_back({"u", "", amount(), amount(), 1});
    for (TenantPolicy& each : policy.tenants) {
      if (random_.chance(1, 3)) each.borrow_limit = amount();
    }
    if (random_.chance(1, 20)) policy.default_class = "none such";
    policy.keep_nodes_for = seconds(random_.between(0, 60));
    if (random_.chance(1, 2)) {
      policy.spares = {SpareRule{}};
      policy.spares->front().level = FabricLevel::kSite;
      if (random_.chance(1, 2)) policy.spares->front().count = 1;
      if (random_.chance(1, 2)) policy.lend_spares = policy.classes.front().name;
    }
    return policy;
  }

  /// What makes a gang more than so many tasks.
  void add_structure(JobSpec& spec) {
    if (random_.chance(1, 6)) {
      GangShape group = spec.gang;
      group.tasks = static_cast<std::uint32_t>(random_.between(1, 2));
      group.nodes = 0;
      group.task.cpus = CpuShare(random_.between(0, 2) * 500);
      spec.groups.push_back(group);
    } else if (spec.gang.nodes == 0 && spec.gang.tasks > 1 && random_.chance(1, 4)) {
      spec.gang.tasks_min = static_cast<std::uint32_t>(random_.between(1, spec.gang.tasks));
    }
    spec.gang.exclusive = random_.chance(1, 8);
  }
  void add_conditions(JobSpec& spec) {
    static constexpr const char* kClasses[] = {"", "best-effort", "normal", "high", "none such"};
    spec.priority_class = kClasses[random_.below(random_.chance(1, 10) ? 5 : 4)];
    if (random_.chance(1, 8)) spec.not_before = now_ + seconds(random_.between(0, 20));
    if (random_.chance(1, 4)) spec.reservation = some_reservation_name();
    if (random_.chance(1, 12)) spec.deadline = now_ + seconds(random_.between(0, 60));
    while (random_.chance(1, 8)) {
      spec.after.push_back(
          {random_.chance(1, 2) ? DependencyKind::kAfterOk : DependencyKind::kAfterAny,
           some_job()});
    }
  }

  JobSpec some_spec() {
    static constexpr std::int64_t kShares[] = {1000, 1000, 2000, 500, 300, 0};
    JobSpec spec = testing::job_spec(static_cast<std::uint32_t>(random_.between(1, 4)),
                                     kShares[random_.below(std::size(kShares))]);
    if (random_.chance(1, 3)) spec.gang.nodes = random_.chance(1, 2) ? spec.gang.tasks : 1;
    spec.gang.task.cpus = CpuShare(random_.between(0, 2) * 500);
    spec.gang.task.memory = Bytes(random_.between(0, 2) << 28);
    if (random_.chance(1, 4)) spec.gang.task.accelerator_type = random_.chance(1, 2) ? "cpu" : "x";
    spec.array = random_.chance(1, 4) ? static_cast<std::uint32_t>(random_.between(2, 6)) : 1;
    spec.restart.limit = static_cast<std::uint32_t>(random_.below(3));
    if (random_.chance(1, 3)) spec.restart.in_place = true;
    spec.priority = static_cast<std::int32_t>(random_.between(-1, 1));
    spec.hold = random_.chance(1, 6);
    spec.tenant = random_.chance(1, 2) ? "t" : "u";
    if (random_.chance(1, 2)) spec.time_limit = seconds(random_.between(1, 10));
    spec.grace = seconds(random_.between(0, 2));
    add_structure(spec);
    add_conditions(spec);
    return spec;
  }

  TaskExit some_exit() {
    TaskExit exit;
    if (random_.chance(1, 3)) exit.exit_code = 1;
    if (random_.chance(1, 8)) exit.signal = 9;
    return exit;
  }

  /// Something an engine or a job might say: true, old, or both.
  InputBody observation() {
    if (!said_.empty() && random_.chance(1, 3)) return said_[random_.below(said_.size())];
    InputBody said = fresh_observation();
    said_.push_back(said);
    // Lost on the way: the core hears of something else instead.
    if (random_.chance(1, 6)) return NodeSeen{nodes_[random_.below(nodes_.size())]};
    return said;
  }

  InputBody fresh_observation() {
    if (random_.chance(1, 12)) return NodeLost{some_node()};
    if (random_.chance(1, 12)) {
      return NodeUseReported{
          some_node(),
          {static_cast<std::uint32_t>(random_.between(0, 3)),
           CpuShare(1000 * random_.between(0, 4)), Bytes(random_.between(0, 1 << 20))}};
    }
    if (random_.chance(1, 8) || engine_.empty()) {
      NodeSpec& spec = nodes_[random_.below(nodes_.size())];
      if (random_.chance(1, 4))
        spec.accelerators = static_cast<std::uint32_t>(random_.between(1, 4));
      return NodeSeen{spec};
    }
    auto it = engine_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_.below(engine_.size())));
    auto& [job, running] = *it;
    const AttemptNumber number(static_cast<std::uint32_t>(random_.between(1, 2)));
    switch (random_.below(8)) {
      case 0:
        running.started = true;
        return AttemptStarted{job, running.epoch};
      case 1:
        if (random_.chance(1, 2)) return AttemptExited{job, running.epoch, {}};
        return AttemptGone{job, running.epoch, random_.chance(1, 2), "gone"};
      case 2:
        if (random_.chance(1, 2)) return ReportStepTimes{job, number, some_steps(running.tasks)};
        return ReportProgress{job, number, Rank(static_cast<std::uint32_t>(random_.below(5))),
                              some_progress()};
      case 3:
        return CheckpointBegun{job, number};
      case 4:
        return CheckpointSaved{job, number, {random_.below(100), "/c"}};
      default:
        return exit_of(job, running);
    }
  }

  Progress some_progress() {
    Progress progress;
    progress.step = random_.below(1000);
    if (random_.chance(1, 2)) progress.loss = 0.5;
    return progress;
  }

  /// Now and then of more ranks than there are.
  std::vector<Duration> some_steps(std::uint32_t tasks) {
    std::vector<Duration> steps(tasks + (random_.chance(1, 8) ? 1 : 0));
    for (Duration& step : steps) step = seconds(random_.between(0, 3));
    return steps;
  }

  InputBody exit_of(JobId job, Running& running) {
    const auto rank = static_cast<std::uint32_t>(random_.below(running.tasks));
    const auto [it, fresh] = running.exits.emplace(rank, some_exit());
    return TaskExited{job, running.epoch, Rank(rank), it->second};
  }

  /// No more trouble: nodes are there and ready, ours alone, nothing is held, tasks end, reports
  /// arrive.
  void come_to_rest() {
    for (NodeSpec& spec : nodes_) {
      step({{RequestId(), NodeSeen{spec}}});
      step({{RequestId(), NodeUseReported{spec.name, {}}}});
      // What it has become could not be taken in while others were on it.
      step({{RequestId(), NodeSeen{spec}}});
    }
    bring_back();
    Policy policy = core_.state().policy;
    policy.spares.reset();
    step({{RequestId(), SetPolicy{policy, "o"}}});
    release_or_cancel();
    for (int round = 0; round < 400 && unfinished() > 0; ++round) {
      if (::testing::Test::HasFatalFailure()) return;
      now_ = now_ + seconds(200);
      bring_back();
      if (round % 10 == 9) release_or_cancel();
      std::vector<Input> inputs;
      for (auto& [job, running] : engine_) {
        inputs.push_back({RequestId(), AttemptStarted{job, running.epoch}});
        for (std::uint32_t rank = 0; rank < running.tasks; ++rank) {
          const auto known = running.exits.find(rank);
          const TaskExit exit = known == running.exits.end() ? TaskExit{} : known->second;
          inputs.push_back({RequestId(), TaskExited{job, running.epoch, Rank(rank), exit}});
        }
      }
      step(std::move(inputs));
    }
    EXPECT_EQ(unfinished(), 0U) << "jobs that could run never ended: " << left_over();
    EXPECT_TRUE(core_.state().attempts.empty());
    EXPECT_TRUE(core_.state().holds.empty());
    EXPECT_TRUE(core_.state().of_reservations.empty());
    EXPECT_EQ(core_.replayed(), core_.state());
    incidents_.until(now_ + seconds(1));
    EXPECT_EQ(incidents_.open(), 0U) << "every incident ends";
  }

  /// Whatever is done to nodes ends well, and people put every node into service.
  void bring_back() {
    step({{RequestId(), SetFaultPolicy{FaultPolicy(), "test"}}});
    const State& state = core_.state();
    std::vector<Input> inputs;
    for (const auto& [node, remedy] : state.health.remedies) {
      inputs.push_back(
          {RequestId(), RemedyReported{state.topology->name(node), remedy.id, true, ""}});
    }
    for (const Node& node : state.nodes) {
      const std::string& name = state.topology->name(node.id);
      if (node.phase == NodePhase::kRetired) {
        inputs.push_back({RequestId(), MoveNode{name, NodePhase::kProvisioning, "", "test"}});
      }
      if (node.phase != NodePhase::kReady)
        inputs.push_back({RequestId(), ResumeNode{name, "test"}});
    }
    step(std::move(inputs));
  }

  void release_or_cancel() {
    std::vector<Input> inputs;
    core_.state().jobs.visit(JobId(), [&](const Job& job) {
      if (job.held) inputs.push_back({RequestId(), ReleaseJob{job.id, false, "test"}});
      return true;
    });
    step(std::move(inputs));
    inputs.clear();
    // What the fleet could never hold would wait for ever, and rightly.
    core_.state().jobs.visit(JobId(), [&](const Job& job) {
      if (job.state != JobState::kPending) return true;
      const PendingReason reason = explain(core_.state(), job.id, Instant::never());
      const auto* quota = std::get_if<OverQuota>(&reason);
      if (std::holds_alternative<FleetTooSmall>(reason) ||
          std::holds_alternative<NoSuchAccelerator>(reason) ||
          (quota != nullptr && quota->wanted > quota->limit)) {
        inputs.push_back({RequestId(), CancelJob{job.id, false, "test"}});
      }
      return true;
    });
    step(std::move(inputs));
  }

  /// For people who look for the reason.
  std::string left_over() {
    std::string text;
    core_.state().jobs.visit(JobId(), [&](const Job& job) {
      if (is_final(job.state)) return true;
      text += "job " + std::to_string(job.id.value()) + " " + std::string(name_of(job.state));
      if (job.state == JobState::kPending) {
        const PendingReason reason = explain(core_.state(), job.id, now_);
        std::visit([&](const auto& body) { text += ": " + std::string(body.kKind); }, reason);
      }
      text += std::string(job.in_line ? ", in line" : "") + (job.first_in_line ? ", first" : "") +
              (core_.state().claims.contains(job.id) ? ", claims; " : "; ");
      return true;
    });
    return text + std::to_string(core_.state().claims.size()) + " claims";
  }
  std::size_t unfinished() { return core_.state().jobs.size() - core_.state().finished.size(); }

  Random random_;
  CheckedCore core_;
  Instant now_;
  Goodput goodput_;
  Incidents incidents_;
  EventSeq told_;
  std::vector<NodeSpec> nodes_;
  std::map<JobId, Running> engine_;
  std::vector<InputBody> said_;
  std::vector<FaultReport> faults_told_;
  std::uint64_t requests_ = 0;
  std::vector<Copy> copies_;
};

TEST(CoreProperty, InvariantsHoldUnderAnythingAndEverythingComesToRest) {
  const std::uint64_t first = testing::number_from_environment("MW_SEED", 0);
  const std::uint64_t count = first != 0 ? 1 : testing::number_from_environment("MW_SEEDS", 10'000);
  for (std::uint64_t seed = std::max<std::uint64_t>(first, 1); count > 0; ++seed) {
    World(seed).run();
    ASSERT_FALSE(HasFailure()) << "repeat with MW_SEED=" << seed << " mw_core_tests "
                               << "--gtest_filter=CoreProperty.*";
    if (first != 0 || seed >= count) break;
  }
}

}  // namespace
}  // namespace mw
