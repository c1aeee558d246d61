// Checks: programs that prove a node, before it serves and while it is idle. What they measure is
// kept as whole numbers of a unit that the measure names, so that nodes can be compared exactly.
// Which programs there are, when they run and on how many nodes at once is a part of the fault
// policy (docs/checks.md).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "model/job.h"

namespace mw {

/// When a node is checked.
enum class CheckMoment : std::uint8_t {
  kEntry,  ///< before it serves: nothing runs there, and nothing may
  kIdle,   ///< in service with nothing to do: given up at once when a job comes
};
template <>
struct EnumNames<CheckMoment> {
  static constexpr std::array<std::string_view, 2> value = {"entry", "idle"};
};

enum class CheckOutcome : std::uint8_t {
  kPassed,
  kFailed,
  kUnable,   ///< it could not be run, so nothing is known
  kStopped,  ///< the node was wanted for something else; what was measured does not count
};
template <>
struct EnumNames<CheckOutcome> {
  static constexpr std::array<std::string_view, 4> value = {"passed", "failed", "unable",
                                                            "stopped"};
};

/// Which of two values of a measure is the better one.
enum class BetterValue : std::uint8_t {
  kNeither,  ///< it is a fact, and not compared
  kHigher,
  kLower,
};
template <>
struct EnumNames<BetterValue> {
  static constexpr std::array<std::string_view, 3> value = {"neither", "higher", "lower"};
};

/// The first argument of a command that stands for the program itself, whatever its path.
inline constexpr std::string_view kOwnProgram = "mw";
/// Fewer others than that say nothing of a node, whatever the rules.
inline constexpr std::uint32_t kPoolMin = 8;
inline constexpr std::size_t kMeasuresMax = 64;          ///< of one check
inline constexpr std::size_t kMeasureNameBytesMax = 64;  /// of a name, and of a unit

struct Measure {
  std::string name;        ///< "memory.copy": letters, digits, `.`, `_` and `-`
  std::int64_t value = 0;  ///< in `unit`
  std::string unit;        ///< "B/s", "FLOP/s", "ns"; empty: a number of things
  BetterValue better = BetterValue::kNeither;
  bool operator==(const Measure&) const = default;
  MW_FIELDS(name, value, unit, better)
};

struct CheckResult {
  CheckOutcome outcome = CheckOutcome::kUnable;
  std::vector<Measure> measures{};
  bool operator==(const CheckResult&) const = default;
  MW_FIELDS(outcome, measures)
};

/// "7.91 GB/s": three digits, with the unit's decimal prefix; durations of "ns" likewise ("4.2
/// ms").
std::string measure_text(std::int64_t value, std::string_view unit);

/// A program that proves something of a node: arguments, never a line for a shell.
struct CheckProgram {
  std::string name;
  std::vector<std::string> command;
  Duration timeout = minutes(10);
  std::vector<EnvironmentVariable> environment{};  ///< sorted by name
  bool on_entry = true;
  bool on_idle = true;
  bool operator==(const CheckProgram&) const = default;
  MW_FIELDS(name, command, timeout, environment, on_entry, on_idle)
};

/// So many nodes of a site at once: a share of them, and always `at_least`.
struct CheckRoom {
  std::uint32_t percent = 0;
  std::uint32_t at_least = 1;
  bool operator==(const CheckRoom&) const = default;
  MW_FIELDS(percent, at_least)
};

/// Who is checked when. The reasons for the defaults stand in faults/default.yaml.
struct CheckRules {
  std::vector<CheckProgram> programs{};  ///< in the order in which they are run
  bool new_nodes = false;                ///< a node that joins is proven before it serves
  CheckRoom entering{25, 4};             ///< of nodes that have joined
  Duration every = hours(24 * 7);        ///< an idle node is checked again after this; 0: never
  Duration idle_for = minutes(10);       ///< not before it has been idle for so long
  CheckRoom idle{1, 1};                  ///< of nodes that are idle
  std::uint32_t slow_percent = 5;        ///< a node that is less behind its pool is not slow
  std::uint32_t pool_min = 8;            ///< with fewer others in its pool no node is called slow
  bool operator==(const CheckRules&) const = default;
  MW_FIELDS(programs, new_nodes, entering, every, idle_for, idle, slow_percent, pool_min)
};

/// How many nodes of `nodes` that is.
std::uint32_t nodes_at_once(const CheckRoom& room, std::uint32_t nodes);
/// Whether any program is run then.
bool has_program(const CheckRules& rules, CheckMoment moment);
/// What keeps the rules from being used, for people; empty: nothing.
std::string fault_of(const CheckRules& rules);
/// Whether a measure's name can be used: see Measure.
bool is_measure_name(std::string_view name);

}  // namespace mw
