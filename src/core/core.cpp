#include "core/core.h"

#include <algorithm>

#include "base/check.h"
#include "core/reservations.h"
#include "core/stepper.h"
#include "core/why.h"

namespace mw {
namespace {

/// Most steps make fewer events: these need not be moved while they become more.
constexpr std::size_t kEventsOfStep = 16;

}  // namespace

Core::Core(State state) : stepper_(std::make_unique<Stepper>(std::move(state))) {}
Core::~Core() = default;
Core::Core(Core&&) noexcept = default;
Core& Core::operator=(Core&&) noexcept = default;

std::vector<Event> Core::step(Instant now, std::span<const Input> inputs) {
  return stepper_->step(now, inputs);
}
Instant Core::next_wakeup() const { return stepper_->next_wakeup(); }
const State& Core::state() const { return stepper_->state(); }
bool Core::has_tried() const { return stepper_->has_tried(); }
std::string Core::difference_from(const Core& other) const {
  return stepper_->difference_from(*other.stepper_);
}

PendingReason explain(const State& state, JobId id, Instant now) {
  const Job& job = state.jobs.at(id);
  MW_CHECK(job.state == JobState::kPending);
  const JobRecord& record = record_of(state, id);
  const JobSpec& spec = *record.spec;
  if (job.held) return IsHeld{job.held_by};
  if (!record.awaits.empty()) {
    AwaitsJobs reason;
    for (const Dependency& each : record.awaits) reason.jobs.push_back(each.job);
    return reason;
  }
  if (!reservation_has_begun(state, spec)) {
    return AwaitsReservation{*spec.reservation, reservation_of(state, spec)->spec.start};
  }
  if (!record.eligible) return AwaitsTime{spec.not_before};
  if (job.not_before > now) return WaitsToRestart{job.not_before, job.restarts, spec.restart.limit};
  if (auto reason = why_unclaimed(state, id)) return std::move(*reason);
  JobPlacer placer;
  State copy = state;  // claims and groups are tried out on it
  return why_blocked(copy, id, placer, std::max(now, copy.now));
}

Core::Stepper::Stepper(State state) : state_(std::move(state)), now_(state_.now) {
  remember_nothing();
}

std::vector<Event> Core::Stepper::step(Instant now, std::span<const Input> inputs) {
  MW_CHECK(now >= state_.now);
  now_ = now;
  events_.clear();
  events_.reserve(kEventsOfStep);
  mended_ = 0;
  has_tried_ = false;
  while (!inputs.empty()) {
    std::size_t handled = join(inputs);
    if (handled == 0) {
      request_ = inputs.front().request;
      std::visit(*this, inputs.front().body);
      handled = 1;
    }
    inputs = inputs.subspan(handled);
  }
  request_ = RequestId();
  turn_reservations();
  let_in_due();
  end_overdue();
  turn_health();
  turn_gaps();
  make_up_for_others();
  turn_spares();
  mend_reservations();  // before anybody else takes what has come free
  boost_starved();
  decide();
  turn_checks();
  mend_reservations();
  return std::move(events_);
}

Instant Core::Stepper::next_wakeup() const {
  Instant next = Instant::never();
  if (!state_.deadlines.empty()) next = state_.deadlines.begin()->first;
  // What is due and did not fit waits for capacity, not for time.
  const auto after_now = std::make_pair(now_, JobId(~std::uint64_t{0}));
  const auto restart = state_.restarts.upper_bound(after_now);
  if (restart != state_.restarts.end()) next = std::min(next, restart->first);
  const auto moment = state_.calendar.upper_bound(after_now);
  if (moment != state_.calendar.end()) next = std::min(next, moment->first);
  for (const auto& [owner, claim] : state_.claims) {
    if (claim.at > now_) next = std::min(next, claim.at);
  }
  for (const auto& [name, each] : state_.reservations) {
    next = std::min(next, each.begun ? each.spec.end() : each.spec.start);
  }
  if (!state_.health.timers.empty()) next = std::min(next, state_.health.timers.begin()->first);
  if (!state_.health.silence.empty()) next = std::min(next, state_.health.silence.begin()->first);
  if (const auto check = next_check()) next = std::min(next, *check);
  for (const auto& [job, gap] : state_.resilience.gaps) next = std::min(next, gap.until);
  if (retries_.next() > now_) next = std::min(next, retries_.next());
  if (grow_at_ > now_ && !state_.may_grow.empty()) next = std::min(next, grow_at_);
  if (state_.policy.starvation_after.count() > 0 && state_.classes.waiting() > 0) {
    next = std::min(next, starving_at_);
  }
  return next;
}

void Core::Stepper::emit(EventBody body) {
  yield_checks(body);
  note_freed(body);
  note_leaving(body);
  note_kept(body);
  note_spares(body);
  events_.push_back({now_, request_, std::move(body)});
  apply(state_, events_.back());
  note_waiting(events_.back().body);
  if (!broken_.empty()) mend_holds();
}

void Core::Stepper::refuse(Refusal refusal) { emit(Refused{std::move(refusal)}); }

}  // namespace mw
