// Writing JSON: one walk over a value, into text or into a tree. A part of json.h; include that.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/boxed.h"
#include "base/fields.h"
#include "base/id.h"
#include "codec/json_keys.h"

namespace mw::json_detail {

/// Writes text at the end of a string. Absent optionals are left out, to keep rows short.
class TextSink {
 public:
  static constexpr bool kWritesAbsent = false;
  explicit TextSink(std::string& out) : out_(out) {}

  void object_begin() { out_.push_back('{'); }
  void object_end(std::size_t) { out_.push_back('}'); }
  void array_begin() { out_.push_back('['); }
  void array_end(std::size_t) { out_.push_back(']'); }
  /// Before each element of an array.
  void element() { separate('['); }
  /// Before each value of an object. `quoted`: the key ready to be written, with its colon.
  void key(std::string_view quoted, std::string_view) {
    separate('{');
    out_.append(quoted);
  }
  void any_key(std::string_view key) {
    separate('{');
    string(key);
    out_.push_back(':');
  }

  void null() { out_.append("null"); }
  void boolean(bool value) { out_.append(value ? "true" : "false"); }
  void integer(std::int64_t value) { number(value); }
  void integer(std::uint64_t value) { number(value); }
  void real(double value) {
    // "-0" would be read as an integer, and lose its sign.
    if (value == 0 && std::signbit(value))
      out_.append("-0.0");
    else
      number(value);
  }
  void string(std::string_view value);
  /// For text that is known to need no escapes.
  void name(std::string_view value) {
    out_.push_back('"');
    out_.append(value);
    out_.push_back('"');
  }

 private:
  // A value never ends in an opening bracket, so the last character says whether it is the first.
  void separate(char open) {
    if (out_.back() != open) out_.push_back(',');
  }
  template <class Number>
  void number(Number value) {
    char text[40];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out_.append(text, end);
  }
  std::string& out_;
};

/// Builds a tree. Absent optionals are null, so that a program sees which fields there are.
class ValueSink {
 public:
  static constexpr bool kWritesAbsent = true;
  explicit ValueSink(boost::json::storage_ptr storage) : stack_({}, buffer_, sizeof buffer_) {
    stack_.reset(std::move(storage));
  }
  boost::json::value release() { return stack_.release(); }

  void object_begin() {}
  void object_end(std::size_t pairs) { stack_.push_object(pairs); }
  void array_begin() {}
  void array_end(std::size_t elements) { stack_.push_array(elements); }
  void element() {}
  void key(std::string_view, std::string_view plain) { any_key(plain); }
  void any_key(std::string_view key) { stack_.push_key({key.data(), key.size()}); }

  void null() { stack_.push_null(); }
  void boolean(bool value) { stack_.push_bool(value); }
  void integer(std::int64_t value) { stack_.push_int64(value); }
  void integer(std::uint64_t value) { stack_.push_uint64(value); }
  void real(double value) { stack_.push_double(value); }
  void string(std::string_view value) { stack_.push_string({value.data(), value.size()}); }
  void name(std::string_view value) { string(value); }

 private:
  unsigned char buffer_[4096];
  boost::json::value_stack stack_;
};

/// The decimal digits of a 128-bit integer.
class Decimal {
 public:
  explicit Decimal(Int128 value);
  [[nodiscard]] std::string_view text() const { return {begin_, end_}; }

