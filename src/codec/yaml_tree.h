// A YAML (or JSON) document as a small tree in which every value knows its place. The one file
// that touches yaml-cpp: its exceptions stop here, and what could be used to exhaust us (depth,
// anchors and aliases, size) is refused while it is read, before any of it is built.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw {

/// Where a value stands in its text; both count from 1. 0: it does not stand in a text.
struct TextPosition {
  std::size_t line = 0;
  std::size_t column = 0;
  bool operator==(const TextPosition&) const = default;
};

/// A null, a scalar, a list or a map. Scalars stay text: what it must be is for the reader to say,
/// so that `name: 007` and `environment: {FLAG: yes}` arrive as they were written.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  TextPosition position{};
  std::string text{};               ///< of a scalar; valid UTF-8 without NUL
  std::vector<std::string> keys{};  ///< of a map, in the order of the text; unique
  std::vector<TextPosition> key_positions{};
  std::vector<YamlNode> children{};  ///< of a list, or one for each key
  std::string source{};              ///< who gave it, when it did not come from the text

  /// The value of `key`; null when this is no map or has no such key.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  [[nodiscard]] YamlNode* find(std::string_view key);
};

struct YamlLimits {
  std::size_t bytes_max = std::size_t{1} << 20;
  std::size_t depth_max = 32;
  std::size_t nodes_max = 100'000;
  bool json_at_once = true;  ///< read JSON without the YAML parser; gives the same, sooner
};

/// Reads exactly one document; an empty text is a null.
/// Errors: kTooLarge over bytes_max; kInvalid for everything else. The message begins with
///         `SOURCE:LINE:COLUMN: ` (without SOURCE when `source_name` is empty).
Result<YamlNode> parse_yaml(std::string_view text, std::string_view source_name,
                            const YamlLimits& limits);

/// Reads any number of documents ("---" between them), up to `documents_max`; limits are for all of
/// them together. An empty text has none. Errors: as parse_yaml.
Result<std::vector<YamlNode>> parse_yaml_stream(std::string_view text, std::string_view source_name,
                                                const YamlLimits& limits,
                                                std::size_t documents_max);

/// "SOURCE:3:7: ", for messages.
std::string place(std::string_view source_name, TextPosition position);

/// The offset of the first byte that is no valid UTF-8, or npos.
std::size_t invalid_utf8_at(std::string_view text);

}  // namespace mw
