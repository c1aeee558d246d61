#include "codec/yaml_reader.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "codec/suggest.h"

namespace mw {

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return in_quotes(node.text);
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return {};
}

std::string_view YamlReader::nearest_key(std::string_view key, std::string_view,
                                         std::span<const std::string_view> allowed) {
  return closest(key, allowed);
}

std::string YamlReader::path(std::string_view group, std::string_view key) {
  return group.empty() ? std::string(key) : fmt::format("{}.{}", group, key);
}

Error YamlReader::failure() const {
  return {ErrorCode::kInvalid, fmt::format("{}", fmt::join(problems_, "\n"))};
}

void YamlReader::problem(TextPosition position, std::string_view key, std::string_view message,
                         std::string_view source) {
  if (problems_.size() == kProblemsMax) return;
  const std::string where =
      source.empty() ? place(source_name_, position) : fmt::format("{}: ", source);
  // "--tasks: tasks: expected" would say it twice.
  const bool named = !source.empty() || key.empty();
  problems_.push_back(fmt::format("{}{}{}", where, named ? "" : fmt::format("{}: ", key), message));
}

void YamlReader::check_keys(const YamlNode& map, std::string_view group,
                            std::span<const std::string_view> allowed) {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const std::string& key = map.keys[i];
    if (std::ranges::find(allowed, key) != allowed.end()) continue;
    const std::string_view meant = meant_(key, group, allowed);
    problem(map.key_positions[i], group,
            fmt::format("unknown key {}{} Allowed: {}", in_quotes(key),
                        meant.empty() ? "." : fmt::format("; did you mean \"{}\"?", meant),
                        fmt::join(allowed, ", ")),
            map.children[i].source);
  }
}

bool YamlReader::is_map(const YamlNode& node, std::string_view key, std::string_view example) {
  if (node.kind == YamlNode::Kind::kMap) return true;
  problem(node, key,
          fmt::format("expected keys and values such as {}, found {}", example, describe(node)));
  return false;
}

const YamlNode* YamlReader::group(const YamlNode& map, std::string_view group, std::string_view key,
                                  std::string_view example) {
  const YamlNode* node = map.find(key);
  return node == nullptr || is_map(*node, path(group, key), example) ? node : nullptr;
}

std::span<const YamlNode> YamlReader::list(const YamlNode& map, std::string_view group,
                                           std::string_view key, std::string_view example) {
  const YamlNode* node = map.find(key);
  if (node == nullptr) return {};
  if (node->kind == YamlNode::Kind::kList) return node->children;
  problem(*node, path(group, key),
          fmt::format("expected a list such as {}, found {}", example, describe(*node)));
  return {};
}

}  // namespace mw
