#include "codec/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <sstream>

#include "codec/json_tree.h"
#include "codec/units.h"

namespace mw {
namespace {

/// Thrown through yaml-cpp by the handler below to stop it, and caught in parse_yaml.
struct Refused {
  TextPosition position;
  std::string message;
};

TextPosition position_of(const YAML::Mark& mark) {
  return {static_cast<std::size_t>(std::max(mark.line, 0)) + 1,
          static_cast<std::size_t>(std::max(mark.column, 0)) + 1};
}

/// Builds the tree from the parser's events, within limits.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const YamlLimits& limits, std::size_t documents_max)
      : limits_(limits), documents_max_(documents_max) {}

  /// One a document.
  std::vector<YamlNode> take() { return std::move(roots_); }
  /// Where the innermost list or map that is still open began.
  [[nodiscard]] TextPosition innermost_open() const {
    return open_.empty() ? TextPosition{1, 1} : open_.back().node.position;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (roots_.size() < documents_max_) {
      roots_.emplace_back();
      return;
    }
    throw Refused{position_of(mark),
                  documents_max_ == 1
                      ? std::string("a second document begins here; a file holds exactly one")
                      : fmt::format("more than {} documents", documents_max_)};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_decorations(mark, "", anchor);
    add({.kind = YamlNode::Kind::kNull, .position = position_of(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{position_of(mark), "aliases (*name) are not supported; write the value again"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_decorations(mark, tag, anchor);
    if (value.find('\0') != std::string::npos) {
      throw Refused{position_of(mark), "a NUL character is not allowed in a value"};
    }
    if (invalid_utf8_at(value) != std::string::npos) {
      throw Refused{position_of(mark), "a value is not valid UTF-8"};
    }
    add({.kind = YamlNode::Kind::kScalar, .position = position_of(mark), .text = value});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_decorations(mark, tag, anchor);
    open({.kind = YamlNode::Kind::kList, .position = position_of(mark)});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_decorations(mark, tag, anchor);
    open({.kind = YamlNode::Kind::kMap, .position = position_of(mark)});
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::set<std::string> seen;  ///< keys of a map
    bool value_is_next = false;  ///< a key was read
  };

  static void refuse_decorations(const YAML::Mark& mark, const std::string& tag,
                                 YAML::anchor_t anchor) {
    if (anchor != 0) {
      throw Refused{position_of(mark), "anchors (&name) are not supported; write the value again"};
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused{position_of(mark),
                    "tags are not supported; quote the value when it is to be text"};
    }
  }

  void open(YamlNode node) {
    if (open_.size() >= limits_.depth_max) {
      throw Refused{node.position, fmt::format("nested deeper than {} levels", limits_.depth_max)};
    }
    if (!open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap &&
        !open_.back().value_is_next) {
      throw Refused{node.position, "a key must be text, not a list or a map"};
    }
    open_.push_back({.node = std::move(node), .seen = {}, .value_is_next = false});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (++nodes_ > limits_.nodes_max) {
      throw Refused{node.position, fmt::format("more than {} values", limits_.nodes_max)};
    }
    if (open_.empty()) {
      roots_.back() = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kMap && !parent.value_is_next) {
      add_key(parent, std::move(node));
      return;
    }
    if (node.kind == YamlNode::Kind::kNull && parent.value_is_next) {
      node.position = parent.node.key_positions.back();  // a missing value has no place of its own
    }
    parent.node.children.push_back(std::move(node));
    parent.value_is_next = false;
  }

  static void add_key(Open& parent, YamlNode node) {
    if (node.kind != YamlNode::Kind::kScalar) throw Refused{node.position, "a key must be text"};
    if (!parent.seen.insert(node.text).second) {
      const auto first = std::ranges::find(parent.node.keys, node.text) - parent.node.keys.begin();
      throw Refused{node.position,
                    fmt::format("the key {} was given before, on line {}", in_quotes(node.text),
                                parent.node.key_positions[static_cast<std::size_t>(first)].line)};
    }
    parent.node.keys.push_back(std::move(node.text));
    parent.node.key_positions.push_back(node.position);
    parent.value_is_next = true;
  }

  const YamlLimits& limits_;
  std::vector<Open> open_;
  const std::size_t documents_max_;
  std::size_t nodes_ = 0;
  std::vector<YamlNode> roots_;
};

TextPosition position_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1, offset - line_begin + 1};
}

void append_utf8(std::string& out, std::uint32_t code) {
  out += static_cast<char>(0xF0U | (code >> 18U));
  out += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
  out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
  out += static_cast<char>(0x80U | (code & 0x3FU));
}

/// The value of "\uXXXX" at `at`; none when there is no such escape.
std::optional<std::uint32_t> escape_at(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\\u" || at + 6 > text.size()) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return value;
}

/// YAML is nearly a superset of JSON: what it lacks is "\ud83d\ude00", one character written as
/// two escapes, which JSON writers produce for anything beyond 16 bits. In a text that is JSON
/// those pairs become the character itself; any other text is left alone.
std::string join_surrogates(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool has_any =
      text.find("\\ud") != std::string_view::npos || text.find("\\uD") != std::string_view::npos;
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[') || !has_any)
    return std::string(text);
  boost::json::error_code failure;
  boost::json::parse(text, failure);  // its own guard against depth is 32
  if (failure) return std::string(text);

  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto high = escape_at(text, i);
    const auto low = high ? escape_at(text, i + 6) : std::nullopt;
    if (low && *high >= 0xD800 && *high < 0xDC00 && *low >= 0xDC00 && *low < 0xE000) {
      append_utf8(out, 0x10000U + ((*high - 0xD800U) << 10U) + (*low - 0xDC00U));
      i += 12;
    } else if (text[i] == '\\') {
      out += text.substr(i, 2);  // "\\u" is a backslash and a u
      i += 2;
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::ranges::find(keys, key);
  return found == keys.end() ? nullptr : &children[static_cast<std::size_t>(found - keys.begin())];
}
YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).find(key));
}

std::string place(std::string_view source_name, TextPosition position) {
  std::string out(source_name);
  if (position.line > 0) {
    out += fmt::format("{}{}:{}", out.empty() ? "" : ":", position.line, position.column);
  }
  return out.empty() ? out : out + ": ";
}

std::size_t invalid_utf8_at(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : std::uint8_t{0};
  };
  std::size_t i = 0;
  while (i < text.size()) {
    const std::uint32_t b = byte(i);
    const std::size_t length = b < 0x80                ? 1
                               : b >= 0xC2 && b < 0xE0 ? 2
                               : (b & 0xF0U) == 0xE0   ? 3
                               : b >= 0xF0 && b < 0xF5 ? 4
                                                       : 0;
    if (length == 0) return i;
    std::uint32_t code = length == 1 ? b : b & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80U) return i;
      code = (code << 6U) | (byte(i + k) & 0x3FU);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return i;
    i += length;
  }
  return std::string_view::npos;
}

