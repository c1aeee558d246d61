#include "codec/fault_policy_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <vector>

#include "codec/fault_policy_programs.h"
#include "codec/resilience_text.h"
#include "codec/suggest.h"
#include "codec/units.h"
#include "codec/yaml_reader.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 15> kKeys = {
    "name",    "merge_within",      "stale_after", "watch_for",  "drain_deadline",
    "silence", "breakers",          "hooks",       "checks",     "sources",
    "rules",   "silence_intervals", "crash_loops", "stragglers", "lemons"};
constexpr std::array<std::string_view, 4> kCrashLoopKeys = {"failures", "over", "node_jobs",
                                                            "node_within"};
constexpr std::array<std::string_view, 4> kStragglerKeys = {"ranks_min", "slower", "deviations",
                                                            "rounds"};
constexpr std::array<std::string_view, 3> kLemonKeys = {"over", "incidents_min", "false_alarms"};
constexpr std::array<std::string_view, 8> kRuleKeys = {"code", "component", "severity", "scope",
                                                       "what", "advice",    "source",   "do"};
constexpr std::array<std::string_view, 4> kStepKeys = {"action", "count", "within", "drain"};
constexpr std::array<std::string_view, 4> kHookKeys = {"command", "timeout", "retries",
                                                       "environment"};
constexpr std::array<std::string_view, 3> kBreakerKeys = {"share", "at_least", "window"};
constexpr Duration kDurationMax = hours(24 * 366);
constexpr std::int64_t kCountMax = 1'000'000;
constexpr std::int64_t kRetriesMax = 20;
constexpr std::int64_t kNodeJobsMax = 8;    // as many as the core remembers of a node
constexpr std::int64_t kIncidentsMax = 32;  // likewise
constexpr std::size_t kTextBytesMax = 1000;

/// One of the names of an enum.
template <class E>
Result<E> parse_enum(std::string_view text) {
  if (const auto value = enum_from_name<E>(text)) return *value;
  const auto& names = EnumNames<E>::value;
  const std::string_view meant = closest(text, names);
  return Error{ErrorCode::kInvalid,
               fmt::format("expected one of {}{}", fmt::join(names, ", "),
                           meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant))};
}

Result<std::string> parse_line(std::string_view text) {
  const bool clean = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  if (clean && text.size() <= kTextBytesMax) return std::string(text);
  return Error{ErrorCode::kInvalid,
               fmt::format("expected one line of up to {} bytes", kTextBytesMax)};
}

/// A code, or all that begin with one: "nvidia.xid.*", "*".
Result<std::string> parse_pattern(std::string_view text) {
  if (text == "*") return std::string(text);
  if (text.ends_with(".*")) {
    if (parse_fault_code(text.substr(0, text.size() - 2))) return std::string(text);
  } else if (parse_fault_code(text)) {
    return std::string(text);
  }
  return Error{ErrorCode::kInvalid,
               "expected a code such as nvidia.xid.79, or all that begin with one: nvidia.xid.*"};
}

class FaultPolicyReader : private YamlReader {
 public:
  explicit FaultPolicyReader(std::string_view source_name) : YamlReader(source_name) {}

  Result<FaultPolicy> read(const YamlNode& root) {
    if (!is_map(root, "", "\"name: my-faults\"")) return failure();
    check_keys(root, "", kKeys);
    read_scalar(root, "", "name", policy_.name, parse_name);
    read_duration(root, "", "merge_within", policy_.merge_within, kDurationMax);
    read_time(root, "", "stale_after", policy_.stale_after);
    read_time(root, "", "watch_for", policy_.watch_for);
    read_duration(root, "", "drain_deadline", policy_.drain_deadline, kDurationMax);
    read_duration(root, "", "silence", policy_.silence, kDurationMax);
    read_finding(root);
    read_breakers(root);
    read_hooks(root);
    policy_.checks = fault_file::read_checks(*this, root);
    read_sources(root);
    const std::span<const YamlNode> rules =
        list(root, "", "rules", "\"- {code: nvidia.xid.79, do: reboot}\"");
    if (rules.size() > kFaultRulesMax) {
      problem(*root.find("rules"), "rules",
              fmt::format("expected at most {} rules, found {}", kFaultRulesMax, rules.size()));
      return failure();
    }
    for (std::size_t i = 0; i < rules.size(); ++i) read_rule(rules[i], i);
    if (!good()) return failure();
    std::sort(policy_.rules.begin(), policy_.rules.end(),
              [](const FaultRule& a, const FaultRule& b) { return a.code < b.code; });
    return std::move(policy_);
  }

