#include "codec/scenario_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "codec/csv.h"
#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"
#include "codec/suggest.h"
#include "codec/units.h"
#include "codec/yaml_reader.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 3> kKeys = {"name", "physics", "faults"};
constexpr std::array<std::string_view, 9> kPhysicsKeys = {
    "launch", "start_up", "stop", "detection", "topology", "load", "told", "person", "remedies"};
constexpr std::array<std::string_view, 4> kRemedyKeys = {"reset_accelerator", "reboot", "validate",
                                                         "return_to_vendor"};
constexpr std::array<std::string_view, 3> kFaultKeys = {"components", "maintenance", "replay"};
constexpr std::array<std::string_view, 7> kComponentKeys = {"rate",  "scope", "effect",   "repair",
                                                            "speed", "code",  "mended_by"};
constexpr std::array<std::string_view, 3> kRepairKeys = {"median", "mean", "quantiles"};
constexpr std::array<std::string_view, 4> kMaintenanceKeys = {"scope", "every", "window", "notice"};
constexpr std::array<std::string_view, 3> kReplayKeys = {"file", "nodes", "codes"};
constexpr Duration kPlanMax = kRepairMax;
constexpr int kRateDecimals = 6;
constexpr std::int64_t kRateOne = 1'000'000;

template <class Enum>
Result<Enum> parse_enum(std::string_view text) {
  if (const auto value = enum_from_name<Enum>(text)) return *value;
  return Error{ErrorCode::kInvalid,
               fmt::format("expected one of {}", fmt::join(EnumNames<Enum>::value, ", "))};
}

Result<std::int64_t> parse_rate(std::string_view text) {
  const auto rate = parse_decimal(text, kRateDecimals, 0, kFaultRateMax * kRateOne);
  if (rate) return *rate;
  return Error{ErrorCode::kInvalid,
               fmt::format("expected faults in 1,000 days of one, a number from 0 to {} with at "
                           "most six decimals",
                           kFaultRateMax)};
}

/// A part of 1, in thousandths; of a speed never 0.
Result<std::int64_t> parse_part(std::string_view text, std::int64_t least) {
  const auto part = parse_thousandths(text, 0, 1);
  if (part && *part >= least) return *part;
  return Error{ErrorCode::kInvalid,
               fmt::format("expected a part from {} to 1, such as 0.95", write_thousandths(least))};
}
Result<std::int64_t> parse_speed(std::string_view text) { return parse_part(text, 1); }
Result<std::int64_t> parse_load(std::string_view text) { return parse_part(text, 0); }

Result<Duration> parse_repair(std::string_view text) {
  return parse_duration(text, Duration(0), kRepairMax);
}
Result<Duration> parse_lognormal(std::string_view text) {
  return parse_duration(text, seconds(1), kRepairMax);
}

/// Reads one document into a Scenario, gathering every problem on the way.
class ScenarioFileReader : private YamlReader {
 public:
  explicit ScenarioFileReader(std::string_view source_name) : YamlReader(source_name) {}

  Result<Scenario> read(const YamlNode& root) {
    if (!is_map(root, "", "\"name: my-scenario\"")) return failure();
    check_keys(root, "", kKeys);
    read_scalar(root, "", "name", scenario_.name, parse_name);
    read_physics(root);
    if (const YamlNode* faults = group(root, "faults", "\"components: {...}\"")) {
      check_keys(*faults, "faults", kFaultKeys);
      read_components(*faults);
      read_maintenance(*faults);
      read_replay(*faults);
    }
    if (!good()) return failure();
    return std::move(scenario_);
  }

 private:
  void read_physics(const YamlNode& root) {
    const YamlNode* node = group(root, "physics", "\"launch: 5s\"");
    if (node == nullptr) return;
    check_keys(*node, "physics", kPhysicsKeys);
    Physics& physics = scenario_.physics;
    read_duration(*node, "physics", "launch", physics.launch, kPhysicsDurationMax);
    read_duration(*node, "physics", "start_up", physics.start_up, kPhysicsDurationMax);
    read_duration(*node, "physics", "stop", physics.stop, kPhysicsDurationMax);
    read_duration(*node, "physics", "detection", physics.detection, kPhysicsDurationMax);
    read_scalar(*node, "physics", "load", physics.load_milli, parse_load);
    read_duration(*node, "physics", "told", physics.told, kPhysicsDurationMax);
    read_duration(*node, "physics", "person", physics.person, kPhysicsDurationMax);
    read_remedies(*node);
    const YamlNode* topology = group(*node, "physics", "topology", "\"pod: 0.98\"");
    if (topology == nullptr) return;
    check_keys(*topology, "physics.topology", EnumNames<FabricLevel>::value);
    for (std::size_t i = 0; i < physics.topology_milli.size(); ++i) {
      read_scalar(*topology, "physics.topology", EnumNames<FabricLevel>::value[i],
                  physics.topology_milli[i], parse_speed);
    }
  }

