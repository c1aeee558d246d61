// JSON as a YamlNode tree, many times faster than the YAML parser reads it: programs that submit
// thousands of jobs a second send JSON. Gives exactly what the YAML parser would (a property test
// holds one against the other), or nothing at all; then the YAML parser says what is wrong.
#pragma once

#include <optional>
#include <string_view>

#include "codec/yaml_tree.h"

namespace mw {

/// The tree of a text that is one JSON object or list; none when it is anything else, or passes a
/// limit, or has what only YAML can judge.  REQUIRES: valid UTF-8 without NUL.
/// Cost: O(size).
std::optional<YamlNode> parse_json_tree(std::string_view text, const YamlLimits& limits);

}  // namespace mw
