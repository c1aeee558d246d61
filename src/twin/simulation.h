// A run of the twin: the unchanged brain and the unchanged turn of the loop (loop/control_cycle.h)
// over a simulated world, from one thing that happens to the next. Nothing here decides anything.
// Same options, same sources: the same run, bit for bit.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/control_cycle.h"
#include "model/fault_policy.h"
#include "model/fleet_spec.h"
#include "model/policy.h"
#include "twin/fault_source.h"
#include "twin/input_source.h"
#include "twin/people.h"
#include "twin/physics.h"
#include "twin/recorder.h"
#include "twin/run_report.h"
#include "twin/workload.h"
#include "twin/world.h"

namespace mw {

struct SimulationOptions {
  FleetSpec fleet;
  Policy policy;
  /// What is done about faults that have a code; none: they are noted. Its hooks are simulated, and
  /// people are there for what it leaves to them.
  std::optional<FaultPolicy> fault_policy{};
  Physics physics;
  MessageFaults messages;
  std::uint64_t seed = 1;
  /// How long at most; 0: until the workload is over and everything has ended.
  Duration length;
  Duration interval = hours(1);  ///< of the report's lines over time
  /// Where it begins, instead of an empty fleet: `fleet` and `policy` are then this state's. Its
  /// jobs go on as `truth_of` says.
  std::optional<State> from{};
  /// What the machines would find out of each job that is there at the beginning and has not
  /// ended, were it run from the beginning of its present attempt. Only with `from`.
  std::function<JobTruth(const State&, JobId)> truth_of{};
  /// Handed in at the beginning, after everything is set up; refusals are no error. Of what is
  /// submitted there, `truth_of_new` says what the machines find out.
  std::vector<InputBody> first_inputs{};
  std::function<JobTruth(const JobSpec&)> truth_of_new{};
  /// Asked beside what the workload submits; may be null, and outlives the simulation. The requests
  /// of what is submitted are numbered from 1 in this order, the workload's jobs among them.
  InputSource* inputs = nullptr;
  JobRowSink job_row;  ///< told of each job as it ends; may be empty
};

/// Told how far it is: simulated time, and its part of the whole in [0, 1]; not more than some
/// times a second.
using SimulationProgress = std::function<void(Instant now, double done)>;

class Simulation {
 public:
  /// The fleet is empty and the workload begins at Instant(0). `faults` may be null: nothing
  /// breaks. Both sources outlive the simulation.
  Simulation(SimulationOptions options, WorkloadSource& workload, FaultSource* faults);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Called after each turn with its events; returns false to end the run.
  using Watch = std::function<bool(Instant now, const std::vector<Event>& events)>;
  void watch(Watch watch) { watch_ = std::move(watch); }

  /// Runs to the end, or until `stop` is set; then report() is of what was run.
  /// Errors: kInvalid: the policy or the fleet cannot be used.
  Result<void> run(const SimulationProgress& progress = {},
                   const std::atomic<bool>* stop = nullptr);

  [[nodiscard]] RunReport report();
  [[nodiscard]] const State& state() const;
  [[nodiscard]] const World& world() const;
  [[nodiscard]] const People& people() const { return people_; }
  [[nodiscard]] Instant now() const { return now_; }

 private:
  class StoredFirst;

  Result<void> set_up();
  Result<void> begin_empty();
  void begin_from();
  Instant next();
  bool hand_in_first();
  bool turn(Instant now);
  bool decide(Instant now);
  void submit_due(Instant now);
  void ask_due(Instant now);
  void fault_due(Instant now);
  void maintenance_due(Instant now);

  SimulationOptions options_;
  WorkloadSource& workload_;
  FaultSource* faults_;
  World world_;
  std::unique_ptr<StoredFirst> journal_;
  ControlCycle cycle_;
  Recorder recorder_;
  People people_;
  std::optional<WorkloadJob> upcoming_;
  std::optional<NodeFault> next_fault_;
  std::multimap<Instant, NodeFault> announced_;            ///< planned, by their beginning
  std::multimap<Instant, std::vector<NodeId>> returning_;  ///< of maintenance, by its end
  std::map<NodeId, std::uint32_t> windows_;                ///< that keep a node drained
  Watch watch_;
  std::vector<Input> inputs_;
  std::uint64_t next_request_ = 1;
  Instant begin_;
  Instant now_;
  Instant resync_at_ = Instant::never();
  Instant end_ = Instant::never();
  std::uint64_t fault_count_ = 0;
  std::uint64_t submissions_ = 0;
  double wall_s_ = 0;
};

}  // namespace mw
