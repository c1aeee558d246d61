// Who is served next: classes by level (waited too long, priority class, priority), within a level
// tenants by fair share down the tree, within a tenant by age.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/state.h"

namespace mw {

/// Where a tenant stands among its siblings, for it and each tenant above it: those within their
/// quota first, then the smaller weighted share.
struct TenantRank {
  struct Step {
    bool over_quota = false;
    std::int64_t share = 0;
    TenantId tenant;
    auto operator<=>(const Step&) const = default;
  };
  std::vector<Step> steps;  ///< from the root down
  auto operator<=>(const TenantRank&) const = default;
};
TenantRank rank_of(const State& state, TenantId tenant, Instant now);

/// Classes to be tried, the next one first. While it is in use, what tenants use may only grow.
class FairOrder {
 public:
  FairOrder(const State& state, Instant now) : state_(state), now_(now) {}

  /// REQUIRES: someone stands in line.
  void add(ClassId id);
  /// Takes out the class whose head is served next.
  std::optional<ClassId> next();
  [[nodiscard]] bool empty() const { return levels_.empty(); }

 private:
  using Heads = std::set<std::pair<JobId, ClassId>>;
  struct Level {
    std::map<TenantId, Heads> tenants;
    /// By a rank that may be out of date: the true one is not smaller. Empty while there is but
    /// one tenant.
    std::set<std::pair<TenantRank, TenantId>> order;
  };
  static TenantId line_of(const JobClass& job_class);
  TenantId first_tenant(Level& level);

  const State& state_;
  Instant now_;
  std::map<ClassLevel, Level> levels_;
};

}  // namespace mw
