#include "core/fair_order.h"

#include "base/check.h"

namespace mw {

TenantRank rank_of(const State& state, TenantId id, Instant now) {
  TenantRank rank;
  if (id == kNoTenant) return rank;
  for (const TenantId each : state.tenants.at(id).path) {
    const Tenant& tenant = state.tenants.at(each);
    rank.steps.push_back({tenant.in_use.accelerators >= tenant.quota,
                          weighted_share(tenant, state.capacity, state.policy.fair_share, now),
                          each});
  }
  return rank;
}

/// Those who have waited too long stand in one line, whatever their tenants.
TenantId FairOrder::line_of(const JobClass& job_class) {
  return job_class.key.level.patient ? job_class.key.tenant : kNoTenant;
}

void FairOrder::add(ClassId id) {
  const JobClass& job_class = state_.classes.at(id);
  Level& level = levels_[job_class.key.level];
  const TenantId tenant = line_of(job_class);
  level.tenants[tenant].emplace(job_class.line.front(), id);
  if (level.tenants.size() < 2) return;  // alone: nobody to be compared with
  if (level.order.empty()) {
    for (const auto& [each, heads] : level.tenants) {
      level.order.emplace(rank_of(state_, each, now_), each);
    }
  } else if (level.tenants.at(tenant).size() == 1) {
    level.order.emplace(rank_of(state_, tenant, now_), tenant);
  }
}

TenantId FairOrder::first_tenant(Level& level) {
  while (true) {
    const auto first = level.order.begin();
    const TenantId tenant = first->second;
    TenantRank now = rank_of(state_, tenant, now_);
    if (now == first->first) return tenant;
    level.order.erase(first);
    level.order.emplace(std::move(now), tenant);
  }
}

std::optional<ClassId> FairOrder::next() {
  if (levels_.empty()) return std::nullopt;
  const auto at = levels_.begin();
  Level& level = at->second;
  const bool alone = level.tenants.size() == 1;
  const TenantId tenant = alone ? level.tenants.begin()->first : first_tenant(level);
  Heads& heads = level.tenants.at(tenant);
  const ClassId id = heads.begin()->second;
  heads.erase(heads.begin());
  if (heads.empty()) {
    if (!alone) level.order.erase(level.order.begin());
    level.tenants.erase(tenant);
    if (level.tenants.size() == 1) level.order.clear();
    if (level.tenants.empty()) levels_.erase(at);
  }
  return id;
}

}  // namespace mw
