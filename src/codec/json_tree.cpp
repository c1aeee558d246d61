#include "codec/json_tree.h"

#include <algorithm>
#include <cstdint>

namespace mw {
namespace {

/// Maps are searched for a key given twice by walking over them; larger ones are left to YAML.
constexpr std::size_t kKeysMax = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A scanner that gives up at the first thing that it does not know.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, const YamlLimits& limits) : text_(text), limits_(limits) {}

  std::optional<YamlNode> read() {
    skip_space();
    if (peek() != '{' && peek() != '[') return std::nullopt;
    YamlNode root;
    if (!value(root, 0)) return std::nullopt;
    skip_space();
    if (at_ != text_.size()) return std::nullopt;
    return root;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  /// Only spaces and line feeds: YAML has its own mind about tabs and carriage returns.
  void skip_space() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
      } else if (text_[at_] != ' ') {
        return;
      }
    }
  }
  [[nodiscard]] TextPosition here() const { return {line_, at_ - line_begin_ + 1}; }

  bool count() { return ++nodes_ <= limits_.nodes_max; }

  bool value(YamlNode& node, std::size_t depth) {
    node.position = here();
    if (!count()) return false;
    switch (peek()) {
      case '{':
        return depth < limits_.depth_max && map(node, depth);
      case '[':
        return depth < limits_.depth_max && list(node, depth);
      case '"':
        node.kind = YamlNode::Kind::kScalar;
        return string(node.text);
      default:
        return word(node);
    }
  }

  bool map(YamlNode& node, std::size_t depth) {
    node.kind = YamlNode::Kind::kMap;
    ++at_;
    skip_space();
    if (take('}')) return true;
    for (;;) {
      const TextPosition position = here();
      std::string key;
      if (!count() || peek() != '"' || !string(key)) return false;
      if (node.keys.size() == kKeysMax || std::ranges::find(node.keys, key) != node.keys.end())
        return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      node.keys.push_back(std::move(key));
      node.key_positions.push_back(position);
      YamlNode& child = node.children.emplace_back();
      if (!value(child, depth + 1)) return false;
      if (child.kind == YamlNode::Kind::kNull) child.position = position;
      skip_space();
      if (take('}')) return true;
      if (!take(',')) return false;
      skip_space();
    }
  }

  bool list(YamlNode& node, std::size_t depth) {
    node.kind = YamlNode::Kind::kList;
    ++at_;
    skip_space();
    if (take(']')) return true;
    for (;;) {
      if (!value(node.children.emplace_back(), depth + 1)) return false;
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return false;
      skip_space();
    }
  }

  bool string(std::string& out) {
    ++at_;
    for (;;) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      out.append(text_.substr(begin, at_ - begin));
      if (take('"')) return true;
      if (!take('\\') || !escape(out)) return false;
    }
  }

  bool escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    const std::size_t known = kNames.find(peek());
    if (peek() != '\0' && known != std::string_view::npos) {
      out += kValues[known];
      ++at_;
      return true;
    }
    std::uint32_t code = 0;
    if (!take('u') || !four_digits(code) || code == 0) return false;
    if (code >= 0xD800 && code < 0xE000) {
      std::uint32_t low = 0;
      if (code >= 0xDC00 || !take('\\') || !take('u') || !four_digits(low)) return false;
      if (low < 0xDC00 || low >= 0xE000) return false;
      code = 0x10000U + ((code - 0xD800U) << 10U) + (low - 0xDC00U);
    }
    append_utf8(out, code);
    return true;
  }

  bool four_digits(std::uint32_t& code) {
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const char lower = static_cast<char>(c | 0x20);
      if (is_digit(c)) {
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
      } else {
        return false;
      }
    }
    return true;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto rest = [&](std::uint32_t shift) {
      out += static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
    };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0U | (code >> 6U));
      rest(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0U | (code >> 12U));
      rest(6);
      rest(0);
    } else {
      out += static_cast<char>(0xF0U | (code >> 18U));
      rest(12);
      rest(6);
      rest(0);
    }
  }

  /// A number, true, false or null, as it is written.
  bool word(YamlNode& node) {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view(" \n,]}:").find(text_[at_]) == std::string_view::npos)
      ++at_;
    const std::string_view text = text_.substr(begin, at_ - begin);
    if (text == "null") return true;
    if (text != "true" && text != "false" && !is_number(text)) return false;
    node.kind = YamlNode::Kind::kScalar;
    node.text = text;
    return true;
  }

  static bool is_number(std::string_view text) {
    std::size_t i = 0;
    const auto digits = [&] {
      const std::size_t begin = i;
      while (i < text.size() && is_digit(text[i])) ++i;
      return i > begin;
    };
    if (i < text.size() && text[i] == '-') ++i;
    const bool leading_zero = i + 1 < text.size() && text[i] == '0' && is_digit(text[i + 1]);
    if (leading_zero || !digits()) return false;
    if (i < text.size() && text[i] == '.') {
      ++i;
      if (!digits()) return false;
    }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
      ++i;
      if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
      if (!digits()) return false;
    }
    return i == text.size();
  }

  std::string_view text_;
  const YamlLimits& limits_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_begin_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

std::optional<YamlNode> parse_json_tree(std::string_view text, const YamlLimits& limits) {
  return JsonScanner(text, limits).read();
}

}  // namespace mw
