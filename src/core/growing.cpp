// Elastic jobs that started with fewer tasks than they asked for are given more when there is more:
// stopped at what they have saved, and started again at once with as much as fits.
#include "core/allocation.h"
#include "core/gang.h"
#include "core/preemption.h"
#include "core/stepper.h"

namespace mw {

/// Only what nobody else waits for is given away. One at a time: what it takes is not there for the
/// next.
void Core::Stepper::grow() {
  const ElasticRules& rules = state_.policy.elastic;
  if (!rules.grow || state_.may_grow.empty() || grow_at_ > now_) return;
  has_tried_ = true;
  grow_at_ = Instant::never();
  if (state_.classes.waiting() > 0) return;
  std::optional<JobId> larger;
  for (const JobId job : state_.may_grow) {
    const Attempt& attempt = state_.attempts.at(job);
    const Instant from = attempt.placed_at + rules.grow_interval;
    if (from > now_) {
      grow_at_ = std::min(grow_at_, from);
    } else if (!larger && attempt.running_at && !attempt.stopping && is_worth_growing(attempt)) {
      larger = job;
    }
  }
  if (!larger) return;
  stop_attempt(state_.attempts.at(*larger), EndCause::kResized, "it can have more accelerators");
}

bool Core::Stepper::is_worth_growing(const Attempt& attempt) {
  if (!see_as(attempt.job)) return false;
  const JobSpec& spec = *attempt.spec;
  const std::uint32_t has = tasks_of(attempt.placement);
  std::uint32_t could = 0;
  {
    const Released without(state_, spec, attempt.placement);
    const auto place = placer_.place(state_, attempt.job, use_of(spec, attempt.placement));
    if (const auto* found = std::get_if<Placement>(&place)) could = tasks_of(*found);
  }
  const ElasticRules& rules = state_.policy.elastic;
  if (std::uint64_t{could} * 100 < std::uint64_t{has} * (100 + rules.gain_percent)) return false;
  const AcceleratorShare more = spec.gang.task.accelerators * (could - has);
  return more * rules.grow_interval > cost_of_stopping(state_, attempt);
}

}  // namespace mw
