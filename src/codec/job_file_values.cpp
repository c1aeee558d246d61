#include "codec/job_file_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/job_file.h"
#include "codec/suggest.h"
#include "codec/units.h"

namespace mw {
namespace {

/// What other systems, and hurried people, call our keys.
struct OtherName {
  std::string_view theirs;
  std::string_view ours;
};
constexpr std::array<OtherName, 41> kOtherNames = {{
    {"cmd", "command"},
    {"args", "command"},
    {"run", "script"},
    {"ntasks", "tasks"},
    {"ranks", "tasks"},
    {"replicas", "tasks"},
    {"num_nodes", "nodes"},
    {"accelerators", "resources.accelerators"},
    {"gpu", "resources.accelerators"},
    {"gpus", "resources.accelerators"},
    {"gres", "resources.accelerators"},
    {"cpu", "resources.cpus"},
    {"cpus", "resources.cpus"},
    {"cpus_per_task", "resources.cpus"},
    {"cores", "resources.cpus"},
    {"memory", "resources.memory"},
    {"mem", "resources.memory"},
    {"accelerator_type", "resources.accelerator_type"},
    {"type", "resources.accelerator_type"},
    {"env", "environment"},
    {"chdir", "workdir"},
    {"cwd", "workdir"},
    {"time", "time_limit"},
    {"timeout", "time_limit"},
    {"walltime", "time_limit"},
    {"retries", "restart.limit"},
    {"account", "tenant"},
    {"job_name", "name"},
    {"min_tasks", "tasks_min"},
    {"tasks_max", "tasks"},
    {"site", "where.sites"},
    {"sites", "where.sites"},
    {"region", "where.sites"},
    {"jurisdiction", "where.jurisdictions"},
    {"jurisdictions", "where.jurisdictions"},
    {"qos", "priority_class"},
    {"prio", "priority"},
    {"class", "priority_class"},
    {"begin", "not_before"},
    {"dependency", "after"},
    {"depends_on", "after"},
}};

Error expected(std::string_view what) {
  return {ErrorCode::kInvalid, fmt::format("expected {}", what)};
}

}  // namespace

bool is_variable_name(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= 256 && is_letter(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}
bool has_control_character(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Result<std::string> parse_accelerator_type(std::string_view text) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (text.size() <= 128 && std::ranges::all_of(text, printable)) return std::string(text);
  return expected("at most 128 printable ASCII characters");
}
Result<AcceleratorShare> parse_accelerators(std::string_view text) {
  const auto value = parse_thousandths(text, 0, kAcceleratorsPerTaskMax);
  if (value && (*value < 1000 || *value % 1000 == 0)) return AcceleratorShare(*value);
  return expected(
      fmt::format("a whole number from 0 to {}, or a part of one accelerator such as "
                  "0.5, with at most three decimals",
                  kAcceleratorsPerTaskMax));
}
Result<CpuShare> parse_cpus(std::string_view text) {
  const auto value = parse_thousandths(text, 0, kCpusPerTaskMax);
  if (!value) return value.error();
  return CpuShare(*value);
}

std::string_view what_was_meant(std::string_view key, std::string_view group,
                                std::span<const std::string_view> allowed) {
  const auto* other = std::ranges::find(kOtherNames, key, &OtherName::theirs);
  if (other == kOtherNames.end()) return closest(key, allowed);
  // A further group of a gang has the keys of the job's own one.
  if (group.starts_with("groups[")) {
    const std::size_t end = group.find("].");
    group = end == std::string_view::npos ? std::string_view() : group.substr(end + 2);
  }
  const bool inside = !group.empty() && other->ours.starts_with(group);
  return inside ? other->ours.substr(group.size() + 1) : other->ours;
}

}  // namespace mw
