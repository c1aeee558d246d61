#include "core/why.h"

#include <algorithm>

#include "core/claims.h"
#include "core/fit.h"
#include "core/gang.h"
#include "core/placement_search.h"
#include "core/planned_room.h"
#include "core/reservations.h"

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

/// Why a job that names a reservation may be placed on no node now.
PendingReason why_nowhere(const State& state, const JobSpec& spec) {
  const Reservation* own = reservation_of(state, spec);
  // It ends with its reservation; for as long as nobody has said so, it is about to.
  if (own == nullptr) return NotYetConsidered{};
  if (!own->begun) return AwaitsReservation{*spec.reservation, own->spec.start};
  return ReservationEndsFirst{*spec.reservation, own->spec.end(), spec.time_limit + spec.grace};
}

/// All of its reservation's nodes together, empty, are too few for the job's first group.
std::optional<PendingReason> too_small(const State& state, const Reservation& own,
                                       const JobSpec& spec, Placer& placer) {
  const Topology& topology = *state.topology;
  const GangShape gang = least_gang(spec);
  Room empty = state.free.empty_room();
  ReservationTooSmall reason{own.spec.name, static_cast<std::uint32_t>(own.nodes.size()),
                             gang.tasks, 0};
  for (Position p = 0; p < empty.size(); ++p) {
    Slot slot = empty.slot(p);
    if (has_node(own, topology.at(p))) {
      const bool suits = type_suits(topology.shape(topology.at(p)), gang);
      reason.tasks_possible += suits ? tasks_on(slot, nullptr, gang) : 0;
      continue;
    }
    slot.whole = Slot::kOut;
    empty.set_slot(p, slot);
  }
  if (placer.place_in(topology, empty, gang, spec.where)) return std::nullopt;
  return reason;
}

/// Whether reservations are what keeps the job out: its own for being too small, others for nodes
/// that it would have without them.
std::optional<PendingReason> why_reserved(State& state, JobId job, JobPlacer& placer) {
  const JobSpec& spec = spec_of(state, job);
  if (const Reservation* own = reservation_of(state, spec)) {
    return too_small(state, *own, spec, placer.placer());
  }
  const View view = state.view;
  const Seeing everything(state, {"", Instant()});
  if (!std::holds_alternative<Placement>(placer.place(state, job))) return std::nullopt;
  KeptByReservation kept{"", Instant::never(), Instant::never(), 0};
  for (const auto& [name, each] : state.reservations) {
    if (each.spec.start >= view.until) continue;
    kept.nodes += static_cast<std::uint32_t>(each.nodes.size());
    if (each.spec.start < kept.start) {
      kept.reservation = name;
      kept.start = each.spec.start;
      kept.end = each.spec.end();
    }
  }
  return kept.nodes > 0 ? std::optional<PendingReason>(kept) : std::nullopt;
}

}  // namespace

std::optional<PendingReason> why_unclaimed(const State& state, JobId job) {
  const JobSpec& spec = spec_of(state, job);
  if (!state.claims.empty() || !spec.groups.empty()) return std::nullopt;
  if (!state.reservations.empty() || spec.reservation) return std::nullopt;
  if (state.resilience.gaps.contains(job)) return std::nullopt;
  if (state.holds.contains(job)) return NotYetConsidered{};
  if (auto over = over_quota(state, job)) return over;
  const GangShape gang = least_gang(spec);
  Placer placer;
  return placer.explain(surroundings(state), gang, spec.where);
}

PendingReason why_blocked(State& state, JobId job, JobPlacer& placer, Instant now, Asked asked) {
  const JobSpec& spec = spec_of(state, job);
  const auto view = view_of(state, spec, now);
  if (!view) return why_nowhere(state, spec);
  const Seeing seeing(state, *view);
  const auto hold = state.holds.find(job);
  if (const auto gap = state.resilience.gaps.find(job); gap != state.resilience.gaps.end()) {
    return AwaitsReplacement{static_cast<std::uint32_t>(hold->second.placement.size()),
                             static_cast<std::uint32_t>(gap->second.lost.size()),
                             gap->second.until};
  }
  if (hold != state.holds.end() && is_seen(state, hold->second.placement)) {
    return NotYetConsidered{};
  }
  if (auto over = over_quota(state, job)) return std::move(*over);
  const auto own = state.claims.find(job);
  if (own != state.claims.end() && !own->second.victims.empty()) {
    return AwaitsVictims{own->second.victims};
  }
  if (asked == Asked::kByItself) {
    const LiftedClaims lifted(state, job);
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
  LiftedClaims lifted(state);
  if (asked == Asked::kByItself) {
    lifted.lift_all();
  } else if (kept.nodes > 0 &&
             PlannedRoom(state, PlannedRoom::Begin::kUnclaimed).place(placer.placer(), spec)) {
    return kept;
  }
  PendingReason reason = placer.explain(state, spec);
  if (std::holds_alternative<NotYetConsidered>(reason)) return kept;
  if (auto reserved = why_reserved(state, job, placer)) return std::move(*reserved);
  return reason;
}

}  // namespace mw
