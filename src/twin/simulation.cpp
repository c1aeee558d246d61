#include "twin/simulation.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace mw {
namespace {

/// How often the loop tells its engine everything again, where messages may be lost.
constexpr Duration kResync = seconds(30);
/// Who drains nodes for maintenance, in the journal's words.
constexpr const char* kPlanner = "the maintenance plan";

Topology unfold(const SimulationOptions& options) {
  if (options.from) return *options.from->topology;
  Topology topology;
  topology.declare(options.fleet);
  return topology;
}

}  // namespace

/// The journal of a simulation: nothing is kept, but the world learns of each submitted job before
/// the engine is told to start it, as it would be durable before.
class Simulation::StoredFirst final : public Journal {
 public:
  explicit StoredFirst(World& world) : world_(world) {}

  /// What the submission of that request really is.
  std::map<RequestId, JobTruth> truths;

  Result<void> append(const Batch& batch) override {
    for (const Event& event : batch.events) {
      if (event.request == RequestId()) continue;
      const auto truth = truths.find(event.request);
      if (truth == truths.end()) continue;
      if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
        world_.submitted(event.at, submitted->job, submitted->spec, truth->second);
      }
      truths.erase(truth);
    }
    return {};
  }
  [[nodiscard]] bool keeps_ended_jobs() const override { return false; }
  Result<void> probe() override { return {}; }
  Result<std::optional<State>> latest_snapshot() override { return std::optional<State>(); }
  Result<void> save_snapshot(const State& /*state*/) override { return {}; }
  Result<void> visit_events(EventSeq /*after*/,
                            const std::function<bool(const StoredEvent&)>& /*visitor*/) override {
    return {};
  }
  Result<void> visit_batches(const std::function<bool(const StoredBatch&)>& /*visitor*/) override {
    return {};
  }
  Result<std::vector<StoredEvent>> events(const EventQuery& /*query*/) override {
    return std::vector<StoredEvent>();
  }
  Result<EventSeq> last_event() override { return EventSeq(); }
  Result<std::vector<EndedJob>> ended_jobs(JobId /*before*/, std::size_t /*limit*/) override {
    return std::vector<EndedJob>();
  }
  Result<std::optional<EndedJob>> ended_job(JobId /*job*/) override {
    return std::optional<EndedJob>();
  }

 private:
  World& world_;
};

Simulation::Simulation(SimulationOptions options, WorkloadSource& workload, FaultSource* faults)
    : options_(std::move(options)),
      workload_(workload),
      faults_(faults),
      world_(unfold(options_), options_.physics, options_.messages, options_.seed),
      journal_(std::make_unique<StoredFirst>(world_)),
      cycle_(*journal_, world_, ControlCycle::Timed::kNo),
      recorder_(options_.from ? options_.from->now : Instant(), options_.interval,
                options_.job_row),
      people_(options_.physics.person),
      begin_(options_.from ? options_.from->now : Instant()),
      now_(begin_) {
  if (options_.length.count() > 0) end_ = begin_ + options_.length;
}

Simulation::~Simulation() = default;

const State& Simulation::state() const { return cycle_.state(); }
const World& Simulation::world() const { return world_; }

Result<void> Simulation::begin_empty() {
  cycle_.begin_with(State());
  inputs_ = {{RequestId(), DeclareFleet{options_.fleet, "the simulation"}},
             {RequestId(), SetPolicy{options_.policy, "the simulation"}}};
  if (options_.fault_policy) {
    inputs_.push_back({RequestId(), SetFaultPolicy{*options_.fault_policy, "the simulation"}});
  }
  const auto begun = cycle_.turn(begin_, inputs_);
  if (!begun) return begun.error();
  for (const Event& event : *begun->events) {
    if (const auto* refused = std::get_if<Refused>(&event.body)) {
      return Error{ErrorCode::kInvalid, "the policy cannot be used: " + refused->refusal.wanted};
    }
  }
  recorder_.begin_history(*begun->events);
  recorder_.begin_with(cycle_.state(), world_);
  return {};
}

