#include "model/catalogue.h"

#include <algorithm>

namespace mw {
namespace {

bool same_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

const AcceleratorType* find_type(const Catalogue& catalogue, std::string_view name) {
  for (const AcceleratorType& type : catalogue.types) {
    if (same_in_any_case(type.name, name)) return &type;
    for (const std::string& alias : type.aliases) {
      if (same_in_any_case(alias, name)) return &type;
    }
  }
  return nullptr;
}

}  // namespace mw
