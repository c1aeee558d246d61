#include "model/check.h"

#include <algorithm>
#include <set>

namespace mw {
namespace {

constexpr std::uint32_t kPercentMax = 100;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

/// Three digits of `value` / `scale`: "7.91", "79.1", "791".
std::string three_digits(std::uint64_t value, std::uint64_t scale) {
  const std::uint64_t whole = value / scale;
  const std::uint64_t places = whole < 10 ? 2 : whole < 100 ? 1 : 0;
  const std::uint64_t unit = places == 2 ? scale / 100 : places == 1 ? scale / 10 : scale;
  if (scale == 1 || unit == 0) return std::to_string(value);
  std::uint64_t digits = (value + unit / 2) / unit;  // in 1/100, 1/10 or 1
  if (places == 0) return std::to_string(digits);
  const std::uint64_t base = places == 2 ? 100 : 10;
  std::string fraction = std::to_string(digits % base);
  if (places == 2 && fraction.size() == 1) fraction.insert(0, 1, '0');
  std::string text = std::to_string(digits / base) + "." + fraction;
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string fault_of(const CheckProgram& program) {
  if (program.command.empty()) return "the check " + program.name + " has no command";
  if (program.timeout.count() <= 0) return "the check " + program.name + " has no time";
  if (!program.on_entry && !program.on_idle) return "the check " + program.name + " never runs";
  return "";
}

}  // namespace

std::string measure_text(std::int64_t value, std::string_view unit) {
  const bool negative = value < 0;
  const std::uint64_t size = negative ? std::uint64_t{0} - static_cast<std::uint64_t>(value)
                                      : static_cast<std::uint64_t>(value);
  const std::string sign = negative ? "-" : "";
  if (unit == "ns") {
    static constexpr std::array<std::string_view, 4> kNames = {"ns", "us", "ms", "s"};
    std::uint64_t scale = 1;
    std::size_t step = 0;
    for (; step + 1 < kNames.size() && size / scale >= 1000; ++step) scale *= 1000;
    return sign + three_digits(size, scale) + " " + std::string(kNames[step]);
  }
  if (unit.empty()) return sign + std::to_string(size);
  static constexpr std::array<std::string_view, 7> kPrefixes = {"", "k", "M", "G", "T", "P", "E"};
  std::uint64_t scale = 1;
  std::size_t step = 0;
  for (; step + 1 < kPrefixes.size() && size / scale >= 1000; ++step) scale *= 1000;
  return sign + three_digits(size, scale) + " " + std::string(kPrefixes[step]) + std::string(unit);
}

std::uint32_t nodes_at_once(const CheckRoom& room, std::uint32_t nodes) {
  return std::max(room.at_least,
                  static_cast<std::uint32_t>(std::uint64_t{nodes} * room.percent / kPercentMax));
}

bool has_program(const CheckRules& rules, CheckMoment moment) {
  return std::any_of(rules.programs.begin(), rules.programs.end(), [&](const CheckProgram& each) {
    return moment == CheckMoment::kEntry ? each.on_entry : each.on_idle;
  });
}

std::string fault_of(const CheckRules& rules) {
  std::set<std::string> names;
  for (const CheckProgram& program : rules.programs) {
    if (!is_measure_name(program.name)) return "a check has no name that can be used";
    if (!names.insert(program.name).second) return "the check " + program.name + " is there twice";
    if (std::string fault = fault_of(program); !fault.empty()) return fault;
  }
  if (rules.entering.percent > kPercentMax || rules.idle.percent > kPercentMax ||
      rules.slow_percent > kPercentMax) {
    return "the checks have a share of more than 100%";
  }
  if (rules.entering.percent == 0 && rules.entering.at_least == 0) {
    return "no node may ever be proven when it joins";
  }
  if (rules.every < Duration() || rules.idle_for < Duration())
    return "a time of checks is negative";
  if (rules.pool_min < kPoolMin) return "a pool of fewer than 8 others says nothing of a node";
  return "";
}

bool is_measure_name(std::string_view name) {
  return !name.empty() && name.size() <= kMeasureNameBytesMax &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

}  // namespace mw
