#include "core/why.h"

#include "core/claims.h"
#include "core/gang.h"

namespace mw {
namespace {

std::optional<PendingReason> over_quota(const State& state, JobId job) {
  const AcceleratorShare need = least_need(spec_of(state, job)).accelerators;
  const auto limit = state.tenants.over_limit(record_of(state, job).tenant, need);
  if (!limit) return std::nullopt;
  const Tenant& over = state.tenants.at(*limit);
  return OverQuota{over.name, over.quota, over.limit.value_or(over.quota), over.in_use.accelerators,
                   need};
}

}  // namespace

std::optional<PendingReason> why_unclaimed(const State& state, JobId job) {
  const JobSpec& spec = spec_of(state, job);
  if (!state.claims.empty() || !spec.groups.empty()) return std::nullopt;
  if (state.holds.contains(job)) return NotYetConsidered{};
  if (auto over = over_quota(state, job)) return over;
  const GangShape gang =
      spec.gang.tasks_min > 0 ? resized(spec.gang, spec.gang.tasks_min) : spec.gang;
  Placer placer;
  return placer.explain(surroundings(state), gang, spec.where);
}

PendingReason why_blocked(State& state, JobId job, JobPlacer& placer) {
  const JobSpec& spec = spec_of(state, job);
  if (state.holds.contains(job)) return NotYetConsidered{};
  if (auto over = over_quota(state, job)) return std::move(*over);
  const auto own = state.claims.find(job);
  if (own != state.claims.end() && !own->second.victims.empty()) {
    return AwaitsVictims{own->second.victims};
  }
  {
    const LiftedClaim lifted(state, job);
    if (std::holds_alternative<Placement>(placer.place(state, job))) return NotYetConsidered{};
  }
  KeptForOthers kept{JobId(), Instant::never(), 0};
  for (const auto& [owner, claim] : state.claims) {
    if (owner == job) continue;
    kept.nodes += static_cast<std::uint32_t>(claim.nodes.size());
    if (kept.job == JobId() || claim.at < kept.at) {
      kept.job = owner;
      kept.at = claim.at;
    }
  }
  const LiftedClaims lifted(state);
  PendingReason reason = placer.explain(state, spec);
  if (std::holds_alternative<NotYetConsidered>(reason)) return kept;
  return reason;
}

}  // namespace mw
