#include "codec/fault_policy_programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "codec/units.h"

namespace mw::fault_file {
namespace {

constexpr std::array<std::string_view, 5> kChecksKeys = {"programs", "new_nodes", "entering",
                                                         "idle", "slow"};
constexpr std::array<std::string_view, 5> kProgramKeys = {"name", "command", "timeout",
                                                          "environment", "when"};
constexpr std::array<std::string_view, 2> kRoomKeys = {"share", "at_least"};
constexpr std::array<std::string_view, 4> kIdleKeys = {"every", "after", "share", "at_least"};
constexpr std::array<std::string_view, 2> kSlowKeys = {"behind", "pool_min"};
constexpr Duration kDurationMax = hours(24 * 366);
constexpr std::int64_t kCountMax = 1'000'000;
constexpr std::size_t kProgramsMax = 32;

Result<std::string> parse_check_name(std::string_view text) {
  if (is_measure_name(text)) return std::string(text);
  return Error{ErrorCode::kInvalid,
               fmt::format("expected a name of up to {} letters, digits, \".\", \"_\" and \"-\"",
                           kMeasureNameBytesMax)};
}

void read_room(YamlReader& reader, const YamlNode& node, const std::string& at, CheckRoom& room) {
  reader.read_scalar(node, at, "share", room.percent,
                     [](std::string_view text) { return parse_percent(text, 0, 100); });
  reader.read_whole(node, at, "at_least", room.at_least, 0, kCountMax);
}

void read_when(YamlReader& reader, const YamlNode& node, const std::string& at,
               CheckProgram& program) {
  const YamlNode* when = node.find("when");
  if (when == nullptr) return;
  program.on_entry = program.on_idle = false;
  for (const YamlNode& each : reader.list(node, at, "when", "[entry, idle]")) {
    const auto moment = enum_from_name<CheckMoment>(each.text);
    if (moment == CheckMoment::kEntry) {
      program.on_entry = true;
    } else if (moment == CheckMoment::kIdle) {
      program.on_idle = true;
    } else {
      reader.problem(each, YamlReader::path(at, "when"),
                     fmt::format("expected entry or idle, found {}", describe(each)));
    }
  }
  if (when->kind == YamlNode::Kind::kList && when->children.empty()) {
    reader.problem(*when, YamlReader::path(at, "when"),
                   "expected entry, idle or both, found nothing: it would never run");
  }
}

void read_programs(YamlReader& reader, const YamlNode& node, CheckRules& rules) {
  const auto list = reader.list(node, "checks", "programs",
                                "\"- {name: host, command: [mw, check, host, --json]}\"");
  if (list.size() > kProgramsMax) {
    reader.problem(
        *node.find("programs"), "checks.programs",
        fmt::format("expected at most {} programs, found {}", kProgramsMax, list.size()));
    return;
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = fmt::format("checks.programs[{}]", i);
    if (!reader.is_map(list[i], at, "\"name: host\"")) continue;
    reader.check_keys(list[i], at, kProgramKeys);
    CheckProgram program;
    if (!reader.read_scalar(list[i], at, "name", program.name, parse_check_name)) {
      reader.problem(list[i], YamlReader::path(at, "name"),
                     "expected the name of the check, found nothing");
    } else if (!program.name.empty() && !names.insert(program.name).second) {
      reader.problem(*list[i].find("name"), YamlReader::path(at, "name"),
                     fmt::format("the check {} is there twice", program.name));
    }
    read_command(reader, list[i], at, program.command);
    reader.read_scalar(list[i], at, "timeout", program.timeout, [](std::string_view text) {
      return parse_duration(text, seconds(1), kDurationMax);
    });
    read_environment(reader, list[i], at, program.environment);
    read_when(reader, list[i], at, program);
    rules.programs.push_back(std::move(program));
  }
}

}  // namespace

void read_command(YamlReader& reader, const YamlNode& node, const std::string& at,
                  std::vector<std::string>& into) {
  const YamlNode* command = node.find("command");
  const std::string where = YamlReader::path(at, "command");
  if (command == nullptr || command->kind != YamlNode::Kind::kList || command->children.empty()) {
    reader.problem(
        command == nullptr ? node : *command, where,
        fmt::format("expected a list of arguments such as [/usr/local/bin/reboot], which no "
                    "shell reads, found {}",
                    command == nullptr ? "nothing" : describe(*command)));
    return;
  }
  for (const YamlNode& argument : command->children) {
    if (argument.kind == YamlNode::Kind::kScalar) {
      into.push_back(argument.text);
    } else {
      reader.problem(argument, where, fmt::format("expected text, found {}", describe(argument)));
    }
  }
  if (!into.empty() && !into[0].starts_with('/') && into[0] != kOwnProgram) {
    reader.problem(command->children[0], where,
                   fmt::format("expected the path of a program, from / on, or {}, found {}",
                               kOwnProgram, describe(command->children[0])));
  }
}

void read_hook_command(YamlReader& reader, const YamlNode& node, const std::string& at,
                       FaultHook& hook) {
  const YamlNode* command = node.find("command");
  const bool by_engine = command != nullptr && command->kind == YamlNode::Kind::kScalar &&
                         command->text == kEngineItself;
  if (!by_engine) return read_command(reader, node, at, hook.command);
  hook.command = {std::string(kEngineItself)};
  const YamlNode* retries = node.find("retries");
  if (retries != nullptr && retries->text != "0") {
    reader.problem(*retries, YamlReader::path(at, "retries"),
                   "an engine tries once; leave retries out, or name a program as the command");
  }
  if (hook.action == FaultAction::kReboot) return;
  reader.problem(*command, YamlReader::path(at, "command"),
                 "expected a list of arguments: engines do nothing but reboot, found engine");
}

void read_environment(YamlReader& reader, const YamlNode& node, const std::string& at,
                      std::vector<EnvironmentVariable>& environment) {
  const YamlNode* map = reader.group(node, at, "environment", "\"BMC: 10.0.0.1\"");
  if (map == nullptr) return;
  for (std::size_t i = 0; i < map->keys.size(); ++i) {
    if (map->children[i].kind != YamlNode::Kind::kScalar ||
        map->keys[i].find('=') != std::string::npos) {
      reader.problem(
          map->children[i], YamlReader::path(at, "environment"),
          fmt::format("expected a name and its text, found {}", describe(map->children[i])));
      continue;
    }
    environment.push_back({map->keys[i], map->children[i].text});
  }
  std::sort(environment.begin(), environment.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
}

std::optional<CheckRules> read_checks(YamlReader& reader, const YamlNode& root) {
  const YamlNode* checks = reader.group(root, "checks", "\"new_nodes: true\"");
  if (checks == nullptr) return std::nullopt;
  reader.check_keys(*checks, "checks", kChecksKeys);
  CheckRules rules;
  read_programs(reader, *checks, rules);
  reader.read_scalar(*checks, "checks", "new_nodes", rules.new_nodes, parse_bool);
  if (const YamlNode* node = reader.group(*checks, "checks", "entering", "\"share: 25%\"")) {
    reader.check_keys(*node, "checks.entering", kRoomKeys);
    read_room(reader, *node, "checks.entering", rules.entering);
    if (rules.entering.percent == 0 && rules.entering.at_least == 0) {
      reader.problem(
          *node, "checks.entering",
          "expected room for one node at least, found none: no new node would ever serve");
    }
  }
  if (const YamlNode* node = reader.group(*checks, "checks", "idle", "\"every: 7d\"")) {
    reader.check_keys(*node, "checks.idle", kIdleKeys);
    reader.read_duration(*node, "checks.idle", "every", rules.every, kDurationMax);
    reader.read_duration(*node, "checks.idle", "after", rules.idle_for, kDurationMax);
    read_room(reader, *node, "checks.idle", rules.idle);
  }
  if (const YamlNode* node = reader.group(*checks, "checks", "slow", "\"behind: 5%\"")) {
    reader.check_keys(*node, "checks.slow", kSlowKeys);
    reader.read_scalar(*node, "checks.slow", "behind", rules.slow_percent,
                       [](std::string_view text) { return parse_percent(text, 0, 100); });
    reader.read_whole(*node, "checks.slow", "pool_min", rules.pool_min, kPoolMin, kCountMax);
  }
  return rules;
}

boost::json::array write_command(const std::vector<std::string>& command) {
  boost::json::array out;
  for (const std::string& argument : command) out.emplace_back(argument);
  return out;
}

boost::json::object write_environment(const std::vector<EnvironmentVariable>& environment) {
  boost::json::object out;
  for (const EnvironmentVariable& each : environment) out[each.name] = each.value;
  return out;
}

boost::json::object write_checks(const CheckRules& rules) {
  boost::json::array programs;
  for (const CheckProgram& program : rules.programs) {
    boost::json::array when;
    if (program.on_entry) when.emplace_back("entry");
    if (program.on_idle) when.emplace_back("idle");
    programs.emplace_back(
        boost::json::object{{"name", program.name},
                            {"command", write_command(program.command)},
                            {"timeout", write_duration(program.timeout)},
                            {"environment", write_environment(program.environment)},
                            {"when", std::move(when)}});
  }
  return {
      {"programs", std::move(programs)},
      {"new_nodes", rules.new_nodes},
      {"entering",
       {{"share", fmt::format("{}%", rules.entering.percent)},
        {"at_least", rules.entering.at_least}}},
      {"idle",
       {{"every", write_duration(rules.every)},
        {"after", write_duration(rules.idle_for)},
        {"share", fmt::format("{}%", rules.idle.percent)},
        {"at_least", rules.idle.at_least}}},
      {"slow", {{"behind", fmt::format("{}%", rules.slow_percent)}, {"pool_min", rules.pool_min}}}};
}

}  // namespace mw::fault_file
