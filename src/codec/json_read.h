// Reading JSON strictly, with the place of a fault. A part of json.h; include that.
#pragma once

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <concepts>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "codec/json_keys.h"
#include "codec/json_write.h"

namespace mw::json_detail {

/// Where in a document we are: a chain on the stack, made into text only for a message.
struct Place {
  const Place* parent = nullptr;
  std::string_view key;   ///< of an object's value; empty for an element
  std::size_t index = 0;  ///< of an array's element
};

/// A list that cannot be made longer and then filled in: its elements are not stored as such.
template <class T>
concept AppendOnly = requires(T& list, typename T::value_type element) {
  list.push_back(element);
}
&&!requires(T & list) { list.resize(1); };

/// A set: its elements are given in any order, each once.
template <class T>
concept IsSet = requires(T& set, typename T::key_type element) {
  set.insert(element).second;
}
&&std::is_same_v<typename T::key_type, typename T::value_type>;

class Reader {
 public:
  /// Reads `in` into `out`; false at the first fault, which take_error() then has.
  template <class T>
  bool read(const boost::json::value& in, const Place& place, T& out);

  Error take_error() { return {ErrorCode::kInvalid, std::move(message_)}; }

  /// Notes a fault at `place`. Always false.
  bool fail(const Place& place, std::string_view what);
  /// The same, for a value that is not what was expected.
  bool fail_found(const Place& place, std::string_view expected, const boost::json::value& found);

  /// Refuses a key of `object` that is not among `known`, or else that `missing` is missing.
  /// `tagged`: "kind" is known as well.
  bool fail_keys(const Place& place, const boost::json::object& object,
                 std::span<const std::string_view> known, std::string_view missing, bool tagged);
  bool fail_name(const Place& place, std::span<const std::string_view> known,
                 const boost::json::value& found);

 private:
  bool read_signed(const boost::json::value& in, const Place& place, std::int64_t low,
                   std::int64_t high, std::int64_t& out);
  bool read_unsigned(const boost::json::value& in, const Place& place, std::uint64_t high,
                     std::uint64_t& out);
  bool read_double(const boost::json::value& in, const Place& place, double& out);
  bool read_decimal(const boost::json::value& in, const Place& place, Int128& out);
  bool read_bits(const boost::json::value& in, const Place& place, std::vector<bool>& out);
  const boost::json::object* as_object(const boost::json::value& in, const Place& place);
  const boost::json::array* as_array(const boost::json::value& in, const Place& place);

  template <class T>
  bool read_number(const boost::json::value& in, const Place& place, T& out);
  template <class T>
  bool read_fields(const boost::json::object& in, const Place& place, bool tagged, T& out);
  template <class T>
  bool read_map(const boost::json::value& in, const Place& place, T& out);
  template <class... T>
  bool read_variant(const boost::json::value& in, const Place& place, std::variant<T...>& out);
  template <class T>
  bool read_list(const boost::json::value& in, const Place& place, T& out);

  std::string message_;
};

template <class T>
bool Reader::read_number(const boost::json::value& in, const Place& place, T& out) {
  if constexpr (std::unsigned_integral<T>) {
    std::uint64_t wide = 0;
    if (!read_unsigned(in, place, std::numeric_limits<T>::max(), wide)) return false;
    out = static_cast<T>(wide);
  } else {
    std::int64_t wide = 0;
    if (!read_signed(in, place, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                     wide)) {
      return false;
    }
    out = static_cast<T>(wide);
  }
  return true;
}

template <class T>
bool Reader::read_fields(const boost::json::object& in, const Place& place, bool tagged, T& out) {
  auto fields = out.field_references();
  // Our own writer keeps the fields' order, so the next pair is nearly always the next field.
  auto next = in.begin();
  if (tagged && next != in.end() && next->key() == "kind") ++next;
  std::size_t seen = tagged ? 1 : 0;
  const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    constexpr std::string_view key = Key<T, I>::plain();
    const boost::json::value* value = nullptr;
    if (next != in.end() && std::string_view(next->key()) == key) {
      value = &next->value();
      ++next;
    } else {
      value = in.if_contains({key.data(), key.size()});
    }
    if (value == nullptr) {
      if constexpr (kIsOptional<FieldType<T, I>>) {
        std::get<I>(fields).reset();  // absent is none, also where the default is something
        return true;
      } else {
        return fail_keys(place, in, kKeys<T>, key, tagged);
      }
    }
    ++seen;
    return read(*value, Place{&place, key, 0}, std::get<I>(fields));
  };
  const bool ok = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (one(std::integral_constant<std::size_t, I>()) && ...);
  }
  (std::make_index_sequence<kFieldCount<T>>());
  if (!ok) return false;
  if (seen != in.size()) return fail_keys(place, in, kKeys<T>, {}, tagged);
  return true;
}

