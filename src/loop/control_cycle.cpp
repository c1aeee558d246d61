#include "loop/control_cycle.h"

#include <algorithm>
#include <chrono>

#include "loop/recovery.h"

namespace mw {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::uint64_t elapsed_ns(SteadyClock::time_point since) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - since).count());
}

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
  const auto step_began = SteadyClock::now();
  now = std::max(now, core_->state().now);
  // All that is known before the step is stored, so this may be told whatever comes of the step.
  const auto unknown = Commander::unknown(core_->state(), inputs);
  const auto remedies = Commander::unknown_remedies(core_->state(), inputs);
  Turn turn;
  turn.first = core_->state().last_seq.next();
  auto events = std::make_shared<std::vector<Event>>(core_->step(now, inputs));
  turn.events = events;
  times_.step_ns += elapsed_ns(step_began);
  for (const auto& [job, epoch] : unknown) engine_.forget(job, epoch);
  for (const auto& [node, remedy] : remedies) engine_.forget_remedy(node, remedy);
  if (events->empty() && !core_->has_tried()) return turn;

  std::vector<EndedJob> ended;
  if (journal_.keeps_ended_jobs()) ended = ended_jobs(core_->state(), *events);
  const auto append_began = SteadyClock::now();
  const Result<void> stored = journal_.append({now, inputs, turn.first, *events, ended});
  times_.append_ns += elapsed_ns(append_began);
  if (!stored) {
    core_.reset();
    return stored.error();
  }
  commander_->tell(core_->state(), *events);
  return turn;
}

void ControlCycle::repeat_commands() { commander_->repeat(core_->state()); }

}  // namespace mw
