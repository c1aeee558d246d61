#include "codec/timestamp.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

namespace mw {
namespace {

namespace chrono = std::chrono;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
/// The last whole year whose nanoseconds since 1970 fit 64 bits.
constexpr int kYearMax = 2261;

/// Takes pieces off the front of a text; `good` is false from the first that is not there.
struct Scanner {
  std::string_view rest;
  bool good = true;

  /// Exactly `count` digits, as a number from `low` to `high`.
  int digits(std::size_t count, int low, int high) {
    int value = 0;
    if (rest.size() < count) good = false;
    for (std::size_t i = 0; good && i < count; ++i) {
      good = rest[i] >= '0' && rest[i] <= '9';
      value = value * 10 + (rest[i] - '0');
    }
    if (good) rest.remove_prefix(count);
    good = good && value >= low && value <= high;
    return value;
  }
  /// One of these characters, in either case; 0 when none is next.
  char one_of(std::string_view characters) {
    if (rest.empty() || characters.find(rest.front()) == std::string_view::npos) return 0;
    const char taken = rest.front();
    rest.remove_prefix(1);
    return taken;
  }
  void expect(std::string_view characters) { good = one_of(characters) != 0 && good; }

  /// ".25" as nanoseconds; 0 without one.
  std::int64_t fraction() {
    if (one_of(".") == 0) return 0;
    std::int64_t value = 0;
    std::int64_t unit = kNanosecondsPerSecond;
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1)) {
      unit /= 10;
      value += unit * (rest.front() - '0');
      good = good && unit > 0;
    }
    good = good && unit < kNanosecondsPerSecond;
    return value;
  }
  /// "Z" or "+01:30", in seconds ahead of UTC.
  std::int64_t zone() {
    if (one_of("Zz") != 0) return 0;
    const char sign = one_of("+-");
    good = good && sign != 0;
    const std::int64_t hours = digits(2, 0, 23);
    expect(":");
    const std::int64_t minutes = digits(2, 0, 59);
    return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  }
};

std::optional<std::int64_t> nanoseconds_of(Scanner scan) {
  const int year = scan.digits(4, 1970, kYearMax);
  scan.expect("-");
  const int month = scan.digits(2, 1, 12);
  scan.expect("-");
  const int day = scan.digits(2, 1, 31);
  scan.expect("Tt ");
  const int hour = scan.digits(2, 0, 23);
  scan.expect(":");
  const int minute = scan.digits(2, 0, 59);
  scan.expect(":");
  const int second = scan.digits(2, 0, 59);
  const std::int64_t fraction = scan.fraction();
  const std::int64_t zone = scan.zone();
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (!scan.good || !scan.rest.empty() || !date.ok()) return std::nullopt;
  const std::int64_t days = chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - zone;
  return seconds * kNanosecondsPerSecond + fraction;
}

}  // namespace

Result<Instant> parse_timestamp(std::string_view text) {
  const auto ns = nanoseconds_of({text});
  if (ns && *ns > 0) return Instant(*ns);
  // The most common slip deserves its own answer.
  const bool only_zone_is_missing = nanoseconds_of({std::string(text) + "Z"}).has_value();
  return Error{ErrorCode::kInvalid,
               fmt::format("expected a time with {}, such as 2026-12-01T08:00:00Z or "
                           "2026-12-01T09:00:00+01:00",
                           only_zone_is_missing ? "its zone" : "date and zone")};
}

std::string write_timestamp(Instant at) {
  const chrono::sys_time<chrono::nanoseconds> time{chrono::nanoseconds(at.count())};
  const auto midnight = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(midnight);
  const chrono::hh_mm_ss<chrono::nanoseconds> clock(time - midnight);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) {
    text += fmt::format(".{:09}", clock.subseconds().count());
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

Instant wall_clock() {
  const auto since_epoch = chrono::system_clock::now().time_since_epoch();
  return Instant(chrono::duration_cast<chrono::nanoseconds>(since_epoch).count());
}

}  // namespace mw
