// The JSON names of fields: made at compile time from the list in MW_FIELDS and the field's type.
// A part of json.h; include that.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"
#include "base/time.h"

namespace mw::json_detail {

/// The unit that a key ends in; a list or an optional has that of its elements.
template <class T>
inline constexpr std::string_view kUnitSuffix = "";
template <>
inline constexpr std::string_view kUnitSuffix<Duration> = "_ns";
template <>
inline constexpr std::string_view kUnitSuffix<Instant> = "_ns";
template <>
inline constexpr std::string_view kUnitSuffix<Bytes> = "_bytes";
template <>
inline constexpr std::string_view kUnitSuffix<Watts> = "_mw";
template <>
inline constexpr std::string_view kUnitSuffix<AcceleratorShare> = "_milli";
template <>
inline constexpr std::string_view kUnitSuffix<CpuShare> = "_milli";
template <>
inline constexpr std::string_view kUnitSuffix<AcceleratorTime> = "_milli_ns";
template <class T>
inline constexpr std::string_view kUnitSuffix<std::optional<T>> = kUnitSuffix<T>;
template <class T>
inline constexpr std::string_view kUnitSuffix<std::vector<T>> = kUnitSuffix<T>;
template <class T>
inline constexpr std::string_view kUnitSuffix<std::deque<T>> = kUnitSuffix<T>;
template <class T, std::size_t N>
inline constexpr std::string_view kUnitSuffix<std::array<T, N>> = kUnitSuffix<T>;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// The type of T's field number I.
template <HasFields T, std::size_t I>
using FieldType = std::remove_cvref_t<
    std::tuple_element_t<I, decltype(std::declval<const T&>().field_references())>>;

/// The key of T's field number I, as text with quotes and colon and without.
template <HasFields T, std::size_t I>
class Key {
  static constexpr std::string_view name() {
    std::string_view name = kFieldNames<T>[I];
    if (name.back() == '_') name.remove_suffix(1);
    return name;
  }
  static constexpr std::string_view suffix() { return kUnitSuffix<FieldType<T, I>>; }
  static constexpr std::size_t kLength = name().size() + suffix().size();

  static constexpr std::array<char, kLength + 3> make() {
    std::array<char, kLength + 3> text{};
    std::size_t n = 0;
    text[n++] = '"';
    for (const char c : name()) text[n++] = c;
    for (const char c : suffix()) text[n++] = c;
    text[n++] = '"';
    text[n++] = ':';
    return text;
  }
  static constexpr std::array<char, kLength + 3> kText = make();

 public:
  static constexpr std::string_view quoted() { return {kText.data(), kText.size()}; }
  static constexpr std::string_view plain() { return {kText.data() + 1, kLength}; }
};

/// All keys of T, in order.
template <HasFields T>
inline constexpr auto kKeys = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{Key<T, I>::plain()...};
}
(std::make_index_sequence<kFieldCount<T>>());

template <class T>
constexpr bool has_key(std::string_view key) {
  for (const std::string_view one : kKeys<T>) {
    if (one == key) return true;
  }
  return false;
}

}  // namespace mw::json_detail
