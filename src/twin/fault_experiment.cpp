#include "twin/fault_experiment.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "twin/checkpoint_interval.h"
#include "twin/input_source.h"
#include "twin/simulation.h"

namespace mw {
namespace {

constexpr std::uint32_t kAcceleratorsPerNode = 8;
constexpr Duration kFillerLength = hours(24);
constexpr const char* kPerson = "a person";

/// The gang first; then filler: as many jobs of a day as there are other nodes, and a new one
/// whenever one of them would have ended.
class GangAndFiller final : public WorkloadSource {
 public:
  GangAndFiller(const FaultExperimentOptions& options, Duration interval)
      : options_(options), interval_(interval), others_(options.nodes - options.gang) {}

  std::optional<WorkloadJob> next() override {
    if (number_ == 0) {
      ++number_;
      return gang();
    }
    if (others_ == 0) return std::nullopt;
    const std::uint64_t k = number_++ - 1;
    WorkloadJob job;
    // A fifth more than there is room for, so that there is always somebody to fill in.
    const std::uint64_t at_once = others_ + others_ / 5 + 1;
    if (k >= at_once) {
      job.at =
          Instant() +
          Duration(static_cast<std::int64_t>(Int128{kFillerLength.count()} *
                                             static_cast<std::int64_t>(k - at_once) / others_));
    }
    if (job.at > Instant() + options_.length) return std::nullopt;
    job.spec.name = "filler";
    job.spec.command = {"work"};
    job.spec.priority_class = "best-effort";
    job.spec.gang.task.accelerators = kWholeAccelerator * kAcceleratorsPerNode;
    job.spec.restart = {1'000'000, seconds(1), minutes(5)};
    job.truth.work = kFillerLength;
    job.truth.checkpoint_interval = hours(1);
    job.truth.checkpoint_cost = options_.checkpoint_cost;
    return job;
  }

 private:
  WorkloadJob gang() const {
    WorkloadJob job;
    job.spec.name = "gang";
    job.spec.command = {"train"};
    job.spec.priority_class = "high";
    job.spec.gang.tasks = options_.gang;
    job.spec.gang.task.accelerators = kWholeAccelerator * kAcceleratorsPerNode;
    job.spec.restart = {1'000'000, seconds(1), seconds(30)};
    job.truth.work = options_.length * 2;  // it never ends
    job.truth.checkpoint_interval = interval_;
    job.truth.checkpoint_cost = options_.checkpoint_cost;
    return job;
  }

  const FaultExperimentOptions& options_;
  Duration interval_;
  std::uint32_t others_;
  std::uint64_t number_ = 0;
};

/// What a person does about each node that is broken: takes it out when it is noticed, and puts it
/// back once it is repaired, each after the time that people take.
class Operator final : public InputSource {
 public:
  Operator(const BrokenTimes& broken, const Topology& topology, Duration needed) {
    for (const auto& [node, spans] : broken.spans()) {
      const std::string& name = topology.name(node);
      Instant out;
      for (std::size_t i = 0; i < spans.size(); ++i) {
        const bool is_out = i > 0 && spans[i].begin < out;
        if (!is_out) {
          asked_.emplace(spans[i].begin + needed,
                         DrainNode{name, "broken", kPerson, DrainMode::kForce, std::nullopt});
        }
        out = std::max(spans[i].begin + needed, spans[i].end) + needed;
        const bool again = i + 1 < spans.size() && spans[i + 1].begin < out;
        if (!again) asked_.emplace(out, ResumeNode{name, kPerson, "repaired"});
      }
    }
    next_ = asked_.begin();
  }
  [[nodiscard]] Instant next_at() const override {
    return next_ == asked_.end() ? Instant::never() : next_->first;
  }
  void take(Instant now, std::vector<AskedInput>& due) override {
    for (; next_ != asked_.end() && next_->first <= now; ++next_) {
      const bool back = std::holds_alternative<ResumeNode>(next_->second);
      ++(back ? put_back_ : taken_out_);
      due.push_back({next_->second, {}});
    }
  }
  [[nodiscard]] std::uint64_t taken_out() const { return taken_out_; }
  [[nodiscard]] std::uint64_t put_back() const { return put_back_; }