 private:
  /// A duration that is not 0.
  void read_time(const YamlNode& map, std::string_view group, std::string_view key,
                 Duration& field) {
    read_scalar(map, group, key, field, [](std::string_view text) {
      return parse_duration(text, seconds(1), kDurationMax);
    });
  }
  template <class E>
  void read_enum(const YamlNode& map, std::string_view group, std::string_view key, E& field) {
    read_scalar(map, group, key, field, parse_enum<E>);
  }

  void read_breakers(const YamlNode& root) {
    const YamlNode* breakers = group(root, "breakers", "\"site: {share: 5%}\"");
    if (breakers == nullptr) return;
    for (std::size_t i = 0; i < breakers->keys.size(); ++i) {
      const auto level = parse_enum<BreakerLevel>(breakers->keys[i]);
      const std::string at = path("breakers", breakers->keys[i]);
      if (!level) {
        problem(breakers->key_positions[i], "breakers",
                fmt::format("{}, found \"{}\"", level.error().message, breakers->keys[i]));
        continue;
      }
      const YamlNode& node = breakers->children[i];
      if (!is_map(node, at, "\"share: 5%\"")) continue;
      check_keys(node, at, kBreakerKeys);
      BreakerRule rule;
      rule.level = *level;
      read_scalar(node, at, "share", rule.percent,
                  [](std::string_view text) { return parse_percent(text, 0, 100); });
      read_whole(node, at, "at_least", rule.at_least, 0, kCountMax);
      read_time(node, at, "window", rule.window);
      policy_.breakers.push_back(rule);
    }
    std::sort(policy_.breakers.begin(), policy_.breakers.end(),
              [](const BreakerRule& a, const BreakerRule& b) { return a.level < b.level; });
  }

  /// What is looked for; a key that is not there means that it is not.
  void read_finding(const YamlNode& root) {
    read_whole(root, "", "silence_intervals", policy_.silence_intervals, 1, kCountMax);
    if (const YamlNode* node = group(root, "crash_loops", "\"failures: 4\"")) {
      check_keys(*node, "crash_loops", kCrashLoopKeys);
      CrashLoopRules& rules = policy_.crash_loops.emplace();
      read_whole(*node, "crash_loops", "failures", rules.failures, 2, kCountMax);
      read_duration(*node, "crash_loops", "over", rules.over, kDurationMax);
      read_whole(*node, "crash_loops", "node_jobs", rules.node_jobs, 2, kNodeJobsMax);
      read_time(*node, "crash_loops", "node_within", rules.node_within);
    }
    if (const YamlNode* node = group(root, "stragglers", "\"slower: 3%\"")) {
      check_keys(*node, "stragglers", kStragglerKeys);
      StragglerRules& rules = policy_.stragglers.emplace();
      read_whole(*node, "stragglers", "ranks_min", rules.ranks_min, 3, kCountMax);
      read_scalar(*node, "stragglers", "slower", rules.slower_permille,
                  [](std::string_view text) -> Result<std::uint32_t> {
                    const auto ppm = parse_ppm(text);
                    return ppm ? Result<std::uint32_t>(*ppm / 1000) : ppm;
                  });
      read_whole(*node, "stragglers", "deviations", rules.deviations, 1, 1000);
      read_whole(*node, "stragglers", "rounds", rules.rounds, 1, 1000);
    }
    if (const YamlNode* node = group(root, "lemons", "\"over: 28d\"")) {
      check_keys(*node, "lemons", kLemonKeys);
      LemonRules& rules = policy_.lemons.emplace();
      read_time(*node, "lemons", "over", rules.over);
      read_whole(*node, "lemons", "incidents_min", rules.incidents_min, 1, kIncidentsMax);
      read_scalar(*node, "lemons", "false_alarms", rules.false_alarms_ppm, parse_ppm);
    }
  }

