// Any bytes as a policy file: they are refused with a message on lines of valid text, or give a
// policy that can be decided by, keeps the stated bounds, and survives being written and read
// again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/policy_file.h"
#include "codec/yaml_tree.h"

namespace {

void check_tenant(const mw::TenantPolicy& tenant) {
  const mw::AcceleratorShare most = mw::kTenantQuotaMax * mw::kWholeAccelerator;
  MW_CHECK(tenant.quota >= mw::AcceleratorShare(0) && tenant.quota <= most);
  MW_CHECK(!tenant.borrow_limit || *tenant.borrow_limit <= most);
  MW_CHECK(tenant.weight >= 1 && tenant.weight <= mw::kTenantWeightMax);
}

void check_bounds(const mw::Policy& policy) {
  MW_CHECK(mw::fault_of(policy).empty());
  MW_CHECK(mw::find_class(policy, "") != nullptr);
  MW_CHECK(policy.classes.size() <= mw::kClassesMax);
  MW_CHECK(policy.tenants.size() <= mw::kTenantsMax);
  for (const mw::TenantPolicy& tenant : policy.tenants) check_tenant(tenant);
  if (policy.others) check_tenant(*policy.others);
  MW_CHECK(policy.fair_share.half_life >= mw::kHalfLifeMin);
  MW_CHECK(policy.starvation_after >= mw::Duration(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = mw::parse_policy_file(text, "policy.yaml");
  if (!policy) {
    MW_CHECK(!policy.error().message.empty());
    MW_CHECK(mw::invalid_utf8_at(policy.error().message) == std::string_view::npos);
    return 0;
  }
  check_bounds(*policy);
  const auto again = mw::parse_policy_file(mw::write_policy_file(*policy), "");
  MW_CHECK(again.ok());
  MW_CHECK(*again == *policy);
  return 0;
}