  void read_remedies(const YamlNode& physics) {
    const YamlNode* node = group(physics, "physics", "remedies", "\"reboot: 10m\"");
    if (node == nullptr) return;
    check_keys(*node, "physics.remedies", kRemedyKeys);
    RemedyTimes& times = scenario_.physics.remedies;
    Duration* const fields[] = {&times.reset_accelerator, &times.reboot, &times.validate,
                                &times.return_to_vendor};
    for (std::size_t i = 0; i < kRemedyKeys.size(); ++i) {
      read_duration(*node, "physics.remedies", kRemedyKeys[i], *fields[i], kPhysicsDurationMax);
    }
  }

  /// The maps below `faults.key`, by name: `read(map, path, name)` for each.
  template <class Read>
  void each_named(const YamlNode& faults, std::string_view key, std::string_view example,
                  Read read) {
    const YamlNode* all = group(faults, "faults", key, example);
    if (all == nullptr) return;
    const std::string at = path("faults", key);
    if (all->keys.size() > kFaultComponentsMax) {
      problem(*all, at,
              fmt::format("expected at most {} of them, found {}", kFaultComponentsMax,
                          all->keys.size()));
      return;
    }
    for (std::size_t i = 0; i < all->keys.size(); ++i) {
      const auto name = parse_name(all->keys[i]);
      if (!name) {
        problem(all->key_positions[i], at,
                fmt::format("{}, found {}", name.error().message, in_quotes(all->keys[i])));
        continue;
      }
      const std::string here = path(at, *name);
      if (is_map(all->children[i], here, example)) read(all->children[i], here, *name);
    }
  }

  void read_components(const YamlNode& faults) {
    each_named(faults, "components", "\"gpu: {rate: 2.34, repair: 4h}\"",
               [&](const YamlNode& node, const std::string& at, const std::string& name) {
                 check_keys(node, at, kComponentKeys);
                 FaultComponent one;
                 one.name = name;
                 if (!read_scalar(node, at, "rate", one.rate, parse_rate))
                   problem(node, at, "the key \"rate\" is missing");
                 read_scalar(node, at, "scope", one.scope, parse_enum<FaultScope>);
                 read_scalar(node, at, "effect", one.effect, parse_enum<FaultEffect>);
                 read_effect(node, at, one);
                 read_code(node, at, one);
                 scenario_.faults.components.push_back(std::move(one));
               });
  }

  /// What only some effects have.
  void read_effect(const YamlNode& node, const std::string& at, FaultComponent& one) {
    const YamlNode* repair = node.find("repair");
    if (one.effect == FaultEffect::kTask || one.effect == FaultEffect::kNone) {
      if (repair != nullptr)
        problem(*repair, path(at, "repair"),
                one.effect == FaultEffect::kTask ? "a task that fails has nothing to repair"
                                                 : "a false alarm has nothing to repair");
    } else if (repair == nullptr) {
      problem(node, at, "the key \"repair\" is missing");
    } else {
      read_repair(*repair, path(at, "repair"), one.repair);
    }
    const bool has_speed = read_scalar(node, at, "speed", one.speed_milli, parse_speed);
    if (has_speed == (one.effect == FaultEffect::kSlow)) return;
    problem(node, at,
            has_speed ? "only an effect of slow has a speed" : "the key \"speed\" is missing");
  }

  void read_code(const YamlNode& node, const std::string& at, FaultComponent& one) {
    const bool told = read_scalar(node, at, "code", one.code, parse_fault_code);
    if (!told && one.effect == FaultEffect::kNone) {
      problem(node, at, "an effect of none is only told: the key \"code\" is missing");
    }
    const YamlNode* by = node.find("mended_by");
    if (by == nullptr) return;
    FaultAction action = FaultAction::kReboot;
    const auto mends = [](std::string_view text) -> Result<FaultAction> {
      const auto found = enum_from_name<FaultAction>(text);
      if (found && (*found == FaultAction::kResetAccelerator || *found == FaultAction::kReboot)) {
        return *found;
      }
      return Error{ErrorCode::kInvalid, "expected reset_accelerator or reboot"};
    };
    if (read_scalar(node, at, "mended_by", action, mends)) one.mended_by = action;
    if (one.effect == FaultEffect::kTask || one.effect == FaultEffect::kNone) {
      problem(*by, path(at, "mended_by"), "there is nothing to mend");
    }
  }

  void read_repair(const YamlNode& node, const std::string& at, RepairTime& repair) {
    if (node.kind == YamlNode::Kind::kScalar) {
      const auto always = parse_repair(node.text);
      if (!always) {
        problem(node, at, fmt::format("{}, found {}", always.error().message, describe(node)));
        return;
      }
      repair.median = repair.mean = *always;
      return;
    }
    if (!is_map(node, at, "\"median: 4h\"")) return;
    check_keys(node, at, kRepairKeys);
    if (node.find("quantiles") != nullptr) return read_quantiles(node, at, repair);
    const bool whole = read_scalar(node, at, "median", repair.median, parse_lognormal) &&
                       read_scalar(node, at, "mean", repair.mean, parse_lognormal);
    if (!whole) {
      problem(node, at, "expected both median and mean, or quantiles");
    } else if (good() && (repair.mean < repair.median ||
                          repair.mean.count() / kRepairSkewMax > repair.median.count())) {
      problem(
          *node.find("mean"), path(at, "mean"),
          fmt::format("expected at least the median {}, and at most {} times it, found {}",
                      write_duration(repair.median), kRepairSkewMax, write_duration(repair.mean)));
    }
  }

