#include "model/policy.h"

#include <set>

namespace mw {

const PriorityClass* find_class(const Policy& policy, const std::string& name) {
  const std::string& wanted = name.empty() ? policy.default_class : name;
  for (const PriorityClass& each : policy.classes) {
    if (each.name == wanted) return &each;
  }
  return nullptr;
}

std::string fault_of(const Policy& policy) {
  std::set<std::string> names;
  for (const PriorityClass& each : policy.classes) {
    if (!names.insert(each.name).second) return "priority class " + each.name + " is named twice";
  }
  if (!names.contains(policy.default_class)) {
    return "the default priority class " + policy.default_class + " is not among the classes";
  }
  if (policy.lend_spares && !names.contains(*policy.lend_spares)) {
    return "spares are lent to priority class " + *policy.lend_spares +
           ", which is not among the classes";
  }
  names.clear();
  for (const TenantPolicy& each : policy.tenants) {
    if (each.name.empty()) return "a tenant has no name";
    if (!each.parent.empty() && !names.contains(each.parent)) {
      return "tenant " + each.name + " is under " + each.parent + ", which is not named before it";
    }
    if (!names.insert(each.name).second) return "tenant " + each.name + " is named twice";
    if (each.weight == 0) return "tenant " + each.name + " has no weight";
    if (each.quota.count() < 0) return "tenant " + each.name + " has a quota below zero";
  }
  for (const SpareRule& each : policy.spares.value_or(std::vector<SpareRule>())) {
    if (each.confidence_ppm >= 1'000'000) return "spares cannot be enough with certainty";
    if (each.repair.count() <= 0) return "a repair takes no time";
  }
  if (policy.fair_share.half_life.count() <= 0) return "the half-life of past use is not positive";
  return {};
}

}  // namespace mw
