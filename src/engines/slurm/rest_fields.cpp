#include "engines/slurm/rest_fields.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <cctype>
#include <sstream>

namespace mw::slurm {
namespace {

namespace json = boost::json;

constexpr std::int64_t kNoValue = 0xfffffff0;  // above it INFINITE, NO_VAL and their kin

std::string capitals(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::toupper(c); });
  return result;
}

}  // namespace

const json::value* find(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::optional<std::int64_t> number_in(const json::value& value) {
  if (const json::object* object = value.if_object()) {
    const json::value* set = find(*object, "set");
    const json::value* infinite = find(*object, "infinite");
    if (set != nullptr && set->is_bool() && !set->get_bool()) return std::nullopt;
    if (infinite != nullptr && infinite->is_bool() && infinite->get_bool()) return std::nullopt;
    const json::value* number = find(*object, "number");
    return number == nullptr ? std::nullopt : number_in(*number);
  }
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64() && value.get_uint64() <= INT64_MAX) {
    return static_cast<std::int64_t>(value.get_uint64());
  }
  return std::nullopt;
}

std::optional<std::int64_t> number_of(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value == nullptr ? std::nullopt : number_in(*value);
}

std::uint32_t small_number(const json::object& object, std::string_view key) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(number_of(object, key).value_or(0), 0, UINT32_MAX));
}

void add_words(const json::object& object, std::string_view key, std::vector<std::string>& words) {
  const json::value* value = find(object, key);
  if (value == nullptr) return;
  if (value->is_string()) words.push_back(capitals(value->get_string()));
  if (!value->is_array()) return;
  for (const json::value& each : value->get_array()) {
    if (each.is_string()) words.push_back(capitals(each.get_string()));
  }
}

std::vector<std::string> names_in(const json::object& object, std::string_view key) {
  std::vector<std::string> names;
  const json::value* value = find(object, key);
  if (value != nullptr && value->is_array()) {
    for (const json::value& each : value->get_array()) {
      if (each.is_string()) names.emplace_back(each.get_string());
    }
  } else {
    std::istringstream text(text_of(object, key));
    for (std::string name; std::getline(text, name, ',');) {
      if (!name.empty()) names.push_back(name);
    }
  }
  return names;
}

bool flag_of(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<std::int64_t> amount_of(const json::object& object, std::string_view key) {
  const auto number = number_of(object, key);
  if (!number || *number < 0 || *number >= kNoValue) return std::nullopt;
  return number;
}

}  // namespace mw::slurm
