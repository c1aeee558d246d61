#include "core/tenants.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"

namespace mw {
namespace {

constexpr int kDecayBits = 30;
constexpr std::int64_t kOne = std::int64_t{1} << kDecayBits;
constexpr int kSteps = 10;  ///< a half-life is divided into 2^10 steps

/// 2^(-1/2), 2^(-1/4), ..., 2^(-1/1024), times 2^30.
constexpr std::array<std::int64_t, kSteps> kRoots = {
    759'250'125,   902'905'651,   984'625'594,   1'028'218'693, 1'050'733'751,
    1'062'175'491, 1'067'942'999, 1'070'838'486, 1'072'289'173, 1'073'015'252};

std::int64_t scaled(std::int64_t value, std::int64_t factor) {
  return static_cast<std::int64_t>((static_cast<Int128>(value) * factor) >> kDecayBits);
}

/// Memory is compared in MiB, so that the products of shares stay within 64 bits.
std::int64_t mebibytes(Bytes memory) { return memory.count() >> 20; }

}  // namespace

std::int64_t decay(Duration elapsed, Duration half_life) {
  MW_CHECK(elapsed.count() >= 0 && half_life.count() > 0);
  const Int128 steps = (static_cast<Int128>(elapsed.count()) << kSteps) / half_life.count();
  if ((steps >> kSteps) >= kDecayBits) return 0;
  const auto whole = static_cast<int>(steps >> kSteps);
  const auto part = static_cast<std::uint32_t>(steps & ((1 << kSteps) - 1));
  std::int64_t factor = kOne;
  for (int bit = 0; bit < kSteps; ++bit) {
    if ((part >> (kSteps - 1 - bit) & 1U) != 0) {
      factor = scaled(factor, kRoots[static_cast<std::size_t>(bit)]);
    }
  }
  return factor >> whole;
}

ResourceAmounts average_at(const Tenant& tenant, Duration half_life, Instant now) {
  const Duration elapsed = now - tenant.average_at;
  if (elapsed.count() <= 0) return tenant.average;
  const std::int64_t factor = decay(elapsed, half_life);
  const auto mix = [&](auto use, auto average) {
    return use + decltype(use)(scaled((average - use).count(), factor));
  };
  return {mix(tenant.in_use.accelerators, tenant.average.accelerators),
          mix(tenant.in_use.cpus, tenant.average.cpus),
          mix(tenant.in_use.memory, tenant.average.memory)};
}

std::int64_t weighted_share(const Tenant& tenant, const ResourceAmounts& fleet,
                            const FairShareRules& rules, Instant now) {
  const ResourceAmounts past = average_at(tenant, rules.half_life, now);
  const auto share = [&](std::int64_t use, std::int64_t average, std::int64_t capacity) {
    if (capacity <= 0) return std::int64_t{0};
    const Int128 sum =
        static_cast<Int128>(use) * 100 + static_cast<Int128>(average) * rules.history_percent;
    return static_cast<std::int64_t>((sum << 20) / (static_cast<Int128>(capacity) * 100));
  };
  const std::int64_t largest = std::max(
      {share(tenant.in_use.accelerators.count(), past.accelerators.count(),
             fleet.accelerators.count()),
       share(tenant.in_use.cpus.count(), past.cpus.count(), fleet.cpus.count()),
       share(mebibytes(tenant.in_use.memory), mebibytes(past.memory), mebibytes(fleet.memory))});
  return largest / tenant.weight;
}

TenantId TenantTable::intern(const std::string& name, const Policy& policy) {
  if (const auto known = find(name)) return *known;
  const TenantId id(static_cast<std::uint32_t>(tenants_.size()));
  Tenant tenant;
  tenant.name = name;
  tenants_.push_back(std::move(tenant));
  by_name_.emplace(name, id);
  Tenant& added = tenants_.back();
  added.path = {id};
  if (policy.others) {
    added.quota = policy.others->quota;
    added.weight = policy.others->weight;
    if (policy.others->borrow_limit) added.limit = added.quota + *policy.others->borrow_limit;
  }
  return id;
}

std::optional<TenantId> TenantTable::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

void TenantTable::link(const Policy& policy) {
  const TenantPolicy others = policy.others.value_or(TenantPolicy());
  std::map<std::string, const TenantPolicy*> named;
  for (const TenantPolicy& each : policy.tenants) named.emplace(each.name, &each);
  // A right to something is a right through all above: no quota is less than the sum below it.
  std::map<std::string, AcceleratorShare> quotas;
  for (auto each = policy.tenants.rbegin(); each != policy.tenants.rend(); ++each) {
    AcceleratorShare& own = quotas[each->name];
    own = std::max(own, each->quota);
    if (!each->parent.empty()) quotas[each->parent] += own;
  }
  for (std::uint32_t i = 0; i < tenants_.size(); ++i) {
    Tenant& tenant = tenants_[i];
    const auto found = named.find(tenant.name);
    const TenantPolicy& rules = found == named.end() ? others : *found->second;
    tenant.parent = kNoTenant;
    if (found != named.end() && !rules.parent.empty()) tenant.parent = by_name_.at(rules.parent);
    tenant.quota = found == named.end() ? rules.quota : quotas.at(tenant.name);
    tenant.weight = std::max(rules.weight, 1U);
    tenant.limit.reset();
    if (rules.borrow_limit) tenant.limit = tenant.quota + *rules.borrow_limit;
  }
  for (std::uint32_t i = 0; i < tenants_.size(); ++i) {
    std::vector<TenantId>& path = tenants_[i].path;
    path.clear();
    for (TenantId at(i); at != kNoTenant; at = tenants_[at.value()].parent) path.push_back(at);
    std::reverse(path.begin(), path.end());
  }
}

void TenantTable::follow(const Policy& before, const Policy& policy, Instant now) {
  // The averages up to now are by the old tree.
  std::vector<ResourceAmounts> own;
  for (Tenant& tenant : tenants_) {
    settle(tenant, before.fair_share.half_life, now);
    own.push_back(tenant.in_use);
  }
  for (const Tenant& tenant : tenants_) {
    if (tenant.parent == kNoTenant) continue;
    own[tenant.parent.value()] += -tenant.in_use;
  }
  for (const TenantPolicy& each : policy.tenants) {
    if (find(each.name)) continue;
    Tenant tenant;
    tenant.name = each.name;
    tenant.average_at = now;
    by_name_.emplace(each.name, TenantId(static_cast<std::uint32_t>(tenants_.size())));
    tenants_.push_back(std::move(tenant));
    own.emplace_back();
  }
  link(policy);
  forget_use();
  for (std::uint32_t i = 0; i < own.size(); ++i) restore_use(TenantId(i), own[i]);
}

void TenantTable::settle(Tenant& tenant, Duration half_life, Instant now) {
  if (now <= tenant.average_at) return;
  tenant.average = average_at(tenant, half_life, now);
  tenant.average_at = now;
}

void TenantTable::change_use(TenantId id, const ResourceAmounts& change, const Policy& policy,
                             Instant now) {
  for (const TenantId each : tenants_.at(id.value()).path) {
    Tenant& tenant = tenants_[each.value()];
    settle(tenant, policy.fair_share.half_life, now);
    tenant.in_use += change;
  }
}

void TenantTable::restore_use(TenantId id, const ResourceAmounts& change) {
  for (const TenantId each : tenants_.at(id.value()).path) tenants_[each.value()].in_use += change;
}

void TenantTable::forget_use() {
  for (Tenant& tenant : tenants_) tenant.in_use = ResourceAmounts();
}

std::optional<TenantId> TenantTable::over_limit(TenantId id, AcceleratorShare more) const {
  for (const TenantId each : tenants_.at(id.value()).path) {
    const Tenant& tenant = tenants_[each.value()];
    if (tenant.limit && tenant.in_use.accelerators + more > *tenant.limit) return each;
  }
  return std::nullopt;
}

AcceleratorShare TenantTable::room_below_limit(TenantId id) const {
  AcceleratorShare room(std::numeric_limits<std::int64_t>::max());
  for (const TenantId each : tenants_.at(id.value()).path) {
    const Tenant& tenant = tenants_[each.value()];
    if (tenant.limit) room = std::min(room, *tenant.limit - tenant.in_use.accelerators);
  }
  return room;
}

bool TenantTable::within_quota(TenantId id, AcceleratorShare more) const {
  const auto& path = tenants_.at(id.value()).path;
  return std::all_of(path.begin(), path.end(), [&](TenantId each) {
    const Tenant& tenant = tenants_[each.value()];
    return tenant.in_use.accelerators + more <= tenant.quota;
  });
}

void TenantTable::rebuild(const Policy& policy) {
  by_name_.clear();
  for (std::uint32_t i = 0; i < tenants_.size(); ++i) {
    by_name_.emplace(tenants_[i].name, TenantId(i));
  }
  link(policy);
  forget_use();
}

}  // namespace mw
