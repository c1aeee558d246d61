#include "codec/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <cctype>
#include <charconv>

namespace mw {
namespace json_detail {
namespace {

void append_path(std::string& out, const Place& place) {
  if (place.parent != nullptr) append_path(out, *place.parent);
  if (!place.key.empty()) {
    if (!out.empty()) out.push_back('.');
    out.append(place.key);
  } else if (place.parent != nullptr) {
    out.append("[").append(std::to_string(place.index)).append("]");
  }
}

/// At most so many characters of what somebody sent are repeated in a message.
constexpr std::size_t kQuoteMax = 40;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kQuoteMax)) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(byte < 0x20 || byte >= 0x7F ? '?' : c);
  }
  out.append(text.size() > kQuoteMax ? "...\"" : "\"");
  return out;
}

std::string describe(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case boost::json::kind::int64:
      return std::to_string(value.get_int64());
    case boost::json::kind::uint64:
      return std::to_string(value.get_uint64());
    case boost::json::kind::double_: {
      char text[40];
      return {text, std::to_chars(text, text + sizeof text, value.get_double()).ptr};
    }
    case boost::json::kind::string:
      return "the string " + quoted(value.get_string());
    case boost::json::kind::array:
      return "a list";
    case boost::json::kind::object:
      return "an object";
  }
  return "something else";
}

std::string list_of(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out.append(", ");
    out.append("\"").append(name).append("\"");
  }
  return out;
}

/// What a byte looks like in a JSON string; empty: as it is.
constexpr std::array<std::string_view, 256> make_escapes() {
  std::array<std::string_view, 256> table{};
  constexpr std::array<std::string_view, 32> control = {
      "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
      "\\b",     "\\t",     "\\n",     "\\u000b", "\\f",     "\\r",     "\\u000e", "\\u000f",
      "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
      "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f"};
  for (std::size_t i = 0; i < control.size(); ++i) table[i] = control[i];
  table['"'] = "\\\"";
  table['\\'] = "\\\\";
  return table;
}
constexpr std::array<std::string_view, 256> kEscapes = make_escapes();

}  // namespace

void TextSink::string(std::string_view value) {
  out_.push_back('"');
  std::size_t done = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string_view escape = kEscapes[static_cast<unsigned char>(value[i])];
    if (escape.empty()) [[likely]]
      continue;
    out_.append(value, done, i - done);
    out_.append(escape);
    done = i + 1;
  }
  out_.append(value, done, std::string_view::npos);
  out_.push_back('"');
}

Decimal::Decimal(Int128 value) {
  __extension__ using Magnitude = unsigned __int128;
  // Negating as unsigned is right for the smallest value as well.
  Magnitude rest = value < 0 ? -static_cast<Magnitude>(value) : static_cast<Magnitude>(value);
  char* at = buffer_ + sizeof buffer_;
  do {
    *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) *--at = '-';
  begin_ = at;
}

bool Reader::fail(const Place& place, std::string_view what) {
  message_.clear();
  append_path(message_, place);
  if (!message_.empty()) message_.append(": ");
  message_.append(what);
  return false;
}

bool Reader::fail_found(const Place& place, std::string_view expected,
                        const boost::json::value& found) {
  return fail(place, "expected " + std::string(expected) + ", found " + describe(found));
}

bool Reader::fail_keys(const Place& place, const boost::json::object& object,
                       std::span<const std::string_view> known, std::string_view missing,
                       bool tagged) {
  // A misspelt key is both unknown and missing; what was written says more.
  for (const auto& pair : object) {
    const std::string_view key = pair.key();
    if (tagged && key == "kind") continue;
    bool found = false;
    for (const std::string_view one : known) found = found || one == key;
    if (!found) {
      return fail(place, "unknown key " + quoted(key) +
                             (known.empty() ? "; none is allowed here"
                                            : "; allowed are " + list_of(known)));
    }
  }
  return fail(place, "the key " + quoted(missing) + " is missing");
}

bool Reader::fail_name(const Place& place, std::span<const std::string_view> known,
                       const boost::json::value& found) {
  return fail_found(place, "one of " + list_of(known), found);
}

bool Reader::read_signed(const boost::json::value& in, const Place& place, std::int64_t low,
                         std::int64_t high, std::int64_t& out) {
  // Numbers up to 2^63 - 1 are int64 when parsed; uint64 only past that, or when built by hand.
  const bool fits =
      in.is_int64() || (in.is_uint64() && in.get_uint64() <= static_cast<std::uint64_t>(high));
  if (fits) {
    const std::int64_t number =
        in.is_int64() ? in.get_int64() : static_cast<std::int64_t>(in.get_uint64());
    if (number >= low && number <= high) {
      out = number;
      return true;
    }
  }
  return fail_found(place, "an integer from " + std::to_string(low) + " to " + std::to_string(high),
                    in);
}

