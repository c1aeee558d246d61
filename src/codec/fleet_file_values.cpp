#include "codec/fleet_file_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace mw {
namespace {

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_jurisdiction(std::string_view text) {
  if (text.size() < 2 || !is_capital(text[0]) || !is_capital(text[1])) return false;
  if (text.size() == 2) return true;
  const std::string_view part = text.substr(3);
  return text[2] == '-' && !part.empty() && part.size() <= 3 &&
         std::ranges::all_of(part, [](char c) { return is_capital(c) || is_digit(c); });
}

}  // namespace

Result<std::string> parse_jurisdiction(std::string_view text) {
  // The one country that people call by what ISO keeps in reserve.
  const bool is_uk = text == "UK" || text.starts_with("UK-");
  if (is_jurisdiction(text) && !is_uk) return std::string(text);
  return Error{ErrorCode::kInvalid,
               fmt::format("expected a code of ISO 3166-1 or 3166-2 in capital letters, such as NO "
                           "or US-TX{}",
                           is_uk ? " (the United Kingdom is GB)" : "")};
}

Error expected_one_of(std::span<const std::string_view> names) {
  return {ErrorCode::kInvalid, fmt::format("expected one of {}", fmt::join(names, ", "))};
}

}  // namespace mw
