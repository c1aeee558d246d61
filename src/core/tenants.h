// Who uses how much, and who has a right to what: the tenants as a tree, with what each uses now
// and an average of what it used before. What a tenant uses counts for all above it.
//
// The average decays with the policy's half-life: avg' = use + (avg - use) x 2^(-dt / half-life),
// in integers, brought up to date whenever the use changes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/quantity.h"
#include "base/time.h"
#include "model/policy.h"

namespace mw {

/// Index of a tenant; given out in the order in which they are first heard of.
using TenantId = Id<struct TenantTag, std::uint32_t>;
inline constexpr TenantId kNoTenant{0xFFFFFFFFU};

/// An amount of each resource that is shared.
struct ResourceAmounts {
  AcceleratorShare accelerators;
  CpuShare cpus;
  Bytes memory;
  ResourceAmounts& operator+=(const ResourceAmounts& other) {
    accelerators += other.accelerators;
    cpus += other.cpus;
    memory += other.memory;
    return *this;
  }
  friend ResourceAmounts operator-(const ResourceAmounts& a) {
    return {-a.accelerators, -a.cpus, -a.memory};
  }
  bool operator==(const ResourceAmounts&) const = default;
  MW_FIELDS(accelerators, cpus, memory)
};

/// Totals of a tenant over its ended attempts.
struct TenantTotals {
  AcceleratorTime starting;
  AcceleratorTime kept_work;
  AcceleratorTime lost_work;
  AcceleratorTime checkpointing;
  std::uint64_t jobs_submitted = 0;
  std::uint64_t jobs_finished = 0;
  bool operator==(const TenantTotals&) const = default;
  MW_FIELDS(starting, kept_work, lost_work, checkpointing, jobs_submitted, jobs_finished)
};

struct Tenant {
  std::string name;
  TenantTotals totals;  ///< its own, without those below it
  // Of it and all below it:
  ResourceAmounts average;  ///< decayed, as it was at average_at
  Instant average_at;
  // Derived.
  ResourceAmounts in_use;       ///< by attempts, and by what is held for restarts
  TenantId parent = kNoTenant;  ///< none: at the root
  std::vector<TenantId> path;   ///< from the one at the root down to itself
  AcceleratorShare quota;
  std::optional<AcceleratorShare> limit;  ///< that it may use in all; none: no limit
  std::uint32_t weight = 1;
  bool operator==(const Tenant&) const = default;
  MW_FIELDS(name, totals, average, average_at)
};

class TenantTable {
 public:
  /// The tenant of that name; a new one when it is not known.
  TenantId intern(const std::string& name, const Policy& policy);
  [[nodiscard]] std::optional<TenantId> find(const std::string& name) const;
  [[nodiscard]] const Tenant& at(TenantId id) const { return tenants_.at(id.value()); }
  [[nodiscard]] TenantTotals& totals(TenantId id) { return tenants_.at(id.value()).totals; }
  [[nodiscard]] std::span<const Tenant> all() const { return tenants_; }

  /// Takes tree, quotas and weights from the new policy. What is in use moves along.
  void follow(const Policy& before, const Policy& policy, Instant now);
  /// Adds to what the tenant and all above it use.
  void change_use(TenantId id, const ResourceAmounts& change, const Policy& policy, Instant now);
  /// The same without averages, when they have counted it already.
  void restore_use(TenantId id, const ResourceAmounts& change);
  void forget_use();

  /// The tenant on the path, nearest the root, that would be over its limit with so much more.
  [[nodiscard]] std::optional<TenantId> over_limit(TenantId id, AcceleratorShare more) const;
  /// How much more it may use within its limit and those of all above it.
  [[nodiscard]] AcceleratorShare room_below_limit(TenantId id) const;
  /// With so much more, it and all above it are within their quotas.
  [[nodiscard]] bool within_quota(TenantId id, AcceleratorShare more) const;
  /// It, or one above it, uses more than its quota.
  [[nodiscard]] bool over_quota(TenantId id) const { return !within_quota(id, AcceleratorShare()); }

  bool operator==(const TenantTable& other) const { return tenants_ == other.tenants_; }
  MW_FIELDS(tenants_)

  /// After tenants_ was read from a snapshot.
  void rebuild(const Policy& policy);

 private:
  void settle(Tenant& tenant, Duration half_life, Instant now);
  void link(const Policy& policy);

  std::vector<Tenant> tenants_;
  std::map<std::string, TenantId> by_name_;
};

/// 2^(-elapsed / half_life) in units of 2^-30.  REQUIRES: both not negative, half_life > 0.
std::int64_t decay(Duration elapsed, Duration half_life);

/// The average at `now`, from what it was at average_at.
ResourceAmounts average_at(const Tenant& tenant, Duration half_life, Instant now);

/// The weighted dominant share of a tenant: the largest of its shares of the fleet, present use
/// and past use together, over its weight. In units of 2^-20 of the fleet.
std::int64_t weighted_share(const Tenant& tenant, const ResourceAmounts& fleet,
                            const FairShareRules& rules, Instant now);

}  // namespace mw
