// Any bytes as a scenario file: they are refused with a message that is valid text, or give a
// scenario that keeps the stated bounds and survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/scenario_file.h"
#include "codec/yaml_tree.h"

namespace {

void check_bounds(const mw::Scenario& scenario) {
  for (const std::int64_t speed : scenario.physics.topology_milli) {
    MW_CHECK(speed >= 1 && speed <= 1000);
  }
  MW_CHECK(scenario.faults.components.size() <= mw::kFaultComponentsMax);
  for (const mw::FaultComponent& one : scenario.faults.components) {
    MW_CHECK(one.rate >= 0 && one.rate / 1'000'000 <= mw::kFaultRateMax);
    MW_CHECK(one.speed_milli >= 1 && one.speed_milli <= 1000);
    MW_CHECK(one.repair.median <= one.repair.mean);
    MW_CHECK(one.repair.quantiles.size() != 1);
  }
  for (const mw::MaintenancePlan& plan : scenario.faults.maintenance) {
    MW_CHECK(plan.window + plan.notice < plan.every);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto scenario = mw::parse_scenario_file(text, "scenario.yaml");
  if (!scenario) {
    MW_CHECK(!scenario.error().message.empty());
    MW_CHECK(mw::invalid_utf8_at(scenario.error().message) == std::string_view::npos);
    return 0;
  }
  check_bounds(*scenario);
  const auto again = mw::parse_scenario_file(mw::write_scenario_file(*scenario), "");
  MW_CHECK(again.ok());
  MW_CHECK(*again == *scenario);
  return 0;
}