  void read_quantiles(const YamlNode& node, const std::string& at, RepairTime& repair) {
    const std::string here = path(at, "quantiles");
    if (node.keys.size() > 1) problem(node, at, "expected quantiles alone, or median and mean");
    const auto values = list(node, at, "quantiles", "\"[10m, 4h, 2d]\"");
    if (values.size() < 2 || values.size() > kRepairQuantilesMax) {
      problem(node, here,
              fmt::format("expected 2 to {} lengths of time, found {}", kRepairQuantilesMax,
                          values.size()));
      return;
    }
    for (const YamlNode& value : values) {
      const bool scalar = value.kind == YamlNode::Kind::kScalar;
      const auto length = parse_repair(scalar ? std::string_view(value.text) : std::string_view());
      if (!length || !scalar) {
        problem(value, here,
                fmt::format("{}, found {}", length ? "expected text" : length.error().message,
                            describe(value)));
      } else if (!repair.quantiles.empty() && *length < repair.quantiles.back()) {
        problem(value, here, "expected lengths that never fall");
      } else {
        repair.quantiles.push_back(*length);
      }
    }
  }

  void read_maintenance(const YamlNode& faults) {
    each_named(faults, "maintenance", "\"firmware: {every: 90d, window: 2h}\"",
               [&](const YamlNode& node, const std::string& at, const std::string& name) {
                 check_keys(node, at, kMaintenanceKeys);
                 MaintenancePlan plan;
                 plan.name = name;
                 read_scalar(node, at, "scope", plan.scope, parse_enum<FaultScope>);
                 const auto length = [](std::string_view text) {
                   return parse_duration(text, seconds(1), kPlanMax);
                 };
                 const bool whole = read_scalar(node, at, "every", plan.every, length) &&
                                    read_scalar(node, at, "window", plan.window, length);
                 read_duration(node, at, "notice", plan.notice, kPlanMax);
                 if (!whole) {
                   problem(node, at, "expected both every and window");
                 } else if (good() && plan.window + plan.notice >= plan.every) {
                   problem(node, at,
                           "expected notice and window to be shorter than every, together");
                 }
                 scenario_.faults.maintenance.push_back(std::move(plan));
               });
  }

  void read_replay(const YamlNode& faults) {
    const YamlNode* node = group(faults, "faults", "replay", "\"file: faults.json\"");
    if (node == nullptr) return;
    check_keys(*node, "faults.replay", kReplayKeys);
    FaultReplay replay;
    replay.nodes = kReplayNodesDefault;
    const auto any = [](std::string_view text) -> Result<std::string> {
      if (!text.empty()) return std::string(text);
      return Error{ErrorCode::kInvalid, "expected the name of a file"};
    };
    if (!read_scalar(*node, "faults.replay", "file", replay.file, any))
      problem(*node, "faults.replay", "the key \"file\" is missing");
    read_whole(*node, "faults.replay", "nodes", replay.nodes, 1, kReplayNodesMax);
    read_scalar(*node, "faults.replay", "codes", replay.codes, parse_bool);
    scenario_.faults.replay = std::move(replay);
  }

  Scenario scenario_;
};

/// A list in JSON: no scenario, but a trace of faults.
bool is_fault_trace(const std::string& path, std::string_view text) {
  if (!path.ends_with(".json")) return false;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '[';
}

}  // namespace

Result<Scenario> parse_scenario_file(std::string_view text, std::string_view source_name) {
  const auto root = parse_yaml(text, source_name, {.bytes_max = kScenarioFileBytesMax});
  if (!root) return root.error();
  return ScenarioFileReader(source_name).read(*root);
}

Result<Scenario> load_scenario(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code failure;
  if (fs::exists(name, failure)) {
    const auto text = read_list_file(name);
    if (!text) return text.error();
    if (is_fault_trace(name, *text)) {
      Scenario replay;
      replay.name = fs::path(name).stem().string();
      replay.faults.replay = FaultReplay{name, kReplayNodesDefault};
      return replay;
    }
    auto scenario = parse_scenario_file(*text, name);
    if (scenario && scenario->faults.replay) {
      std::string& file = scenario->faults.replay->file;
      file = (fs::path(name).parent_path() / file).string();
    }
    return scenario;
  }
  if (const EmbeddedFile* built_in = find_embedded(kEmbeddedScenarios, name)) {
    return parse_scenario_file(built_in->text, name + ".yaml");
  }
  std::vector<std::string_view> names;
  for (const EmbeddedFile& file : kEmbeddedScenarios) names.push_back(file.name);
  const std::string_view meant = closest(name, names);
  return Error{
      ErrorCode::kNotFound,
      fmt::format("there is no file and no built-in scenario {}{} Built in: {}", in_quotes(name),
                  meant.empty() ? "." : fmt::format("; did you mean \"{}\"?", meant),
                  fmt::join(names, ", "))};
}

}  // namespace mw
