#include "core/core.h"

#include "base/check.h"
#include "core/placement.h"
#include "core/stepper.h"

namespace mw {

Core::Core(State state) : stepper_(std::make_unique<Stepper>(std::move(state))) {}
Core::~Core() = default;
Core::Core(Core&&) noexcept = default;
Core& Core::operator=(Core&&) noexcept = default;

std::vector<Event> Core::step(Instant now, std::span<const Input> inputs) {
  return stepper_->step(now, inputs);
}
Instant Core::next_wakeup() const { return stepper_->next_wakeup(); }
const State& Core::state() const { return stepper_->state(); }

PendingReason explain(const State& state, JobId id, Instant now) {
  const Job& job = state.jobs.at(id);
  MW_CHECK(job.state == JobState::kPending);
  const JobSpec& spec = spec_of(state, id);
  if (job.held) return IsHeld{job.held_by};
  if (job.not_before > now) return WaitsToRestart{job.not_before, job.restarts, spec.restart.limit};
  if (state.holds.contains(id)) return NotYetConsidered{};
  Placer placer;
  auto placed = placer.place(surroundings(state), spec.gang, {});
  if (auto* reason = std::get_if<PendingReason>(&placed)) return std::move(*reason);
  return NotYetConsidered{};
}

Core::Stepper::Stepper(State state) : state_(std::move(state)), now_(state_.now) {
  reconsider_all();
}

std::vector<Event> Core::Stepper::step(Instant now, std::span<const Input> inputs) {
  MW_CHECK(now >= state_.now);
  now_ = now;
  events_.clear();
  for (const Input& input : inputs) {
    request_ = input.request;
    std::visit(*this, input.body);
  }
  request_ = RequestId();
  end_overdue();
  allocate();
  explain_idle();
  return std::move(events_);
}

Instant Core::Stepper::next_wakeup() const {
  Instant next = Instant::never();
  if (!state_.deadlines.empty()) next = state_.deadlines.begin()->first;
  // A restart that is due and did not fit waits for capacity, not for time.
  const auto restart = state_.restarts.upper_bound({now_, JobId(~std::uint64_t{0})});
  if (restart != state_.restarts.end()) next = std::min(next, restart->first);
  return next;
}

void Core::Stepper::emit(EventBody body) {
  note_for_passes(body);
  events_.push_back({now_, request_, std::move(body)});
  apply(state_, events_.back());
}

void Core::Stepper::refuse(Refusal refusal) { emit(Refused{std::move(refusal)}); }

}  // namespace mw