  void read_hooks(const YamlNode& root) {
    const YamlNode* hooks = group(root, "hooks", "\"reboot: {command: [/usr/local/bin/reboot]}\"");
    if (hooks == nullptr) return;
    for (std::size_t i = 0; i < hooks->keys.size(); ++i) {
      const auto action = parse_enum<FaultAction>(hooks->keys[i]);
      const std::string at = path("hooks", hooks->keys[i]);
      if (!action || !needs_hook(*action)) {
        problem(hooks->key_positions[i], "hooks",
                fmt::format("expected validate, reset_accelerator, reboot or return_to_vendor, "
                            "found \"{}\"",
                            hooks->keys[i]));
        continue;
      }
      const YamlNode& node = hooks->children[i];
      if (!is_map(node, at, "\"command: [/usr/local/bin/reboot]\"")) continue;
      check_keys(node, at, kHookKeys);
      FaultHook hook;
      hook.action = *action;
      fault_file::read_hook_command(*this, node, at, hook);
      read_time(node, at, "timeout", hook.timeout);
      read_whole(node, at, "retries", hook.retries, 0, kRetriesMax);
      fault_file::read_environment(*this, node, at, hook.environment);
      policy_.hooks.push_back(std::move(hook));
    }
    std::sort(policy_.hooks.begin(), policy_.hooks.end(),
              [](const FaultHook& a, const FaultHook& b) { return a.action < b.action; });
  }

  void read_sources(const YamlNode& root) {
    const YamlNode* map = group(root, "sources", "\"xid: https://docs.nvidia.com/\"");
    if (map == nullptr) return;
    for (std::size_t i = 0; i < map->keys.size(); ++i) {
      read_scalar(*map, "sources", map->keys[i], sources_[map->keys[i]], parse_line);
    }
  }

  void read_rule(const YamlNode& node, std::size_t index) {
    const std::string at = fmt::format("rules[{}]", index);
    if (!is_map(node, at, "\"code: nvidia.xid.79\"")) return;
    check_keys(node, at, kRuleKeys);
    FaultRule rule;
    if (!read_scalar(node, at, "code", rule.code, parse_pattern)) {
      problem(node, path(at, "code"), "expected the code that the rule is for, found nothing");
      return;
    }
    read_enum(node, at, "component", rule.component);
    read_enum(node, at, "severity", rule.severity);
    read_enum(node, at, "scope", rule.scope);
    read_scalar(node, at, "what", rule.what, parse_line);
    read_scalar(node, at, "advice", rule.advice, parse_line);
    read_scalar(node, at, "source", rule.source, parse_line);
    if (const auto known = sources_.find(rule.source); known != sources_.end()) {
      rule.source = known->second;
    }
    read_steps(node, at, rule);
    const auto [known, is_new] = codes_.emplace(rule.code, at);
    if (!is_new) {
      problem(*node.find("code"), path(at, "code"),
              fmt::format("the code {} is there twice: also in {}", rule.code, known->second));
    }
    policy_.rules.push_back(std::move(rule));
  }

  void read_steps(const YamlNode& node, const std::string& at, FaultRule& rule) {
    const YamlNode* steps = node.find("do");
    const std::string where = path(at, "do");
    if (steps == nullptr) {
      problem(node, where, "expected an action such as reboot, or a list of steps, found nothing");
      return;
    }
    if (steps->kind != YamlNode::Kind::kList) return read_step(*steps, where, rule);
    if (steps->children.empty() || steps->children.size() > kFaultStepsMax) {
      problem(
          *steps, where,
          fmt::format("expected 1 to {} steps, found {}", kFaultStepsMax, steps->children.size()));
      return;
    }
    for (const YamlNode& step : steps->children) read_step(step, where, rule);
  }

  void read_step(const YamlNode& node, const std::string& at, FaultRule& rule) {
    FaultStep step;
    if (node.kind == YamlNode::Kind::kScalar) {
      const auto action = parse_enum<FaultAction>(node.text);
      if (action) {
        step.action = *action;
      } else {
        problem(node, at, fmt::format("{}, found {}", action.error().message, describe(node)));
      }
    } else if (is_map(node, at, "\"action: drain\"")) {
      check_keys(node, at, kStepKeys);
      if (node.find("action") == nullptr) problem(node, at, "expected an action, found none");
      read_enum(node, at, "action", step.action);
      read_whole(node, at, "count", step.count, 1, kCountMax);
      read_duration(node, at, "within", step.within, kDurationMax);
      DrainMode mode = DrainMode::kWait;
      if (read_scalar(node, at, "drain", mode, parse_enum<DrainMode>)) step.drain = mode;
    }
    rule.steps.push_back(step);
  }

  FaultPolicy policy_;
  std::map<std::string, std::string> sources_;
  std::map<std::string, std::string> codes_;  ///< by code: where it stands
};