 private:
  char buffer_[41];
  const char* begin_;
  const char* end_ = buffer_ + sizeof buffer_;
};

template <class T>
inline constexpr bool kIsId = false;
template <class Tag, class Rep>
inline constexpr bool kIsId<Id<Tag, Rep>> = true;
template <class T>
inline constexpr bool kIsQuantity = false;
template <class Tag>
inline constexpr bool kIsQuantity<Quantity<Tag, std::int64_t>> = true;
template <>
inline constexpr bool kIsQuantity<Instant> = true;
template <class T>
inline constexpr bool kIsVariant = false;
template <class... T>
inline constexpr bool kIsVariant<std::variant<T...>> = true;
template <class T>
inline constexpr bool kIsShared = false;
template <class T>
inline constexpr bool kIsShared<std::shared_ptr<const T>> = true;
template <class T>
inline constexpr bool kIsBoxed = false;
template <class T>
inline constexpr bool kIsBoxed<Boxed<T>> = true;
template <class T>
inline constexpr bool kIsMap = false;
template <class K, class V>
inline constexpr bool kIsMap<std::map<K, V>> = true;

template <class Sink, class T>
void write(Sink& sink, const T& value);

template <class Sink, class T>
void write_fields(Sink& sink, const T& value, std::size_t pairs) {
  const auto fields = value.field_references();
  const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    const auto& field = std::get<I>(fields);
    if constexpr (kIsOptional<FieldType<T, I>> && !Sink::kWritesAbsent) {
      if (!field.has_value()) return;
    }
    sink.key(Key<T, I>::quoted(), Key<T, I>::plain());
    write(sink, field);
    ++pairs;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (one(std::integral_constant<std::size_t, I>()), ...);
  }
  (std::make_index_sequence<kFieldCount<T>>());
  sink.object_end(pairs);
}

template <class Sink, class T>
void write_map(Sink& sink, const T& map) {
  if constexpr (std::is_same_v<typename T::key_type, std::string>) {
    sink.object_begin();
    for (const auto& [key, value] : map) {
      sink.any_key(key);
      write(sink, value);
    }
    sink.object_end(map.size());
  } else {
    sink.array_begin();
    for (const auto& [key, value] : map) {
      sink.element();
      sink.array_begin();
      sink.element();
      write(sink, key);
      sink.element();
      write(sink, value);
      sink.array_end(2);
    }
    sink.array_end(map.size());
  }
}

template <class Sink>
void write_bits(Sink& sink, const std::vector<bool>& bits) {
  std::string text(bits.size(), '0');
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) text[i] = '1';
  }
  sink.name(text);
}

template <class Sink, class T>
void write(Sink& sink, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    sink.boolean(value);
  } else if constexpr (std::unsigned_integral<T>) {
    sink.integer(static_cast<std::uint64_t>(value));
  } else if constexpr (std::signed_integral<T>) {
    sink.integer(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_same_v<T, double>) {
    if (std::isfinite(value))
      sink.real(value);
    else
      sink.null();
  } else if constexpr (std::is_enum_v<T>) {
    sink.name(name_of(value));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    sink.string(value);
  } else if constexpr (kIsId<T>) {
    sink.integer(static_cast<std::uint64_t>(value.value()));
  } else if constexpr (std::is_same_v<T, AcceleratorTime>) {
    sink.name(Decimal(value.count()).text());
  } else if constexpr (kIsQuantity<T>) {
    sink.integer(value.count());
  } else if constexpr (kIsOptional<T>) {
    if (value.has_value())
      write(sink, *value);
    else
      sink.null();
  } else if constexpr (kIsBoxed<T>) {
    write(sink, *value);
  } else if constexpr (kIsShared<T>) {
    if (value != nullptr)
      write(sink, *value);
    else
      sink.null();
  } else if constexpr (kIsVariant<T>) {
    std::visit(
        [&](const auto& alternative) {
          using Alternative = std::remove_cvref_t<decltype(alternative)>;
          static_assert(!has_key<Alternative>("kind"),
                        "a variant's alternative may not have a field \"kind\"");
          sink.object_begin();
          sink.key("\"kind\":", "kind");
          sink.name(Alternative::kKind);
          write_fields(sink, alternative, 1);
        },
        value);
  } else if constexpr (kIsMap<T>) {
    write_map(sink, value);
  } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
    write_bits(sink, value);
  } else if constexpr (HasFields<T>) {
    sink.object_begin();
    write_fields(sink, value, 0);
  } else {
    std::size_t elements = 0;
    sink.array_begin();
    for (const auto& element : value) {
      sink.element();
      write(sink, element);
      ++elements;
    }
    sink.array_end(elements);
  }
}

}  // namespace mw::json_detail
