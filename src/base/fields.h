// A struct names its fields once; everything that walks over structs (the JSON codec, the state
// comparison of tests) uses that list, so no field can be forgotten in one of them.
//
//   struct Point { int x = 0; int y = 0; MW_FIELDS(x, y) };
//   visit_fields(point, [](std::string_view name, auto& value) { ... });
//
// An enum names its values once, by specialising EnumNames.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

/// Lists a struct's fields, in the order in which they are written out. The functions are templates
/// so that the tuples are made only where somebody walks over them: that halves what each file
/// costs to compile.
#define MW_FIELDS(...)                                         \
  static constexpr std::string_view kFieldList = #__VA_ARGS__; \
  template <class = void>                                      \
  auto field_references() {                                    \
    return std::tie(__VA_ARGS__);                              \
  }                                                            \
  template <class = void>                                      \
  auto field_references() const {                              \
    return std::tie(__VA_ARGS__);                              \
  }

namespace mw {

/// True for a struct that lists its fields.
template <class T>
concept HasFields = requires(const T& value) {
  value.field_references();
};

namespace detail {
/// Splits "a, b, c" into its N names.
template <std::size_t N>
consteval std::array<std::string_view, N> split_names(std::string_view list) {
  std::array<std::string_view, N> names{};
  for (std::size_t i = 0; i < N; ++i) {
    const std::size_t comma = list.find(',');
    names[i] = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
  }
  return names;
}
}  // namespace detail

template <HasFields T>
inline constexpr std::size_t kFieldCount =
    std::tuple_size_v<decltype(std::declval<const T&>().field_references())>;

template <HasFields T>
inline constexpr auto kFieldNames = detail::split_names<kFieldCount<T>>(T::kFieldList);

/// Calls visitor(name, reference) for each field, in order.
template <class T, class Visitor>
void visit_fields(T& object, Visitor&& visitor) {
  using Plain = std::remove_const_t<T>;
  auto references = object.field_references();
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visitor(kFieldNames<Plain>[I], std::get<I>(references)), ...);
  }
  (std::make_index_sequence<kFieldCount<Plain>>());
}

/// Specialise with `static constexpr std::array<std::string_view, N> value`, in the enum's order,
/// which starts at 0 and has no gaps.
template <class E>
struct EnumNames;

template <class E>
constexpr std::string_view name_of(E value) {
  return EnumNames<E>::value[static_cast<std::size_t>(value)];
}

template <class E>
constexpr std::optional<E> enum_from_name(std::string_view name) {
  const auto& names = EnumNames<E>::value;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace mw