void Simulation::begin_from() {
  cycle_.begin_with(std::move(*options_.from));
  const State& state = cycle_.state();
  world_.begin_at(begin_);
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (!is_final(job.state)) {
      world_.submitted(record_of(state, job.id).submitted_at, job.id, spec_of(state, job.id),
                       options_.truth_of(state, job.id));
    }
    return true;
  });
  for (const auto& [id, attempt] : state.attempts)
    world_.adopt(desired_attempt(state, id), attempt);
  for (const Node& node : state.nodes) {
    if (node.lost) world_.stays_down(node.id);
  }
  for (const auto& [node, remedy] : state.health.remedies) {
    if (remedy.begun_at) world_.remedy(desired_remedy(state, node));
  }
  for (const auto& [node, check] : state.health.checks.running) {
    world_.remedy(desired_check(state, node));
  }
  recorder_.begin_with(state, world_);
}

Result<void> Simulation::set_up() {
  if (options_.from) {
    begin_from();
  } else if (Result<void> begun = begin_empty(); !begun) {
    return begun;
  }
  upcoming_ = workload_.next();
  if (faults_ != nullptr) next_fault_ = faults_->next();
  if (!options_.messages.none()) resync_at_ = begin_ + kResync;
  return {};
}

/// Whether the run goes on.
bool Simulation::hand_in_first() {
  inputs_.clear();
  for (InputBody& body : options_.first_inputs) {
    RequestId request;
    if (const auto* submit = std::get_if<SubmitJob>(&body)) {
      request = RequestId(next_request_++);
      journal_->truths.emplace(request, options_.truth_of_new(submit->spec));
      ++submissions_;
    }
    inputs_.push_back({request, std::move(body)});
  }
  return inputs_.empty() || decide(begin_);
}

/// When something happens next, in the world or in the brain.
Instant Simulation::next() {
  Instant at = std::min(world_.next(), cycle_.next_wakeup());
  if (upcoming_) at = std::min(at, upcoming_->at);
  const Instant asked = options_.inputs == nullptr ? Instant::never() : options_.inputs->next_at();
  at = std::min(at, asked);
  const bool jobs_are_left = upcoming_ || asked != Instant::never() || world_.attempts() > 0 ||
                             !cycle_.state().attempts.empty();
  // Checks of idle nodes go on for ever: a run without a length ends with its work.
  const State& state = cycle_.state();
  const bool is_over = !jobs_are_left && state.jobs.size() == state.finished.size();
  if (is_over && end_ == Instant::never() && checks_idle_nodes(*state.health.policy)) {
    return Instant::never();
  }
  if (next_fault_ && jobs_are_left) at = std::min(at, std::max(next_fault_->known_at(), now_));
  // A job may wait for a node that is drained, or will be.
  if (jobs_are_left || cycle_.state().jobs.size() > cycle_.state().finished.size()) {
    if (options_.fault_policy) at = std::min(at, people_.next(world_));
    if (!announced_.empty()) at = std::min(at, announced_.begin()->first);
    if (!returning_.empty()) at = std::min(at, returning_.begin()->first);
  }
  if (jobs_are_left || at != Instant::never()) at = std::min(at, resync_at_);
  return std::max(at, now_);
}

void Simulation::submit_due(Instant now) {
  while (upcoming_ && upcoming_->at <= now) {
    const RequestId request(next_request_++);
    journal_->truths.emplace(request, upcoming_->truth);
    inputs_.push_back({request, SubmitJob{std::move(upcoming_->spec), ""}});
    ++submissions_;
    upcoming_ = workload_.next();
  }
}

void Simulation::ask_due(Instant now) {
  if (options_.inputs == nullptr || options_.inputs->next_at() > now) return;
  std::vector<AskedInput> due;
  options_.inputs->take(now, due);
  for (AskedInput& asked : due) {
    RequestId request;
    if (std::holds_alternative<SubmitJob>(asked.body)) {
      request = RequestId(next_request_++);
      journal_->truths.emplace(request, asked.truth);
      ++submissions_;
    }
    inputs_.push_back({request, std::move(asked.body)});
  }
}

void Simulation::fault_due(Instant now) {
  while (next_fault_ && next_fault_->known_at() <= now) {
    if (next_fault_->planned) {
      for (const NodeId node : next_fault_->nodes) {
        if (++windows_[node] > 1) continue;  // it is drained already
        inputs_.push_back({RequestId(), DrainNode{world_.topology().name(node),
                                                  next_fault_->component, kPlanner}});
      }
      announced_.emplace(next_fault_->at, std::move(*next_fault_));
    } else {
      world_.apply(*next_fault_);
      ++fault_count_;
    }
    next_fault_ = faults_->next();
  }
  maintenance_due(now);
}