template <class T>
bool Reader::read_map(const boost::json::value& in, const Place& place, T& out) {
  typename T::key_type key{};
  typename T::mapped_type value{};
  if constexpr (std::is_same_v<typename T::key_type, std::string>) {
    const boost::json::object* object = as_object(in, place);
    if (object == nullptr) return false;
    for (const auto& pair : *object) {
      const std::string_view name = pair.key();
      if (!read(pair.value(), Place{&place, name, 0}, value)) return false;
      out.insert_or_assign(std::string(name), std::move(value));
      value = {};
    }
  } else {
    const boost::json::array* array = as_array(in, place);
    if (array == nullptr) return false;
    for (std::size_t i = 0; i < array->size(); ++i) {
      const Place here{&place, {}, i};
      const boost::json::array* pair = as_array((*array)[i], here);
      if (pair == nullptr) return false;
      if (pair->size() != 2) return fail(here, "expected a pair [key, value]");
      if (!read((*pair)[0], Place{&here, {}, 0}, key)) return false;
      if (!read((*pair)[1], Place{&here, {}, 1}, value)) return false;
      if (!out.emplace(std::move(key), std::move(value)).second)
        return fail(here, "this key was there before");
      key = {};
      value = {};
    }
  }
  return true;
}

template <class... T>
bool Reader::read_variant(const boost::json::value& in, const Place& place,
                          std::variant<T...>& out) {
  static constexpr std::array<std::string_view, sizeof...(T)> kinds = {T::kKind...};
  static constexpr std::string_view key = "kind";
  const boost::json::object* object = as_object(in, place);
  if (object == nullptr) return false;
  const boost::json::value* kind = object->if_contains("kind");
  if (kind == nullptr) return fail(place, "the key \"kind\" is missing");
  if (!kind->is_string()) return fail_name(Place{&place, key, 0}, kinds, *kind);
  const std::string_view name = kind->get_string();
  bool known = false;
  bool ok = false;
  const auto one = [&]<class Alternative>(std::type_identity<Alternative>) {
    if (name != Alternative::kKind) return false;
    known = true;
    ok = read_fields(*object, place, true, out.template emplace<Alternative>());
    return true;
  };
  (void)(one(std::type_identity<T>()) || ...);
  return known ? ok : fail_name(Place{&place, key, 0}, kinds, *kind);
}

template <class T>
bool Reader::read_list(const boost::json::value& in, const Place& place, T& out) {
  const boost::json::array* array = as_array(in, place);
  if (array == nullptr) return false;
  if constexpr (IsSet<T>) {
    out.clear();
    for (std::size_t i = 0; i < array->size(); ++i) {
      typename T::value_type element{};
      const Place here{&place, {}, i};
      if (!read((*array)[i], here, element)) return false;
      if (!out.insert(element).second) return fail(here, "this was there before");
    }
    return true;
  } else if constexpr (AppendOnly<T>) {
    out.clear();
    for (std::size_t i = 0; i < array->size(); ++i) {
      typename T::value_type element;
      if (!read((*array)[i], Place{&place, {}, i}, element)) return false;
      out.push_back(element);
    }
    return true;
  } else if constexpr (requires { out.resize(array->size()); }) {
    out.clear();
    out.resize(array->size());
  } else if (array->size() != out.size()) {
    return fail(place, "expected " + std::to_string(out.size()) + " elements, found " +
                           std::to_string(array->size()));
  }
  if constexpr (!AppendOnly<T> && !IsSet<T>) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (!read((*array)[i], Place{&place, {}, i}, out[i])) return false;
    }
  }
  return true;
}

template <class T>
bool Reader::read(const boost::json::value& in, const Place& place, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!in.is_bool()) return fail_found(place, "true or false", in);
    out = in.get_bool();
    return true;
  } else if constexpr (std::integral<T>) {
    return read_number(in, place, out);
  } else if constexpr (std::is_same_v<T, double>) {
    return read_double(in, place, out);
  } else if constexpr (std::is_enum_v<T>) {
    const auto value = in.is_string() ? enum_from_name<T>(in.get_string()) : std::nullopt;
    if (!value) return fail_name(place, EnumNames<T>::value, in);
    out = *value;
    return true;
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!in.is_string()) return fail_found(place, "a string", in);
    out.assign(in.get_string().data(), in.get_string().size());
    return true;
  } else if constexpr (kIsId<T>) {
    typename T::rep number = 0;
    if (!read_number(in, place, number)) return false;
    out = T(number);
    return true;
  } else if constexpr (std::is_same_v<T, AcceleratorTime>) {
    Int128 number = 0;
    if (!read_decimal(in, place, number)) return false;
    out = T(number);
    return true;
  } else if constexpr (kIsQuantity<T>) {
    std::int64_t number = 0;
    if (!read_number(in, place, number)) return false;
    out = T(number);
    return true;
  } else if constexpr (kIsOptional<T>) {
    out.reset();
    return in.is_null() || read(in, place, out.emplace());
  } else if constexpr (kIsShared<T> || kIsBoxed<T>) {
    using Value = std::remove_const_t<typename T::element_type>;
    auto value = std::make_shared<Value>();
    if (!read(in, place, *value)) return false;
    out = T(std::shared_ptr<const Value>(std::move(value)));
    return true;
  } else if constexpr (kIsVariant<T>) {
    return read_variant(in, place, out);
  } else if constexpr (kIsMap<T>) {
    out.clear();
    return read_map(in, place, out);
  } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
    return read_bits(in, place, out);
  } else if constexpr (HasFields<T>) {
    const boost::json::object* object = as_object(in, place);
    return object != nullptr && read_fields(*object, place, false, out);
  } else if constexpr (requires { out.change(); }) {
    return read_list(in, place, out.change());  // of a list that its copies share
  } else {
    return read_list(in, place, out);
  }
}

}  // namespace mw::json_detail
