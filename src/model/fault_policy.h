// What is done about which fault: a table that people write (docs/faults.md) and that is changed
// while the control plane runs. The rules are in order of their codes, so that one is found by
// search; the most exact one counts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "model/check.h"
#include "model/fault.h"
#include "model/job.h"
#include "model/node_phase.h"
#include "model/resilience.h"

namespace mw {

/// What is done once a fault has happened `count` times within `within`.
struct FaultStep {
  FaultAction action = FaultAction::kIgnore;
  std::uint32_t count = 1;
  Duration within{};                 ///< 0: however long it took
  std::optional<DrainMode> drain{};  ///< how work leaves; none: as the action does by itself
  bool operator==(const FaultStep&) const = default;
  MW_FIELDS(action, count, within, drain)
};

struct FaultRule {
  std::string code;  ///< exact, or all that begin so: "nvidia.xid.*", "*"
  FaultyPart component = FaultyPart::kUnknown;
  FaultSeverity severity = FaultSeverity::kWarning;
  FaultReach scope = FaultReach::kNode;
  std::string what{};    ///< in words
  std::string advice{};  ///< what its maker recommends
  std::string source{};  ///< of the advice
  std::vector<FaultStep> steps{};
  bool operator==(const FaultRule&) const = default;
  MW_FIELDS(code, component, severity, scope, what, advice, source, steps)
};

/// A program that carries an action out: arguments, never a line for a shell.
struct FaultHook {
  FaultAction action = FaultAction::kReboot;
  std::vector<std::string> command;
  Duration timeout = minutes(10);
  std::uint32_t retries = 0;
  std::vector<EnvironmentVariable> environment{};  ///< sorted by name
  bool operator==(const FaultHook&) const = default;
  MW_FIELDS(action, command, timeout, retries, environment)
};

/// What a breaker watches over.
enum class BreakerLevel : std::uint8_t { kRack, kLeaf, kPod, kSite };
template <>
struct EnumNames<BreakerLevel> {
  static constexpr std::array<std::string_view, 4> value = {"rack", "leaf", "pod", "site"};
};

/// No more nodes than this are taken out of service by themselves within `window`; the next one
/// stops all such action there, until a person says otherwise.
struct BreakerRule {
  BreakerLevel level = BreakerLevel::kSite;
  std::uint32_t percent = 5;
  std::uint32_t at_least = 1;  ///< so many are always allowed
  Duration window = hours(1);
  bool operator==(const BreakerRule&) const = default;
  MW_FIELDS(level, percent, at_least, window)
};

/// In place of a program's path: the engine does it by its own means.
inline constexpr std::string_view kEngineItself = "engine";
/// The engine itself is to do it, and no program.
bool is_for_engine(const FaultHook& hook);

struct FaultPolicy {
  std::string name;
  std::vector<FaultRule> rules;         ///< by code
  std::vector<FaultHook> hooks{};       ///< by action
  std::vector<BreakerRule> breakers{};  ///< by level
  /// A second source that tells of a fault within this time tells of the same occurrence.
  Duration merge_within = seconds(5);
  Duration stale_after = minutes(15);     ///< what happened longer ago is history, and not acted on
  Duration watch_for = minutes(30);       ///< a suspect node without further faults is ready again
  Duration drain_deadline = minutes(10);  ///< for work that was asked to save and leave
  /// A job that reported progress and then nothing for so long hangs; 0: never.
  Duration silence{};
  /// And for so many times its own mean interval of reports; none: that does not matter.
  std::optional<std::uint32_t> silence_intervals{};
  std::optional<CheckRules> checks{};           ///< none: as CheckRules says by itself
  std::optional<CrashLoopRules> crash_loops{};  ///< none: they are not looked for; likewise these
  std::optional<StragglerRules> stragglers{};
  std::optional<LemonRules> lemons{};
  bool operator==(const FaultPolicy&) const = default;
  MW_FIELDS(name, rules, hooks, breakers, merge_within, stale_after, watch_for, drain_deadline,
            silence, silence_intervals, checks, crash_loops, stragglers, lemons)
};

/// The rules of checks that hold.
const CheckRules& check_rules(const FaultPolicy& policy);
/// Whether nodes are checked while they are idle.
bool checks_idle_nodes(const FaultPolicy& policy);
/// Whether anything proves nodes: the program for kValidate, or a check.
bool proves_nodes(const FaultPolicy& policy);
/// Whether the action can be carried out without a person.
bool can_be_done(const FaultPolicy& policy, FaultAction action);

/// The rule that counts for a code; null: none does.
const FaultRule* rule_for(const FaultPolicy& policy, std::string_view code);
/// The program that carries the action out; null: there is none.
const FaultHook* hook_for(const FaultPolicy& policy, FaultAction action);
/// Whether the action is carried out by a program.
bool needs_hook(FaultAction action);
/// What keeps the policy from being used, for people; empty: nothing.
std::string fault_of(const FaultPolicy& policy);

}  // namespace mw