/// What still runs on the nodes when their window begins is lost.
void Simulation::maintenance_due(Instant now) {
  while (!announced_.empty() && announced_.begin()->first <= now) {
    NodeFault fault = std::move(announced_.begin()->second);
    announced_.erase(announced_.begin());
    world_.apply(fault);
    returning_.emplace(fault.at + fault.repair, std::move(fault.nodes));
  }
  while (!returning_.empty() && returning_.begin()->first <= now) {
    const std::vector<NodeId> nodes = std::move(returning_.begin()->second);
    returning_.erase(returning_.begin());
    for (const NodeId node : nodes) {
      if (--windows_[node] > 0) continue;
      windows_.erase(node);
      inputs_.push_back({RequestId(), ResumeNode{world_.topology().name(node), kPlanner}});
    }
  }
}

bool Simulation::turn(Instant now) {
  now_ = now;
  recorder_.until(now, cycle_.state(), world_);
  inputs_.clear();
  fault_due(now);
  world_.advance(now, inputs_);
  if (options_.fault_policy) people_.act(now, cycle_.state(), world_, inputs_);
  submit_due(now);
  ask_due(now);
  if (now >= resync_at_) {
    cycle_.repeat_commands();
    resync_at_ = now + kResync;
  }
  return decide(now);
}

bool Simulation::decide(Instant now) {
  const auto turned = cycle_.turn(now, inputs_);
  MW_CHECK(turned.ok());
  if (turned->events->empty()) return true;
  recorder_.note(*turned->events, cycle_.state(), world_);
  if (options_.fault_policy) people_.note(*turned->events, cycle_.state());
  return !watch_ || watch_(now, *turned->events);
}

Result<void> Simulation::run(const SimulationProgress& progress, const std::atomic<bool>* stop) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  if (Result<void> ready = set_up(); !ready) return ready;
  auto told = began;
  bool goes_on = hand_in_first();
  for (std::uint64_t turns = 0; goes_on; ++turns) {
    const Instant at = next();
    if (at == Instant::never() || at > end_) break;
    goes_on = turn(at);
    if (turns % 256 != 0) continue;
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) break;
    if (!progress || Clock::now() - told < std::chrono::milliseconds(100)) continue;
    told = Clock::now();
    const double part = end_ == Instant::never()
                            ? 0
                            : static_cast<double>(now_.count()) / static_cast<double>(end_.count());
    progress(now_, part);
  }
  const bool stopped = stop != nullptr && stop->load(std::memory_order_relaxed);
  if (!stopped && end_ != Instant::never()) now_ = end_;
  recorder_.until(now_, cycle_.state(), world_);
  recorder_.tell_unfinished(cycle_.state());
  MW_CHECK(cycle_.state().ledger.balanced());
  wall_s_ = std::chrono::duration<double>(Clock::now() - began).count();
  return {};
}

RunReport Simulation::report() {
  RunReport report = recorder_.report(cycle_.state(), world_, now_);
  report.setup.fleet = options_.fleet.name;
  report.setup.policy = options_.policy.name;
  report.setup.seed = options_.seed;
  report.setup.days_wanted = end_ == Instant::never()
                                 ? report.setup.days
                                 : static_cast<double>((end_ - begin_).count()) / 8.64e13;
  report.reliability.faults = fault_count_;
  report.reliability.breakers_reset = people_.breakers_reset();
  report.reliability.nodes_put_back = people_.nodes_put_back();
  report.speed.world_events = world_.happened() + submissions_;
  report.speed.core_events = cycle_.state().last_seq.value();
  report.speed.wall_s = wall_s_;
  if (wall_s_ > 0) {
    report.speed.events_per_s =
        static_cast<double>(report.speed.world_events + report.speed.core_events) / wall_s_;
    report.speed.realtime_factor = static_cast<double>((now_ - begin_).count()) / 1e9 / wall_s_;
  }
  return report;
}

}  // namespace mw
