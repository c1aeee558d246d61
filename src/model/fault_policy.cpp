#include "model/fault_policy.h"

#include <algorithm>

namespace mw {

const FaultRule* rule_for(const FaultPolicy& policy, std::string_view code) {
  const auto find = [&](std::string_view wanted) -> const FaultRule* {
    const auto at = std::lower_bound(
        policy.rules.begin(), policy.rules.end(), wanted,
        [](const FaultRule& rule, std::string_view text) { return rule.code < text; });
    return at != policy.rules.end() && at->code == wanted ? &*at : nullptr;
  };
  if (const FaultRule* exact = find(code)) return exact;
  for (std::size_t dot = code.rfind('.'); dot != std::string_view::npos && dot > 0;
       dot = code.rfind('.', dot - 1)) {
    const std::string pattern = std::string(code.substr(0, dot + 1)) + "*";
    if (const FaultRule* rule = find(pattern)) return rule;
  }
  return find("*");
}

const FaultHook* hook_for(const FaultPolicy& policy, FaultAction action) {
  for (const FaultHook& hook : policy.hooks) {
    if (hook.action == action) return &hook;
  }
  return nullptr;
}

bool is_for_engine(const FaultHook& hook) {
  return hook.command.size() == 1 && hook.command.front() == kEngineItself;
}

bool needs_hook(FaultAction action) {
  return action == FaultAction::kResetAccelerator || action == FaultAction::kReboot ||
         action == FaultAction::kReturnToVendor || action == FaultAction::kValidate;
}

const CheckRules& check_rules(const FaultPolicy& policy) {
  static const CheckRules kNone;
  return policy.checks ? *policy.checks : kNone;
}

bool checks_idle_nodes(const FaultPolicy& policy) {
  const CheckRules& rules = check_rules(policy);
  return rules.every.count() > 0 && has_program(rules, CheckMoment::kIdle);
}

bool proves_nodes(const FaultPolicy& policy) {
  return hook_for(policy, FaultAction::kValidate) != nullptr ||
         has_program(check_rules(policy), CheckMoment::kEntry);
}

bool can_be_done(const FaultPolicy& policy, FaultAction action) {
  if (action == FaultAction::kValidate) return proves_nodes(policy);
  return !needs_hook(action) || hook_for(policy, action) != nullptr;
}

std::string fault_of(const FaultPolicy& policy) {
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const FaultRule& rule = policy.rules[i];
    if (rule.code.empty()) return "a rule has no code";
    if (i > 0 && !(policy.rules[i - 1].code < rule.code)) {
      return "rule " + rule.code + " is there twice, or not in its place";
    }
    if (rule.steps.empty()) return "rule " + rule.code + " says nothing to be done";
    for (const FaultStep& step : rule.steps) {
      if (step.count == 0) return "rule " + rule.code + " has a step after 0 times";
    }
  }
  for (std::size_t i = 0; i < policy.hooks.size(); ++i) {
    const FaultHook& hook = policy.hooks[i];
    const std::string name(name_of(hook.action));
    if (!needs_hook(hook.action)) return "nothing is run for action " + name;
    if (hook.command.empty()) return "the hook of " + name + " has no command";
    if (i > 0 && !(policy.hooks[i - 1].action < hook.action)) {
      return "the hook of " + name + " is there twice, or not in its place";
    }
    if (hook.timeout.count() <= 0) return "the hook of " + name + " has no time";
  }
  for (std::size_t i = 0; i < policy.breakers.size(); ++i) {
    const BreakerRule& rule = policy.breakers[i];
    const std::string name(name_of(rule.level));
    if (rule.percent > 100) return "breaker " + name + " allows more than 100%";
    if (rule.window.count() <= 0) return "breaker " + name + " has no window";
    if (i > 0 && !(policy.breakers[i - 1].level < rule.level)) {
      return "breaker " + name + " is there twice, or not in its place";
    }
  }
  if (std::string fault = fault_of(check_rules(policy)); !fault.empty()) return fault;
  if (policy.crash_loops &&
      (policy.crash_loops->failures < 2 || policy.crash_loops->node_jobs < 2)) {
    return "a crash loop takes two failures, and two jobs of a node";
  }
  if (policy.stragglers && policy.stragglers->ranks_min < 3) {
    return "to compare ranks takes three of them";
  }
  const bool negative = policy.merge_within < Duration() || policy.stale_after <= Duration() ||
                        policy.watch_for <= Duration() || policy.drain_deadline < Duration() ||
                        policy.silence < Duration();
  return negative ? "a time is negative, or 0 where it may not be" : "";
}

}  // namespace mw
