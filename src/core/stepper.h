// One step, taken apart: handle each input, then what is due, then the passes that decide what
// starts. Every change goes through emit(), which applies the event at once, so later parts of a
// step see what earlier ones did.
#pragma once

#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/core.h"
#include "core/placement.h"
#include "core/state.h"

namespace mw {

class Core::Stepper {
 public:
  explicit Stepper(State state);

  std::vector<Event> step(Instant now, std::span<const Input> inputs);
  [[nodiscard]] Instant next_wakeup() const;
  [[nodiscard]] const State& state() const { return state_; }

  // What was asked and observed (handle_*.cpp).
  void operator()(const SubmitJob& input);
  void operator()(const CancelJob& input);
  void operator()(const HoldJob& input);
  void operator()(const ReleaseJob& input);
  void operator()(const RequeueJob& input);
  void operator()(const DrainNode& input);
  void operator()(const ResumeNode& input);
  void operator()(const DeclareFleet& input);
  void operator()(const ControllerStarted& input);
  void operator()(const NodeSeen& input);
  void operator()(const NodeLost& input);
  void operator()(const AttemptStarted& input);
  void operator()(const TaskExited& input);
  void operator()(const AttemptGone& input);
  void operator()(const ReportProgress& input);
  void operator()(const CheckpointBegun& input);
  void operator()(const CheckpointSaved& input);

 private:
  void emit(EventBody body);
  void refuse(Refusal refusal);
  /// The unfinished jobs that an input about `job` means; refuses when there are none.
  std::vector<JobId> targets(JobId job, bool whole_array);
  void cancel(JobId job, const std::string& by);

  // Attempts (lifecycle.cpp).
  const Attempt* current(JobId job, Epoch epoch) const;
  /// The job's attempt if it has this number; otherwise refuses and returns null.
  const Attempt* reporting(JobId job, AttemptNumber number);
  void stop_attempt(const Attempt& attempt, EndCause cause, const std::string& by);
  void end_attempt(JobId job, EndCause cause, const std::string& detail);
  void plan_restart(JobId job, EndCause cause);
  void end_overdue();

  // Deciding (passes.cpp).
  void allocate();
  void try_restarts();
  bool try_job(JobId job);
  void place(JobId job, Placement placement);
  void note_blocked(JobId job, const PendingReason& reason);
  void explain_idle();
  void reconsider_all();
  void note_for_passes(const EventBody& body);

  State state_;
  Instant now_;
  RequestId request_;
  std::vector<Event> events_;
  // What the passes need not try again until capacity changes. A cache only: without it the same
  // things are decided, later.
  std::set<GangShape> ready_;
  std::set<GangShape> full_;
  Placer placer_;  ///< for its scratch memory
};

}  // namespace mw