Result<YamlNode> parse_yaml(std::string_view text, std::string_view source_name,
                            const YamlLimits& limits) {
  auto documents = parse_yaml_stream(text, source_name, limits, 1);
  if (!documents) return documents.error();
  if (documents->empty()) return YamlNode{.position = {1, 1}};
  return std::move(documents->front());
}

Result<std::vector<YamlNode>> parse_yaml_stream(std::string_view text, std::string_view source_name,
                                                const YamlLimits& limits,
                                                std::size_t documents_max) {
  const auto refuse = [&](TextPosition position, const std::string& message) {
    return Error{ErrorCode::kInvalid, place(source_name, position) + message};
  };
  if (text.size() > limits.bytes_max) {
    return Error{ErrorCode::kTooLarge,
                 fmt::format("{}{} bytes are too many; at most {} are read", place(source_name, {}),
                             text.size(), limits.bytes_max)};
  }
  if (const auto at = text.find('\0'); at != std::string_view::npos) {
    return refuse(position_at(text, at), "a NUL byte; this is no text file");
  }
  if (const auto at = invalid_utf8_at(text); at != std::string_view::npos) {
    return refuse(position_at(text, at), "not valid UTF-8; save the file as UTF-8");
  }
  if (limits.json_at_once) {
    if (auto tree = parse_json_tree(text, limits)) {
      std::vector<YamlNode> one;
      one.push_back(std::move(*tree));
      return one;
    }
  }
  // yaml-cpp 0.7 takes a quoted value that the end of the file cuts off after a line's end, as if
  // it were closed. A remark as the last line makes that the error it is, and changes nothing else.
  std::istringstream stream(join_surrogates(text) + "\n#");
  TreeBuilder builder(limits, documents_max);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {  // one too many is refused by the builder
    }
    return builder.take();
  } catch (const Refused& refused) {
    return refuse(refused.position, refused.message);
  } catch (const YAML::Exception& failure) {
    // Told at the end of the file, which helps nobody: say where it began.
    if (failure.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW) {
      return refuse(builder.innermost_open(), "the [ that opens here is never closed");
    }
    if (failure.msg == YAML::ErrorMsg::END_OF_MAP_FLOW) {
      return refuse(builder.innermost_open(), "the { that opens here is never closed");
    }
    if (failure.msg == YAML::ErrorMsg::EOF_IN_SCALAR) {
      return refuse(position_at(text, text.size()), "the file ends inside of a quoted value");
    }
    return refuse(position_of(failure.mark), failure.msg);
  } catch (const std::exception& failure) {
    return refuse({}, fmt::format("cannot be read: {}", failure.what()));
  }
}

}  // namespace mw