boost::json::string text_of(std::string_view text) {
  return boost::json::string(text.data(), text.size());
}

void write_finding(const FaultPolicy& policy, boost::json::object& file) {
  if (policy.silence_intervals) file["silence_intervals"] = *policy.silence_intervals;
  if (const auto& rules = policy.crash_loops) {
    file["crash_loops"] = {{"failures", rules->failures},
                           {"over", write_duration(rules->over)},
                           {"node_jobs", rules->node_jobs},
                           {"node_within", write_duration(rules->node_within)}};
  }
  if (const auto& rules = policy.stragglers) {
    file["stragglers"] = {{"ranks_min", rules->ranks_min},
                          {"slower", write_ppm(rules->slower_permille * 1000)},
                          {"deviations", rules->deviations},
                          {"rounds", rules->rounds}};
  }
  if (const auto& rules = policy.lemons) {
    file["lemons"] = {{"over", write_duration(rules->over)},
                      {"incidents_min", rules->incidents_min},
                      {"false_alarms", write_ppm(rules->false_alarms_ppm)}};
  }
}

boost::json::object write_step(const FaultStep& step) {
  boost::json::object out{{"action", text_of(name_of(step.action))}, {"count", step.count}};
  if (step.within.count() > 0) out["within"] = write_duration(step.within);
  if (step.drain) out["drain"] = text_of(name_of(*step.drain));
  return out;
}

}  // namespace

Result<std::string> parse_fault_code(std::string_view text) {
  bool good = !text.empty() && text.size() <= kFaultCodeBytesMax && text.front() != '.' &&
              text.back() != '.' && text.find("..") == std::string_view::npos;
  for (const char c : text) {
    good = good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.');
  }
  if (good) return std::string(text);
  return Error{ErrorCode::kInvalid,
               fmt::format("expected a code such as nvidia.xid.79: up to {} letters, digits, \"_\" "
                           "and \"-\", with dots between",
                           kFaultCodeBytesMax)};
}

Result<FaultPolicy> parse_fault_policy(std::string_view text, std::string_view source_name) {
  const auto root = parse_yaml(text, source_name, {.bytes_max = kFaultPolicyBytesMax});
  if (!root) return root.error();
  return FaultPolicyReader(source_name).read(*root);
}

std::string write_fault_policy(const FaultPolicy& policy) {
  boost::json::object breakers;
  for (const BreakerRule& rule : policy.breakers) {
    breakers[text_of(name_of(rule.level))] = {{"share", fmt::format("{}%", rule.percent)},
                                              {"at_least", rule.at_least},
                                              {"window", write_duration(rule.window)}};
  }
  boost::json::object hooks;
  for (const FaultHook& hook : policy.hooks) {
    const bool by_engine = is_for_engine(hook);
    hooks[text_of(name_of(hook.action))] = {
        {"command", by_engine ? boost::json::value(text_of(kEngineItself))
                              : boost::json::value(fault_file::write_command(hook.command))},
        {"timeout", write_duration(hook.timeout)},
        {"retries", hook.retries},
        {"environment", fault_file::write_environment(hook.environment)}};
  }
  boost::json::array rules;
  for (const FaultRule& rule : policy.rules) {
    boost::json::array steps;
    for (const FaultStep& step : rule.steps) steps.emplace_back(write_step(step));
    rules.emplace_back(boost::json::object{{"code", rule.code},
                                           {"component", text_of(name_of(rule.component))},
                                           {"severity", text_of(name_of(rule.severity))},
                                           {"scope", text_of(name_of(rule.scope))},
                                           {"what", rule.what},
                                           {"advice", rule.advice},
                                           {"source", rule.source},
                                           {"do", std::move(steps)}});
  }
  boost::json::object file{{"merge_within", write_duration(policy.merge_within)},
                           {"stale_after", write_duration(policy.stale_after)},
                           {"watch_for", write_duration(policy.watch_for)},
                           {"drain_deadline", write_duration(policy.drain_deadline)},
                           {"silence", write_duration(policy.silence)},
                           {"breakers", std::move(breakers)},
                           {"hooks", std::move(hooks)},
                           {"rules", std::move(rules)}};
  if (!policy.name.empty()) file["name"] = policy.name;
  if (policy.checks) file["checks"] = fault_file::write_checks(*policy.checks);
  write_finding(policy, file);
  return boost::json::serialize(file);
}

}  // namespace mw
