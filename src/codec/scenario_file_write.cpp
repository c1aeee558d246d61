// The other way: a scenario as the file (JSON) that says it in full.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codec/json.h"
#include "codec/scenario_file.h"
#include "codec/units.h"

namespace mw {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json(out, std::string(text));
  return out;
}

std::string length(Duration value) { return quoted(write_duration(value)); }

std::string repair_of(const RepairTime& repair) {
  if (!repair.quantiles.empty()) {
    std::vector<std::string> values;
    for (const Duration value : repair.quantiles) values.push_back(length(value));
    return fmt::format(R"({{"quantiles": [{}]}})", fmt::join(values, ", "));
  }
  if (repair.median == repair.mean) return length(repair.median);
  return fmt::format(R"({{"median": {}, "mean": {}}})", length(repair.median), length(repair.mean));
}

std::string component(const FaultComponent& one) {
  std::string out =
      fmt::format(R"({}: {{"rate": {}, "scope": "{}", "effect": "{}")", quoted(one.name),
                  write_decimal(one.rate, 6), name_of(one.scope), name_of(one.effect));
  if (one.effect != FaultEffect::kTask && one.effect != FaultEffect::kNone) {
    out += R"(, "repair": )" + repair_of(one.repair);
  }
  if (one.effect == FaultEffect::kSlow)
    out += R"(, "speed": )" + write_thousandths(one.speed_milli);
  if (!one.code.empty()) out += R"(, "code": )" + quoted(one.code);
  if (one.mended_by) out += fmt::format(R"(, "mended_by": "{}")", name_of(*one.mended_by));
  return out + "}";
}

std::string plan(const MaintenancePlan& one) {
  return fmt::format(R"({}: {{"scope": "{}", "every": {}, "window": {}, "notice": {}}})",
                     quoted(one.name), name_of(one.scope), length(one.every), length(one.window),
                     length(one.notice));
}

std::string physics(const Physics& physics) {
  std::vector<std::string> levels;
  for (std::size_t i = 0; i < physics.topology_milli.size(); ++i) {
    levels.push_back(fmt::format("\"{}\": {}", EnumNames<FabricLevel>::value[i],
                                 write_thousandths(physics.topology_milli[i])));
  }
  return fmt::format(
      R"({{"launch": {}, "start_up": {}, "stop": {}, "detection": {}, "topology": {{{}}}, )"
      R"("load": {}, "told": {}, "person": {}, "remedies": {{"reset_accelerator": {}, )"
      R"("reboot": {}, "validate": {}, "return_to_vendor": {}}}}})",
      length(physics.launch), length(physics.start_up), length(physics.stop),
      length(physics.detection), fmt::join(levels, ", "), write_thousandths(physics.load_milli),
      length(physics.told), length(physics.person), length(physics.remedies.reset_accelerator),
      length(physics.remedies.reboot), length(physics.remedies.validate),
      length(physics.remedies.return_to_vendor));
}

}  // namespace

std::string write_scenario_file(const Scenario& scenario) {
  std::vector<std::string> components;
  for (const FaultComponent& one : scenario.faults.components) components.push_back(component(one));
  std::vector<std::string> plans;
  for (const MaintenancePlan& one : scenario.faults.maintenance) plans.push_back(plan(one));
  std::string out = "{";
  if (!scenario.name.empty()) out += fmt::format("\"name\": {},\n ", quoted(scenario.name));
  out += fmt::format("\"physics\": {},\n \"faults\": {{\n  \"components\": {{{}}},\n",
                     physics(scenario.physics), fmt::join(components, ",\n    "));
  out += fmt::format("  \"maintenance\": {{{}}}", fmt::join(plans, ",\n    "));
  if (const auto& replay = scenario.faults.replay) {
    out += fmt::format(",\n  \"replay\": {{\"file\": {}, \"nodes\": {}, \"codes\": {}}}",
                       quoted(replay->file), replay->nodes, replay->codes);
  }
  return out + "}}\n";
}

}  // namespace mw
