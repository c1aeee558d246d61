#include "cli/json_view.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace mw {

namespace json = boost::json;

JsonView JsonView::operator[](std::string_view key) const {
  if (value_ == nullptr || !value_->is_object()) return {};
  const json::value* found = value_->get_object().if_contains(key);
  return found == nullptr ? JsonView() : JsonView(*found);
}

std::string JsonView::text(std::string_view otherwise) const {
  if (value_ == nullptr || !value_->is_string()) return std::string(otherwise);
  return std::string(value_->get_string());
}

std::int64_t JsonView::integer(std::int64_t otherwise) const {
  if (value_ == nullptr) return otherwise;
  json::error_code failure;
  const auto number = value_->to_number<std::int64_t>(failure);
  return failure ? otherwise : number;
}

double JsonView::real(double otherwise) const {
  if (value_ == nullptr) return otherwise;
  json::error_code failure;
  const auto number = value_->to_number<double>(failure);
  return failure ? otherwise : number;
}

bool JsonView::flag(bool otherwise) const {
  return value_ != nullptr && value_->is_bool() ? value_->get_bool() : otherwise;
}

std::optional<Instant> JsonView::instant() const {
  if (value_ == nullptr || !value_->is_number()) return std::nullopt;
  return Instant(integer());
}

const json::array& JsonView::list() const {
  static const json::array empty;
  return value_ != nullptr && value_->is_array() ? value_->get_array() : empty;
}

std::string pretty_json(std::string_view text) {
  std::string out;
  std::size_t level = 0;
  bool in_string = false;
  const auto new_line = [&] { out += '\n' + std::string(level * 2, ' '); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      if (c == '"') in_string = false;
      continue;
    }
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        break;
      case '"':
        in_string = true;
        out += c;
        break;
      case ',':
        out += c;
        new_line();
        break;
      case ':':
        out += ": ";
        break;
      case '{':
      case '[': {
        const std::size_t next = text.find_first_not_of(" \t\r\n", i + 1);
        out += c;
        if (next != std::string_view::npos && (text[next] == '}' || text[next] == ']')) {
          out += text[next];
          i = next;
          break;
        }
        ++level;
        new_line();
        break;
      }
      case '}':
      case ']':
        if (level > 0) --level;
        new_line();
        out += c;
        break;
      default:
        out += c;
    }
  }
  return out + '\n';
}

}  // namespace mw
