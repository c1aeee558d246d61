// What reading any of our files has in common: keys that are unknown, missing or misspelt, values
// of the wrong kind, and problems gathered with their places, so that a file is mended in one go.
// It knows nothing of jobs, fleets or policies: a reader of one kind of file derives from it.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "codec/units.h"
#include "codec/yaml_tree.h"

namespace mw {

/// What was found, for a message: `"text"`, "a list", "nothing".
std::string describe(const YamlNode& node);

class YamlReader {
 public:
  /// The key that was meant by an unknown one in `group`; empty when that is anyone's guess.
  using WhatWasMeant = std::string_view (*)(std::string_view key, std::string_view group,
                                            std::span<const std::string_view> allowed);
  /// Without knowledge of other systems' words: the nearest of the allowed keys.
  static std::string_view nearest_key(std::string_view key, std::string_view group,
                                      std::span<const std::string_view> allowed);

  /// `source_name`: the file, for messages; empty: only line and column. It must outlive the
  /// reader.
  explicit YamlReader(std::string_view source_name, WhatWasMeant meant = nearest_key)
      : source_name_(source_name), meant_(meant) {}

  /// Notes `FILE:LINE:COLUMN: key: message`. `source`: who gave the value, when no text did.
  void problem(TextPosition position, std::string_view key, std::string_view message,
               std::string_view source = {});
  void problem(const YamlNode& node, std::string_view key, std::string_view message) {
    problem(node.position, key, message, node.source);
  }

  [[nodiscard]] bool good() const { return problems_.empty(); }
  /// Errors: kInvalid, one line a problem.  REQUIRES: !good().
  [[nodiscard]] Error failure() const;

  void check_keys(const YamlNode& map, std::string_view group,
                  std::span<const std::string_view> allowed);

  /// Reads `map.key` with `parse` (text -> Result) into `field`; leaves it alone when absent or
  /// wrong. False when absent.
  template <class Field, class Parse>
  bool read_scalar(const YamlNode& map, std::string_view group, std::string_view key, Field& field,
                   Parse parse) {
    const YamlNode* node = map.find(key);
    if (node == nullptr) return false;
    auto value = parse(node->kind == YamlNode::Kind::kScalar ? std::string_view(node->text)
                                                             : std::string_view());
    if (node->kind != YamlNode::Kind::kScalar || !value) {
      const std::string message = value ? "expected text" : value.error().message;
      problem(*node, path(group, key), fmt::format("{}, found {}", message, describe(*node)));
      return true;
    }
    field = static_cast<Field>(std::move(*value));
    return true;
  }

  template <class Field>
  bool read_whole(const YamlNode& map, std::string_view group, std::string_view key, Field& field,
                  std::int64_t low, std::int64_t high) {
    return read_scalar(map, group, key, field,
                       [=](std::string_view text) { return parse_whole(text, low, high); });
  }
  bool read_duration(const YamlNode& map, std::string_view group, std::string_view key,
                     Duration& field, Duration high) {
    return read_scalar(map, group, key, field, [=](std::string_view text) {
      return parse_duration(text, Duration(0), high);
    });
  }

  /// The map `root.key`; null when absent, or when it is something else (a problem then).
  /// `example`: of what is expected there, in quotes.
  const YamlNode* group(const YamlNode& root, std::string_view key, std::string_view example) {
    return group(root, "", key, example);
  }
  /// The same of a map that is called `group` itself.
  const YamlNode* group(const YamlNode& map, std::string_view group, std::string_view key,
                        std::string_view example);
  /// The elements of the list `map.key`; empty when absent, or when it is no list (a problem then).
  std::span<const YamlNode> list(const YamlNode& map, std::string_view group, std::string_view key,
                                 std::string_view example);
  /// True for a map. Otherwise a problem: expected keys and values such as `example`.
  bool is_map(const YamlNode& node, std::string_view key, std::string_view example);

  /// "group.key".
  static std::string path(std::string_view group, std::string_view key);

 private:
  static constexpr std::size_t kProblemsMax = 20;  // a person mends these first

  std::string_view source_name_;
  WhatWasMeant meant_;
  std::vector<std::string> problems_;
};

}  // namespace mw
