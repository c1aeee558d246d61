#include "codec/job_file_placement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "codec/job_file.h"
#include "codec/job_file_values.h"
#include "codec/suggest.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 6> kKeys = {"require", "prefer",    "segment",
                                                   "spread",  "exclusive", "types"};
constexpr std::array<std::string_view, 2> kSpreadKeys = {"level", "tasks"};
constexpr const auto& kLevels = EnumNames<FabricLevel>::value;

Result<FabricLevel> parse_level(std::string_view text) {
  if (const auto level = enum_from_name<FabricLevel>(text)) return *level;
  const std::string_view meant = closest(text, kLevels);
  return Error{ErrorCode::kInvalid,
               fmt::format("expected {}{}", fmt::join(kLevels, ", "),
                           meant.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", meant))};
}

void read_types(YamlReader& reader, const YamlNode& placement, const std::string& group,
                GangShape& gang) {
  const std::string path = YamlReader::path(group, "types");
  const YamlNode* types = placement.find("types");
  if (types == nullptr) return;
  if (!reader.is_map(*types, path, "\"h100-sxm: 1\"")) return;
  if (!gang.task.accelerator_type.empty()) {
    reader.problem(*types, path,
                   "is given together with resources.accelerator_type; keep one of them");
  }
  if (types->keys.size() > kTypesMax) {
    reader.problem(
        *types, path,
        fmt::format("expected at most {} types, found {}", kTypesMax, types->keys.size()));
    return;
  }
  for (std::size_t i = 0; i < types->keys.size(); ++i) {
    TypeChoice choice;
    const auto name = parse_accelerator_type(types->keys[i]);
    if (!name || types->keys[i].empty()) {
      reader.problem(
          types->key_positions[i], path,
          "expected the name of a type of accelerator, found " + in_quotes(types->keys[i]));
      continue;
    }
    choice.type = *name;
    reader.read_scalar(*types, path, types->keys[i], choice.rate,
                       [](std::string_view text) -> Result<std::int64_t> {
                         auto rate = parse_thousandths(text, 0, kRateMax);
                         if (rate && *rate > 0) return rate;
                         return Error{ErrorCode::kInvalid,
                                      fmt::format("expected a rate above 0 and up to {}, with at "
                                                  "most three decimals",
                                                  kRateMax)};
                       });
    gang.types.push_back(std::move(choice));
  }
}

void read_spread(YamlReader& reader, const YamlNode& placement, const std::string& group,
                 GangShape& gang) {
  const std::string path = YamlReader::path(group, "spread");
  const YamlNode* spread = placement.find("spread");
  if (spread == nullptr) return;
  if (!reader.is_map(*spread, path, "\"{level: leaf, tasks: 4}\"")) return;
  reader.check_keys(*spread, path, kSpreadKeys);
  const bool level = reader.read_scalar(*spread, path, "level", gang.spread, parse_level);
  const bool tasks = reader.read_whole(*spread, path, "tasks", gang.spread_tasks, 1, kTasksMax);
  if (!level || !tasks) { reader.problem(*spread, path, "needs both level and tasks"); }
}

}  // namespace

void read_placement(YamlReader& reader, const YamlNode& map, std::string_view at, GangShape& gang) {
  const YamlNode* placement = reader.group(map, at, "placement", "\"require: pod\"");
  if (placement == nullptr) return;
  const std::string path = YamlReader::path(at, "placement");
  reader.check_keys(*placement, path, kKeys);
  reader.read_scalar(*placement, path, "require", gang.require, parse_level);
  if (reader.read_scalar(*placement, path, "prefer", gang.prefer, parse_level) &&
      gang.prefer > gang.require) {
    reader.problem(*placement->find("prefer"), YamlReader::path(path, "prefer"),
                   fmt::format("expected no wider level than require ({}), found {}",
                               name_of(gang.require), name_of(gang.prefer)));
  }
  if (reader.read_whole(*placement, path, "segment", gang.segment, 1, kTasksMax) &&
      gang.segment > 0 && gang.tasks % gang.segment != 0) {
    reader.problem(*placement->find("segment"), YamlReader::path(path, "segment"),
                   fmt::format("expected a number that divides the {} tasks evenly, found {}",
                               gang.tasks, gang.segment));
  }
  reader.read_scalar(*placement, path, "exclusive", gang.exclusive, parse_bool);
  read_spread(reader, *placement, path, gang);
  read_types(reader, *placement, path, gang);
}

boost::json::object write_placement(const GangShape& gang) {
  const GangShape plain;
  boost::json::object out;
  if (gang.require != plain.require) out["require"] = std::string(name_of(gang.require));
  if (gang.prefer != plain.prefer) out["prefer"] = std::string(name_of(gang.prefer));
  if (gang.segment > 0) out["segment"] = gang.segment;
  if (gang.spread_tasks > 0) {
    out["spread"] = {{"level", std::string(name_of(gang.spread))}, {"tasks", gang.spread_tasks}};
  }
  if (gang.exclusive) out["exclusive"] = true;
  if (!gang.types.empty()) {
    boost::json::object types;
    for (const TypeChoice& choice : gang.types) {
      types[choice.type] = write_thousandths(choice.rate);
    }
    out["types"] = std::move(types);
  }
  return out;
}

}  // namespace mw
