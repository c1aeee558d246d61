// A part of fleet_file.h: the values that its keys take and those of job files do not.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/fields.h"
#include "base/result.h"
#include "model/fleet_spec.h"

namespace mw {

// As in codec/units.h a reader's message is only "expected ...".

/// Levels that groups and named places can have: a node is one already, and a site is named.
inline constexpr std::array<std::string_view, 4> kFabricGroupLevels = {"scale_up", "leaf", "pod",
                                                                       "spine"};
inline constexpr std::array<std::string_view, 4> kPowerGroupLevels = {"rack", "row", "hall",
                                                                      "substation"};
/// How a file says that a shape has no export class, whatever the catalogue says.
inline constexpr std::string_view kNoExportClass = "none";

/// ISO 3166-1 ("NO") or 3166-2 ("US-TX"). Whether the code is assigned is not known here.
Result<std::string> parse_jurisdiction(std::string_view text);

/// "expected one of a, b, c".
Error expected_one_of(std::span<const std::string_view> names);

template <class Level>
Result<Level> parse_level(std::string_view text, std::span<const std::string_view> levels) {
  for (const std::string_view level : levels) {
    if (level == text) return *enum_from_name<Level>(level);
  }
  return expected_one_of(levels);
}

}  // namespace mw
