// parse_moment() of values.h: points in time as people give them to --begin and --deadline.
#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "slurm_face/values.h"

namespace mw::face {
namespace {

struct Word {
  std::string_view name;
  std::int64_t number;
};
constexpr std::array<Word, 5> kUnits = {
    {{"second", 1}, {"minute", 60}, {"hour", 3'600}, {"day", 86'400}, {"week", 604'800}}};
/// Hours with names; teatime is at(1)'s word and fika Slurm's own.
constexpr std::array<Word, 5> kHours = {
    {{"midnight", 0}, {"elevenses", 11}, {"noon", 12}, {"fika", 15}, {"teatime", 16}}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// "now+3", "now+1hour", "now + 2 days".
std::optional<Instant> from_now(std::string_view text, Instant now) {
  std::string packed;
  for (const char c : text.substr(3)) {
    if (c != ' ') packed += c;
  }
  if (packed.empty()) return now;
  if (packed[0] != '+') return {};
  std::int64_t count = 0;
  const char* const end = packed.data() + packed.size();
  const auto [unit, fault] = std::from_chars(packed.data() + 1, end, count);
  if (fault != std::errc() || count < 0 || count > 100'000'000) return {};
  const std::string_view name(unit, static_cast<std::size_t>(end - unit));
  if (name.empty()) return now + seconds(count);
  for (const Word& one : kUnits) {
    const bool plural = name.size() == one.name.size() + 1 && name.ends_with('s');
    if (name == one.name || (plural && name.starts_with(one.name))) {
      return now + seconds(count * one.number);
    }
  }
  return {};
}

/// Reads "HH:MM[:SS]" with am or pm behind it, or an hour's name, into `day`.
bool read_clock(const std::string& text, std::tm& day) {
  for (const Word& one : kHours) {
    if (text != one.name) continue;
    day.tm_hour = static_cast<int>(one.number);
    day.tm_min = day.tm_sec = 0;
    return true;
  }
  int hour = 0;
  int minute = 0;
  int second = 0;
  int used = 0;
  std::string_view rest;
  if (std::sscanf(text.c_str(), "%2d:%2d:%2d%n", &hour, &minute, &second, &used) == 3) {
    rest = std::string_view(text).substr(static_cast<std::size_t>(used));
  } else if (second = 0, std::sscanf(text.c_str(), "%2d:%2d%n", &hour, &minute, &used) == 2) {
    rest = std::string_view(text).substr(static_cast<std::size_t>(used));
  } else if (minute = 0, std::sscanf(text.c_str(), "%2d%n", &hour, &used) == 1) {
    rest = std::string_view(text).substr(static_cast<std::size_t>(used));
    if (rest.empty()) return false;  // a lone number is no time of day
  } else {
    return false;
  }
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (rest == "am" || rest == "pm") {
    if (hour < 1 || hour > 12) return false;
    hour = hour % 12 + (rest == "pm" ? 12 : 0);
  } else if (!rest.empty()) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59 || hour < 0 || minute < 0 || second < 0) return false;
  day.tm_hour = hour;
  day.tm_min = minute;
  day.tm_sec = second;
  return true;
}

/// "2026-12-01", "12/01/26", "12.01.26", "120126" (month, day, year) into `day`.
bool read_date(const std::string& text, std::tm& day) {
  int year = 0;
  int month = 0;
  int date = 0;
  int used = 0;
  const auto whole = [&] { return static_cast<std::size_t>(used) == text.size(); };
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &date, &used) == 3 && whole()) {
  } else if (std::sscanf(text.c_str(), "%2d/%2d/%2d%n", &month, &date, &year, &used) == 3 &&
             whole()) {
    year += 2000;
  } else if (std::sscanf(text.c_str(), "%2d.%2d.%2d%n", &month, &date, &year, &used) == 3 &&
             whole()) {
    year += 2000;
  } else if (text.size() == 6 &&
             std::sscanf(text.c_str(), "%2d%2d%2d%n", &month, &date, &year, &used) == 3 &&
             whole()) {
    year += 2000;
  } else {
    return false;
  }
  if (month < 1 || month > 12 || date < 1 || date > 31 || year < 1971 || year > 2200) return false;
  day.tm_year = year - 1900;
  day.tm_mon = month - 1;
  day.tm_mday = date;
  return true;
}

}  // namespace

Result<Instant> parse_moment(std::string_view given, Instant now) {
  const Error wrong{ErrorCode::kInvalid,
                    "expected a time such as now+2hours, 16:00, tomorrow or 2026-12-01T08:00:00"};
  const std::string text = lower(given);
  if (text.starts_with("now")) {
    const auto at = from_now(text, now);
    if (!at) return wrong;
    return *at;
  }
  const std::time_t now_s = now.count() / seconds(1).count();
  std::tm day{};
  ::localtime_r(&now_s, &day);
  day.tm_isdst = -1;
  const bool today = text == "today";
  const bool tomorrow = text == "tomorrow";
  bool clock_only = false;
  if (tomorrow) day.tm_mday += 1;
  if (today || tomorrow) {
    day.tm_hour = day.tm_min = day.tm_sec = 0;
  } else if (const std::size_t t = text.find_first_of("t "); read_clock(text, day)) {
    clock_only = true;
  } else if (t != std::string::npos && t > 3) {
    std::string date = text.substr(0, t);
    std::string clock = text.substr(t + 1);
    const bool good = (read_date(date, day) && read_clock(clock, day)) ||
                      (read_clock(date, day) && read_date(clock, day));
    if (!good) return wrong;
  } else if (read_date(text, day)) {
    day.tm_hour = day.tm_min = day.tm_sec = 0;
  } else {
    return wrong;
  }
  std::time_t at = std::mktime(&day);
  if (at < 0) return wrong;
  if (clock_only && at < now_s) {
    day.tm_mday += 1;
    day.tm_isdst = -1;
    at = std::mktime(&day);
  }
  return Instant(at * seconds(1).count());
}

}  // namespace mw::face