bool Reader::read_unsigned(const boost::json::value& in, const Place& place, std::uint64_t high,
                           std::uint64_t& out) {
  if (in.is_int64() ? in.get_int64() >= 0 : in.is_uint64()) {
    const std::uint64_t number =
        in.is_int64() ? static_cast<std::uint64_t>(in.get_int64()) : in.get_uint64();
    if (number <= high) {
      out = number;
      return true;
    }
  }
  return fail_found(place, "an integer from 0 to " + std::to_string(high), in);
}

bool Reader::read_double(const boost::json::value& in, const Place& place, double& out) {
  if (in.is_double() && std::isfinite(in.get_double()))
    out = in.get_double();
  else if (in.is_int64())
    out = static_cast<double>(in.get_int64());
  else if (in.is_uint64())
    out = static_cast<double>(in.get_uint64());
  else
    return fail_found(place, "a finite number", in);
  return true;
}

bool Reader::read_decimal(const boost::json::value& in, const Place& place, Int128& out) {
  constexpr std::string_view kExpected = "a string of decimal digits that fits 128 bits";
  if (!in.is_string()) return fail_found(place, kExpected, in);
  const std::string_view text = in.get_string();
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || (digits[0] == '0' && text != "0")) return fail_found(place, kExpected, in);
  Int128 number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return fail_found(place, kExpected, in);
    const int digit = negative ? -(c - '0') : c - '0';
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digit, &number)) {
      return fail_found(place, kExpected, in);
    }
  }
  out = number;
  return true;
}

bool Reader::read_bits(const boost::json::value& in, const Place& place, std::vector<bool>& out) {
  constexpr std::string_view kExpected = "a string of the digits 0 and 1";
  if (!in.is_string()) return fail_found(place, kExpected, in);
  const std::string_view text = in.get_string();
  out.assign(text.size(), false);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '0' && text[i] != '1') return fail_found(place, kExpected, in);
    out[i] = text[i] == '1';
  }
  return true;
}

const boost::json::object* Reader::as_object(const boost::json::value& in, const Place& place) {
  if (!in.is_object()) fail_found(place, "an object", in);
  return in.if_object();
}

const boost::json::array* Reader::as_array(const boost::json::value& in, const Place& place) {
  if (!in.is_array()) fail_found(place, "a list", in);
  return in.if_array();
}

namespace {

using boost::json::error_code;
using boost::json::string_view;

/// Builds the tree, and rounds numbers with a fraction by itself: the parser of Boost 1.81 is off
/// by one unit in the last place for some (mended there by number_precision in later versions).
struct TreeBuilder {
  static constexpr std::size_t max_object_size = boost::json::object::max_size();
  static constexpr std::size_t max_array_size = boost::json::array::max_size();
  static constexpr std::size_t max_key_size = boost::json::string::max_size();
  static constexpr std::size_t max_string_size = boost::json::string::max_size();

  unsigned char buffer[4096];
  boost::json::value_stack stack{{}, buffer, sizeof buffer};
  std::string number;  ///< the parts of a number that came in more than one

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t n, error_code&) {
    stack.push_object(n);
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t n, error_code&) {
    stack.push_array(n);
    return true;
  }
  bool on_key_part(string_view s, std::size_t, error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_key(string_view s, std::size_t, error_code&) {
    stack.push_key(s);
    return true;
  }
  bool on_string_part(string_view s, std::size_t, error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_string(string_view s, std::size_t, error_code&) {
    stack.push_string(s);
    return true;
  }
  bool on_number_part(string_view s, error_code&) {
    number.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t i, string_view, error_code&) {
    number.clear();
    stack.push_int64(i);
    return true;
  }
  bool on_uint64(std::uint64_t u, string_view, error_code&) {
    number.clear();
    stack.push_uint64(u);
    return true;
  }
  bool on_double(double rough, string_view s, error_code&) {
    number.append(s.data(), s.size());
    double exact = rough;
    // Out of range leaves the parser's infinity or zero; infinity is refused when it is read.
    if (std::from_chars(number.data(), number.data() + number.size(), exact).ec != std::errc())
      exact = rough;
    number.clear();
    stack.push_double(exact);
    return true;
  }
  bool on_bool(bool b, error_code&) {
    stack.push_bool(b);
    return true;
  }
  bool on_null(error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

}  // namespace
}  // namespace json_detail

Result<boost::json::value> parse_json(std::string_view text, const JsonParseOptions& options) {
  if (text.size() > options.bytes_max) {
    return Error{ErrorCode::kTooLarge, "the JSON text has " + std::to_string(text.size()) +
                                           " bytes; at most " + std::to_string(options.bytes_max) +
                                           " are taken"};
  }
  boost::json::parse_options parse;
  parse.allow_invalid_utf8 = options.any_bytes;
  boost::json::basic_parser<json_detail::TreeBuilder> parser(parse);
  parser.handler().stack.reset(options.storage);
  boost::json::error_code code;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
  if (!code && used < text.size()) code = boost::json::error::extra_data;
  if (code) {
    return Error{ErrorCode::kInvalid,
                 "not valid JSON at byte " + std::to_string(used) + ": " + code.message()};
  }
  return parser.handler().stack.release();
}

}  // namespace mw
