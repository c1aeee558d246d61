#include "core/blockers.h"

#include <algorithm>

#include "core/claims.h"
#include "core/gang.h"
#include "core/placement_search.h"
#include "core/preemption.h"
#include "core/replacement.h"
#include "core/reservations.h"
#include "core/why.h"

namespace mw {
namespace {

/// The largest attempts of the tenant, until it would be within its limit.
std::vector<JobId> over_quota_by(const State& state, TenantId limited, AcceleratorShare need) {
  std::vector<std::pair<AcceleratorShare, JobId>> attempts;
  for (const auto& [job, attempt] : state.attempts) {
    const auto& path = state.tenants.at(record_of(state, job).tenant).path;
    if (std::find(path.begin(), path.end(), limited) == path.end()) continue;
    if (attempt.accelerators.count() > 0) attempts.emplace_back(attempt.accelerators, job);
  }
  std::sort(attempts.begin(), attempts.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  const Tenant& tenant = state.tenants.at(limited);
  AcceleratorShare over = tenant.in_use.accelerators + need - tenant.limit.value_or(tenant.quota);
  std::vector<JobId> jobs;
  for (const auto& [share, job] : attempts) {
    if (over.count() <= 0) break;
    jobs.push_back(job);
    over -= share;
  }
  return jobs;
}

/// Nodes that are out of use and that the job could run on.
std::vector<NodeId> out_of_use(const State& state, const JobSpec& spec) {
  const std::vector<bool> sites = allowed_sites(*state.topology, spec.where);
  std::vector<NodeId> nodes;
  for (const Node& node : state.nodes) {
    if (node.phase == NodePhase::kReady && !node.lost) continue;
    if (!sites[state.topology->site_of(node.id).value()]) continue;
    if (type_suits(state.topology->shape(node.id), spec.gang)) nodes.push_back(node.id);
  }
  return nodes;
}

}  // namespace

Blockers blockers_of(const State& state, JobId job, Instant now) {
  Blockers found;
  const JobSpec& spec = spec_of(state, job);
  const AcceleratorShare need = least_need(spec).accelerators;
  if (const auto limit = state.tenants.over_limit(record_of(state, job).tenant, need)) {
    found.jobs = over_quota_by(state, *limit, need);
  } else {
    State copy = state;
    JobPlacer placer;
    const PendingReason reason = why_blocked(copy, job, placer, now);
    if (std::holds_alternative<NotYetConsidered>(reason)) return found;
    if (std::holds_alternative<KeptForOthers>(reason)) {
      for (const auto& [owner, claim] : state.claims) {
        if (owner != job) found.claims.push_back(owner);
      }
      return found;
    }
    if (const auto* kept = std::get_if<KeptByReservation>(&reason)) {
      found.reservations.push_back(kept->reservation);
      return found;
    }
    const auto view = view_of(state, spec, now);
    if (!view) return found;
    see(copy, *view);
    LiftedClaims lifted(copy);
    lifted.lift_all();
    const WithoutHold without(copy, job);
    const auto claim = choose_victims(copy, job, placer.placer(), Stopping::kExplain);
    if (claim) {
      found.jobs = claim->victims;
    } else {
      found.nodes = out_of_use(state, spec);
    }
  }
  Instant by;
  for (const JobId each : found.jobs) {
    by = std::max(by, expected_end(state, state.attempts.at(each)));
  }
  if (!found.jobs.empty() && by != Instant::never()) found.by = by;
  return found;
}

}  // namespace mw
