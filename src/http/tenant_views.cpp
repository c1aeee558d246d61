// The tree of tenants as the interface shows it: a part of views.h.
#include <boost/json/value.hpp>
#include <map>
#include <set>
#include <utility>

#include "http/views.h"

namespace mw::http {
namespace {

namespace json = boost::json;

/// Tenants below each other, by the name of the one above and then their own; empty: the root.
using Siblings = std::map<std::string, std::map<std::string, const Tenant*>>;

/// The largest share that is a whole: what weighted_share() counts in.
constexpr double kWholeShare = 1 << 20;

class TenantViews {
 public:
  TenantViews(const State& state, Instant now) : state_(state), now_(now) {
    for (const TenantPolicy& each : state.policy.tenants) named_.insert(each.name);
    for (const Tenant& tenant : state.tenants.all()) {
      const bool at_root = tenant.parent == kNoTenant;
      siblings_[at_root ? std::string() : state.tenants.at(tenant.parent).name][tenant.name] =
          &tenant;
    }
  }

  json::array all() && {
    add("", 0);
    return std::move(views_);
  }

 private:
  void add(const std::string& parent, std::size_t depth) {
    const auto below = siblings_.find(parent);
    if (below == siblings_.end()) return;
    for (const auto& [name, tenant] : below->second) {
      views_.push_back(view_of(*tenant, parent, depth));
      if (!name.empty()) add(name, depth + 1);
    }
  }

  [[nodiscard]] json::object view_of(const Tenant& tenant, const std::string& parent,
                                     std::size_t depth) const {
    const FairShareRules& rules = state_.policy.fair_share;
    const ResourceAmounts past = average_at(tenant, rules.half_life, now_);
    json::object view{{"tenant", tenant.name}};
    view["parent"] = parent.empty() ? json::value(nullptr) : json::value(parent);
    view["depth"] = depth;
    view["named"] = named_.contains(tenant.name);
    view["quota_milli"] = tenant.quota.count();
    view["limit_milli"] = tenant.limit ? json::value(tenant.limit->count()) : json::value(nullptr);
    view["weight"] = tenant.weight;
    view["in_use_milli"] = tenant.in_use.accelerators.count();
    view["cpus_in_use_milli"] = tenant.in_use.cpus.count();
    view["memory_in_use_bytes"] = tenant.in_use.memory.count();
    view["average_milli"] = past.accelerators.count();
    view["share"] =
        static_cast<double>(weighted_share(tenant, state_.capacity, rules, now_)) / kWholeShare;
    view["over_quota"] = tenant.in_use.accelerators > tenant.quota;
    view["jobs_submitted"] = tenant.totals.jobs_submitted;
    view["jobs_finished"] = tenant.totals.jobs_finished;
    return view;
  }

  const State& state_;
  Instant now_;
  std::set<std::string> named_;
  Siblings siblings_;
  json::array views_;
};

}  // namespace

json::array tenant_views(const State& state, Instant now) { return TenantViews(state, now).all(); }

}  // namespace mw::http
