// The other way round: a policy file from a Policy. What is written here reads back as the same
// value.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <string_view>
#include <vector>

#include "codec/policy_file.h"
#include "codec/resilience_text.h"
#include "codec/units.h"

namespace mw {
namespace {

using boost::json::object;

/// Tenants by the name of what they hang on, in the policy's order.
using Below = std::map<std::string_view, std::vector<const TenantPolicy*>>;

object write_rights(const TenantPolicy& tenant) {
  object out;
  // Without one a tenant has what those below it have; a 0 would deny them that.
  if (tenant.quota != AcceleratorShare(0)) out["quota"] = write_thousandths(tenant.quota.count());
  out["borrow_limit"] = tenant.borrow_limit ? write_thousandths(tenant.borrow_limit->count())
                                            : std::string("unlimited");
  out["weight"] = tenant.weight;
  return out;
}

/// Calls itself as deep as the tree of tenants, which is bounded where it is read.
object write_tenants(const Below& below, std::string_view parent) {
  object out;
  const auto found = below.find(parent);
  if (found == below.end()) return out;
  for (const TenantPolicy* tenant : found->second) {
    object one = write_rights(*tenant);
    if (object children = write_tenants(below, tenant->name); !children.empty()) {
      one["tenants"] = std::move(children);
    }
    out[tenant->name] = std::move(one);
  }
  return out;
}

boost::json::array write_spares(const std::vector<SpareRule>& rules) {
  boost::json::array out;
  for (const SpareRule& rule : rules) {
    const std::string_view level = name_of(rule.level);
    object one{{"level", boost::json::string(level.data(), level.size())},
               {"confidence", write_ppm(rule.confidence_ppm)},
               {"failures", rule.failures ? write_thousandths(*rule.failures) : "measured"},
               {"repair", write_duration(rule.repair)}};
    if (rule.count) one["count"] = *rule.count;
    out.push_back(std::move(one));
  }
  return out;
}

std::string percent(std::uint32_t value) { return fmt::format("{}%", value); }

}  // namespace

std::string write_policy_file(const Policy& policy) {
  object classes;
  for (const PriorityClass& one : policy.classes) {
    classes[one.name] = {
        {"value", one.value}, {"preempts", one.preempts}, {"preemptible", one.preemptible}};
  }
  Below below;
  for (const TenantPolicy& one : policy.tenants) below[one.parent].push_back(&one);
  object file{{"name", policy.name},
              {"classes", std::move(classes)},
              {"default_class", policy.default_class},
              {"tenants", write_tenants(below, "")}};
  if (policy.others) {
    file["others"] = write_rights(*policy.others);
  } else {
    file["others"] = "refused";
  }
  file["fair_share"] = {{"half_life", write_duration(policy.fair_share.half_life)},
                        {"history", percent(policy.fair_share.history_percent)}};
  file["backfill"] = {{"reservations", policy.backfill.reservations}};
  file["preemption"] = {{"by_priority", policy.preemption.by_priority},
                        {"reclaim", policy.preemption.reclaim},
                        {"runtime_min", write_duration(policy.preemption.runtime_min)},
                        {"restart_cost", write_duration(policy.preemption.restart_cost)}};
  file["elastic"] = {{"grow", policy.elastic.grow},
                     {"grow_interval", write_duration(policy.elastic.grow_interval)},
                     {"gain", percent(policy.elastic.gain_percent)}};
  file["consolidation"] = {{"enabled", policy.consolidation.enabled},
                           {"move_cost", write_duration(policy.consolidation.move_cost)},
                           {"horizon", write_duration(policy.consolidation.horizon)}};
  file["ranking"] = {{"fragmentation", percent(policy.ranking.fragmentation_percent)},
                     {"whole_accelerators", percent(policy.ranking.whole_percent)},
                     {"types", percent(policy.ranking.type_percent)},
                     {"empty_nodes", percent(policy.ranking.empty_percent)}};
  file["starvation_after"] = write_duration(policy.starvation_after);
  file["keep_nodes_for"] = write_duration(policy.keep_nodes_for.value_or(Duration()));
  if (policy.spares) file["spares"] = write_spares(*policy.spares);
  file["lend_spares"] = policy.lend_spares.value_or("none");
  return boost::json::serialize(file);
}

}  // namespace mw