 private:
  std::multimap<Instant, InputBody> asked_;
  std::multimap<Instant, InputBody>::iterator next_;
  std::uint64_t taken_out_ = 0;
  std::uint64_t put_back_ = 0;
};

/// The program of an action that has none: it is only simulated.
void add_hooks(FaultPolicy& policy) {
  for (const FaultAction action : {FaultAction::kValidate, FaultAction::kResetAccelerator,
                                   FaultAction::kReboot, FaultAction::kReturnToVendor}) {
    if (hook_for(policy, action) != nullptr) continue;
    policy.hooks.push_back({action, {"/simulated"}, hours(1)});
  }
  std::sort(policy.hooks.begin(), policy.hooks.end(),
            [](const FaultHook& a, const FaultHook& b) { return a.action < b.action; });
}

/// Daly's interval at the rate at which these faults strike the gang.
Duration best_interval(const FaultExperimentOptions& options,
                       const std::vector<NodeFault>& faults) {
  std::int64_t count = 0;
  for (const NodeFault& fault : faults) {
    if (fault.effect != FaultEffect::kNone) count += static_cast<std::int64_t>(fault.nodes.size());
  }
  if (count == 0) return hours(1);
  const Int128 mean = Int128{options.length.count()} * options.nodes / count / options.gang;
  return checkpoint_interval(options.checkpoint_cost, Duration(static_cast<std::int64_t>(mean)));
}

}  // namespace

FleetSpec fault_experiment_fleet(std::uint32_t nodes) {
  FleetSpec fleet;
  fleet.name = "fault experiment";
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "h100-sxm";
  shape.accelerators = kAcceleratorsPerNode;
  shape.cpus = CpuShare(128'000);
  shape.memory = Bytes(std::int64_t{2} << 40);
  shape.idle = Watts(2'000'000);
  shape.accelerator = Watts(1'000'000);
  fleet.shapes.push_back(shape);
  SiteSpec site;
  site.name = "site";
  const auto block = [&](const std::string& name, std::uint32_t of, std::uint32_t count) {
    BlockSpec one;
    one.name = name;
    one.count = count;
    one.shape = "node";
    one.nodes = of;
    one.fabric = {{FabricLevel::kLeaf, of}};
    one.power = {{PowerLevel::kRack, std::min<std::uint32_t>(of, 4), {}}};
    site.blocks.push_back(std::move(one));
  };
  constexpr std::uint32_t kLeaf = 32;
  if (nodes / kLeaf > 0) block("leaf", kLeaf, nodes / kLeaf);
  if (nodes % kLeaf > 0) block("rest", nodes % kLeaf, 1);
  fleet.sites.push_back(std::move(site));
  return fleet;
}

std::vector<NodeFault> told_faults(FaultSource& source, Duration length) {
  std::vector<NodeFault> all;
  while (auto fault = source.next()) {
    if (fault->at > Instant() + length) break;
    if (!fault->code.empty() && fault->effect == FaultEffect::kDown) {
      fault->effect = FaultEffect::kBroken;
    }
    all.push_back(std::move(*fault));
  }
  return all;
}

Result<FaultExperimentResult> run_fault_experiment(
    const FaultExperimentOptions& options, const std::vector<NodeFault>& faults,
    const std::function<void(double done)>& progress) {
  MW_CHECK(options.gang > 0 && options.gang <= options.nodes && options.length.count() > 0);
  FaultExperimentResult result;
  result.checkpoint_interval = options.checkpoint_interval.count() > 0
                                   ? options.checkpoint_interval
                                   : best_interval(options, faults);
  SimulationOptions simulated;
  simulated.fleet = fault_experiment_fleet(options.nodes);
  simulated.policy = options.policy;
  simulated.physics = options.physics;
  simulated.seed = options.seed;
  simulated.length = options.length;
  simulated.interval = options.length;
  const BrokenTimes broken(faults);
  Topology topology;
  topology.declare(simulated.fleet);
  Operator person(broken, topology, options.physics.person);
  if (options.automation == Automation::kFull) {
    simulated.fault_policy = options.fault_policy;
    add_hooks(*simulated.fault_policy);
  } else {
    simulated.inputs = &person;
    // Nobody notices before a person does, neither the engine nor the job itself.
    if (options.automation == Automation::kNone) {
      simulated.physics.detection = options.physics.person + minutes(1);
    }
  }
  GangAndFiller jobs(options, result.checkpoint_interval);
  ListedFaults source(faults);
  Simulation simulation(std::move(simulated), jobs, &source);
  TimeSplit split(JobId(1), broken);
  simulation.watch([&](Instant, const std::vector<Event>& events) {
    for (const Event& event : events) split.note(event);
    return true;
  });
  const Instant end = Instant() + options.length;
  const auto ran = simulation.run([&](Instant, double done) {
    if (progress) progress(done);
  });
  if (!ran) return ran.error();
  split.finish(std::max(end, simulation.now()));
  result.parts = split.parts();
  result.elapsed = split.elapsed();
  result.interruptions = split.interruptions();
  for (const NodeFault& fault : faults) result.faults += fault.nodes.size();
  const bool full = options.automation == Automation::kFull;
  result.manual = full ? simulation.people().breakers_reset() : person.taken_out();
  result.put_back = full ? simulation.people().nodes_put_back() : person.put_back();
  return result;
}

}  // namespace mw
