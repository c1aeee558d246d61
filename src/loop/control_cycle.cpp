#include "loop/control_cycle.h"

#include <algorithm>
#include <chrono>

#include "loop/recovery.h"

namespace mw {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Adds what passes until it goes out of scope.
class Timer {
 public:
  Timer(ControlCycle::Timed timed, std::uint64_t& sum_ns)
      : sum_(timed == ControlCycle::Timed::kYes ? &sum_ns : nullptr) {
    if (sum_ != nullptr) began_ = SteadyClock::now();
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    if (sum_ == nullptr) return;
    using std::chrono::nanoseconds;
    const auto passed = std::chrono::duration_cast<nanoseconds>(SteadyClock::now() - began_);
    *sum_ += static_cast<std::uint64_t>(passed.count());
  }

 private:
  std::uint64_t* sum_;
  SteadyClock::time_point began_;
};

std::vector<EndedJob> ended_jobs(const State& state, const std::vector<Event>& events) {
  std::vector<EndedJob> ended;
  for (const Event& event : events) {
    const auto* finished = std::get_if<JobFinished>(&event.body);
    if (finished == nullptr) continue;
    // A step that ends more jobs than the state keeps has let go of some of them already; their
    // events tell the story, and the list is bounded by kFinishedJobsKept a batch.
    const Job* job = state.jobs.find(finished->job);
    if (job == nullptr) continue;
    const JobRecord& record = state.records.at(job->record);
    ended.push_back({*job, *record.spec, record.submitted_at});
  }
  return ended;
}

}  // namespace

Result<void> ControlCycle::recover() {
  Result<State> recovered = mw::recover(journal_);
  if (!recovered) return recovered.error();
  begin_with(std::move(*recovered));
  return {};
}

void ControlCycle::begin_with(State state) {
  core_.emplace(std::move(state));
  commander_.emplace(engine_, core_->state());
}

Result<ControlCycle::Turn> ControlCycle::turn(Instant now, std::span<const Input> inputs) {
  now = std::max(now, core_->state().now);
  // All that is known before the step is stored, so this may be told whatever comes of the step.
  const auto unknown = Commander::unknown(core_->state(), inputs);
  const auto remedies = Commander::unknown_remedies(core_->state(), inputs);
  Turn turn;
  turn.first = core_->state().last_seq.next();
  auto events = std::make_shared<std::vector<Event>>();
  {
    const Timer timer(timed_, times_.step_ns);
    *events = core_->step(now, inputs);
  }
  turn.events = events;
  for (const auto& [job, epoch] : unknown) engine_.forget(job, epoch);
  for (const auto& [node, remedy] : remedies) engine_.forget_remedy(node, remedy);
  if (events->empty() && !core_->has_tried()) return turn;

  std::vector<EndedJob> ended;
  if (journal_.keeps_ended_jobs()) ended = ended_jobs(core_->state(), *events);
  const Result<void> stored = append({now, inputs, turn.first, *events, ended});
  if (!stored) {
    core_.reset();
    return stored.error();
  }
  commander_->tell(core_->state(), *events);
  return turn;
}

Result<void> ControlCycle::append(const Batch& batch) {
  const Timer timer(timed_, times_.append_ns);
  return journal_.append(batch);
}

void ControlCycle::repeat_commands() { commander_->repeat(core_->state()); }

}  // namespace mw
