#include "codec/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

namespace mw {
namespace {

constexpr std::size_t kQuotedLengthMax = 60;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameLengthMax &&
         std::ranges::all_of(text, is_name_character);
}

Error expected(const std::string& what) { return {ErrorCode::kInvalid, "expected " + what}; }

struct Unit {
  std::string_view name;
  std::int64_t size;
};

constexpr std::array<Unit, 7> kTimeUnits = {{{"d", 86'400'000'000'000},
                                             {"h", 3'600'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1'000},
                                             {"ns", 1}}};

constexpr std::array<Unit, 12> kByteUnits = {{{"PiB", std::int64_t{1} << 50},
                                              {"TiB", std::int64_t{1} << 40},
                                              {"GiB", std::int64_t{1} << 30},
                                              {"MiB", std::int64_t{1} << 20},
                                              {"KiB", std::int64_t{1} << 10},
                                              {"PB", 1'000'000'000'000'000},
                                              {"TB", 1'000'000'000'000},
                                              {"GB", 1'000'000'000},
                                              {"MB", 1'000'000},
                                              {"kB", 1'000},
                                              {"B", 1},
                                              {"", 1}}};

constexpr std::array<Unit, 4> kPowerUnits = {
    {{"GW", 1'000'000'000'000}, {"MW", 1'000'000'000}, {"kW", 1'000'000}, {"W", 1'000}}};

constexpr std::array<Unit, 4> kRateUnits = {
    {{"EFLOP/s", 1'000'000'000}, {"PFLOP/s", 1'000'000}, {"TFLOP/s", 1'000}, {"GFLOP/s", 1}}};

constexpr std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

/// A decimal number at the front of text: digits, optionally "." and digits. Kept as an integer
/// and how many of its digits stand behind the point.
struct Decimal {
  std::int64_t digits = 0;
  int decimals = 0;
};

/// Takes a Decimal off the front of `text`; none when there is none or its digits do not
/// fit 64 bits.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal decimal;
  std::size_t at = 0;
  const auto take_digits = [&] {
    const std::size_t begin = at;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      if (__builtin_mul_overflow(decimal.digits, 10, &decimal.digits) ||
          __builtin_add_overflow(decimal.digits, text[at] - '0', &decimal.digits)) {
        return false;
      }
    }
    return at > begin;
  };
  if (!take_digits()) return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    const std::size_t point = at++;
    if (!take_digits()) return std::nullopt;
    decimal.decimals = static_cast<int>(at - point - 1);
  }
  text.remove_prefix(at);
  return decimal;
}

/// decimal x size, when that is a whole number that fits.
std::optional<std::int64_t> scale(Decimal decimal, std::int64_t size) {
  Int128 product = static_cast<Int128>(decimal.digits) * size;
  for (int i = 0; i < decimal.decimals; ++i) {
    if (product % 10 != 0) return std::nullopt;
    product /= 10;
  }
  if (product > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(product);
}

/// A decimal number with one of `units`, whose names count in this very case; none when it is
/// something else, or no whole number of the smallest.
std::optional<std::int64_t> with_unit(std::string_view text, std::span<const Unit> units) {
  const auto number = take_decimal(text);
  if (!number) return std::nullopt;
  while (text.starts_with(' ')) text.remove_prefix(1);
  const auto unit = std::ranges::find(units, text, &Unit::name);
  if (unit == units.end()) return std::nullopt;
  return scale(*number, unit->size);
}

/// `value` in the largest unit in which it is at least one and has at most three decimals; the
/// last unit takes what is left.
std::string in_largest_unit(std::int64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    const bool last = &unit == &units.back();
    const std::int64_t thousandth = unit.size / 1000;
    if (last || (value >= unit.size && value % thousandth == 0)) {
      return (thousandth > 0 ? write_thousandths(value / thousandth) : fmt::format("{}", value)) +
             std::string(unit.name);
    }
  }
  return {};
}

/// The sum of "1h30m"; none when it is not such a thing.
std::optional<std::int64_t> duration_ns(std::string_view text) {
  std::int64_t sum = 0;
  std::size_t next_unit = 0;
  do {
    const auto number = take_decimal(text);
    if (!number) return std::nullopt;
    const auto end = std::ranges::find_if(text, [](char c) { return is_digit(c); });
    const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    const auto* unit = std::find_if(kTimeUnits.begin() + next_unit, kTimeUnits.end(),
                                    [&](const Unit& u) { return u.name == name; });
    if (unit == kTimeUnits.end()) return std::nullopt;
    const auto part = scale(*number, unit->size);
    if (!part || __builtin_add_overflow(sum, *part, &sum)) return std::nullopt;
    next_unit = static_cast<std::size_t>(unit - kTimeUnits.begin()) + 1;
    text.remove_prefix(name.size());
  } while (!text.empty());
  return sum;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = (byte & 0xC0U) == 0x80U;  // inside of a UTF-8 character: never cut there
    if (!continues && used++ == kQuotedLengthMax) return out + "...\"";
    if (c == '\n') {
      out += "\\n";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

Result<std::string> parse_name(std::string_view text) {
  if (is_name(text)) return std::string(text);
  return expected(fmt::format("1 to {} of the characters A-Z a-z 0-9 . _ -", kNameLengthMax));
}
Result<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return expected("true or false");
}

Result<std::int64_t> parse_whole(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  const bool canonical = digits == "0" ? digits == text : !digits.starts_with('0');
  if (text.empty() || failure != std::errc() || end != text.data() + text.size() || !canonical ||
      value < low || value > high) {
    return expected(fmt::format("a whole number from {} to {}", low, high));
  }
  return value;
}

Result<Duration> parse_duration(std::string_view text, Duration low, Duration high) {
  const auto refuse = [&] {
    std::string what = "a length of time such as 90s, 10m, 2h, 1d or 1h30m";
    if (low > Duration(0)) what += fmt::format(", at least {}", write_duration(low));
    what += fmt::format(", at most {}", write_duration(high));
    return expected(what);
  };
  if (text == "0") return low > Duration(0) ? Result<Duration>(refuse()) : Duration(0);
  const auto ns = duration_ns(text);
  if (!ns) {
    // The most common slip deserves its own answer.
    std::string_view rest = text;
    if (take_decimal(rest) && rest.empty()) {
      return expected(fmt::format("a length of time with its unit, such as {0}s or {0}m", text));
    }
    return refuse();
  }
  if (Duration(*ns) < low || Duration(*ns) > high) return refuse();
  return Duration(*ns);
}

Result<Bytes> parse_bytes(std::string_view text, Bytes low, Bytes high) {
  const auto refuse = [&] {
    std::string what = "a size such as 512MiB, 1.5GiB or 10GB";
    if (low.count() > 0) what += fmt::format(", at least {}", write_bytes(low));
    what += fmt::format(", at most {}", write_bytes(high));
    return expected(what);
  };
  std::string_view unit_name = text;
  const auto number = take_decimal(unit_name);
  if (!number) return refuse();
  while (unit_name.starts_with(' ')) unit_name.remove_prefix(1);
  if (unit_name.size() == 1 &&
      std::string_view("kKmMgGtTpP").find(unit_name[0]) != std::string_view::npos) {
    const char letter = static_cast<char>(unit_name[0] & ~0x20);
    return expected(fmt::format("a size with a whole unit, {}iB (powers of 1024) or {}B (of 1000)",
                                letter, letter == 'K' ? 'k' : letter));
  }
  const auto* unit = std::ranges::find_if(
      kByteUnits, [&](const Unit& u) { return same_in_any_case(u.name, unit_name); });
  if (unit == kByteUnits.end()) return refuse();
  const auto size = scale(*number, unit->size);
  if (!size || Bytes(*size) < low || Bytes(*size) > high) return refuse();
  return Bytes(*size);
}

Result<Watts> parse_watts(std::string_view text, Watts low, Watts high) {
  const auto power = text == "0" ? std::optional<std::int64_t>(0) : with_unit(text, kPowerUnits);
  if (power && Watts(*power) >= low && Watts(*power) <= high) return Watts(*power);
  std::string what = "a power such as 700W, 10.2kW, 30MW or 1.6GW";
  if (low.count() > 0) what += fmt::format(", at least {}", write_watts(low));
  return expected(what + fmt::format(", at most {}", write_watts(high)));
}

Result<Bytes> parse_bandwidth(std::string_view text, Bytes low, Bytes high) {
  if (text.ends_with("/s")) {
    const auto rate = parse_bytes(text.substr(0, text.size() - 2), low, high);
    if (rate) return *rate;
  }
  return expected(
      fmt::format("a bandwidth such as 900GB/s or 3.35TB/s, at most {}B/s", high.count()));
}

Result<std::int64_t> parse_gigaflops(std::string_view text, std::int64_t low, std::int64_t high) {
  const auto rate = with_unit(text, kRateUnits);
  if (rate && *rate >= low && *rate <= high) return *rate;
  return expected(
      fmt::format("a rate such as 989TFLOP/s or 2.5PFLOP/s, at most {}", write_gigaflops(high)));
}

Result<std::int64_t> parse_decimal(std::string_view text, int decimals, std::int64_t low,
                                   std::int64_t high) {
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  const auto value = number && rest.empty() ? scale(*number, power_of_ten(decimals)) : std::nullopt;
  if (value && *value >= low && *value <= high) return *value;
  return expected(fmt::format("a number from {} to {} with at most {} decimals",
                              write_decimal(low, decimals), write_decimal(high, decimals),
                              decimals));
}

Result<std::int64_t> parse_thousandths(std::string_view text, std::int64_t low, std::int64_t high) {
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  const auto value = number && rest.empty() ? scale(*number, 1000) : std::nullopt;
  if (!value || *value < low * 1000 || *value > high * 1000) {
    return expected(fmt::format("a number from {} to {} with at most three decimals", low, high));
  }
  return *value;
}

Result<std::int64_t> parse_percent(std::string_view text, std::int64_t low, std::int64_t high) {
  if (text.ends_with('%')) {
    const auto value = parse_whole(text.substr(0, text.size() - 1), low, high);
    if (value) return *value;
  }
  return expected(fmt::format("a whole percentage such as 25%, from {}% to {}%", low, high));
}

std::string write_duration(Duration length) {
  MW_CHECK(length >= Duration(0));
  if (length == Duration(0)) return "0";
  std::string text;
  std::int64_t left = length.count();
  for (const Unit& unit : kTimeUnits) {
    if (left >= unit.size) text += fmt::format("{}{}", left / unit.size, unit.name);
    left %= unit.size;
  }
  return text;
}

std::string write_bytes(Bytes size) {
  MW_CHECK(size >= Bytes(0));
  for (const Unit& unit : kByteUnits) {
    const bool binary = unit.name.find('i') != std::string_view::npos;
    if (binary && size.count() > 0 && size.count() % unit.size == 0) {
      return fmt::format("{}{}", size.count() / unit.size, unit.name);
    }
  }
  return fmt::format("{}", size.count());
}

std::string write_watts(Watts power) {
  MW_CHECK(power >= Watts(0));
  return power.count() == 0 ? "0" : in_largest_unit(power.count(), kPowerUnits);
}

std::string write_gigaflops(std::int64_t gigaflops) {
  MW_CHECK(gigaflops >= 0);
  return in_largest_unit(gigaflops, kRateUnits);
}

std::string write_thousandths(std::int64_t thousandths) { return write_decimal(thousandths, 3); }

std::string write_decimal(std::int64_t value, int decimals) {
  MW_CHECK(value >= 0);
  const std::int64_t one = power_of_ten(decimals);
  std::string text = fmt::format("{}", value / one);
  if (value % one == 0) return text;
  text += fmt::format(".{:0{}}", value % one, decimals);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace mw
