// Random values of everything that lists its fields, for the tests of what is written and read.
// Extremes come often, since that is where writing and reading differ.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/random.h"
#include "codec/json.h"

namespace mw::test_values {

template <class T>
void fill(Random& random, T& out);

template <std::integral T>
T any_integer(Random& random) {
  switch (random.below(5)) {
    case 0:
      return 0;
    case 1:
      return std::numeric_limits<T>::max();
    case 2:
      return std::numeric_limits<T>::min();
    case 3:
      return static_cast<T>(random.below(100));
    default:
      return static_cast<T>(random.next());
  }
}

/// Text with everything in it that has to be escaped, or is not even UTF-8.
inline std::string any_text(Random& random) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "plain words",
                                                   "\"",
                                                   "\\",
                                                   "/",
                                                   "\n",
                                                   std::string(1, '\0'),
                                                   "\x1f",
                                                   "\x7f",
                                                   "\xC3\xA9",
                                                   "\xF0\x9F\x9A\x82",
                                                   "\xFF",
                                                   "\xC3",
                                                   "{\"kind\":",
                                                   "\xE2\x80\xA8",
                                                   "\r\t\b\f"};
  std::string text;
  for (std::uint64_t n = random.below(5); n > 0; --n) text += kPieces[random.below(kPieces.size())];
  return text;
}

inline double any_finite(Random& random) {
  if (random.chance(1, 4)) return static_cast<double>(random.between(-1000, 1000)) / 8;
  for (;;) {
    const double value = std::bit_cast<double>(random.next());
    if (std::isfinite(value)) return value;
  }
}

template <class... T>
void fill_variant(Random& random, std::variant<T...>& out) {
  std::uint64_t chosen = random.below(sizeof...(T));
  const auto one = [&]<class Alternative>(std::type_identity<Alternative>) {
    if (chosen-- == 0) fill(random, out.template emplace<Alternative>());
  };
  (one(std::type_identity<T>()), ...);
}

template <class T>
void fill(Random& random, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    out = random.chance(1, 2);
  } else if constexpr (std::integral<T>) {
    out = any_integer<T>(random);
  } else if constexpr (std::is_same_v<T, double>) {
    out = any_finite(random);
  } else if constexpr (std::is_enum_v<T>) {
    out = static_cast<T>(random.below(EnumNames<T>::value.size()));
  } else if constexpr (std::is_same_v<T, std::string>) {
    out = any_text(random);
  } else if constexpr (json_detail::kIsId<T>) {
    out = T(any_integer<typename T::rep>(random));
  } else if constexpr (std::is_same_v<T, AcceleratorTime>) {
    const Int128 high = any_integer<std::int64_t>(random);
    out = T((high << 64) | static_cast<Int128>(any_integer<std::uint64_t>(random)));
  } else if constexpr (json_detail::kIsQuantity<T>) {
    out = T(any_integer<std::int64_t>(random));
  } else if constexpr (json_detail::kIsOptional<T>) {
    out.reset();
    if (random.chance(2, 3)) fill(random, out.emplace());
  } else if constexpr (json_detail::kIsBoxed<T>) {
    fill(random, out.change());
  } else if constexpr (json_detail::kIsShared<T>) {
    auto value = std::make_shared<std::remove_const_t<typename T::element_type>>();
    fill(random, *value);
    out = std::move(value);
  } else if constexpr (json_detail::kIsVariant<T>) {
    fill_variant(random, out);
  } else if constexpr (json_detail::kIsMap<T>) {
    out.clear();
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      typename T::key_type key{};
      fill(random, key);
      fill(random, out[key]);
    }
  } else if constexpr (json_detail::IsSet<T>) {
    out.clear();
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      typename T::key_type element{};
      fill(random, element);
      out.insert(element);
    }
  } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
    out.assign(random.below(20), false);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = random.chance(1, 2);
  } else if constexpr (HasFields<T>) {
    visit_fields(out, [&](std::string_view, auto& field) { fill(random, field); });
  } else if constexpr (requires { out.change(); }) {
    fill(random, out.change());
  } else if constexpr (json_detail::AppendOnly<T>) {
    out.clear();
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      typename T::value_type element;
      fill(random, element);
      out.push_back(element);
    }
  } else {
    if constexpr (requires { out.resize(1); }) out.resize(random.below(4));
    for (auto& element : out) fill(random, element);
  }
}

}  // namespace mw::test_values
