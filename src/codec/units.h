// Names, lengths of time, sizes and shares, as people write them in files and on command lines. All
// arithmetic is in integers, so that 0.1 accelerators are exactly 100 thousandths on every machine.
// The writers give text that reads back as the very same value; for text that is only looked at
// (rounded, relative) see codec/text.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"

namespace mw {

// Every reader's message is only "expected ...", with the bounds: the caller knows the place, and
// adds what was found (see in_quotes()).
// Errors: kInvalid, also for what is outside of [low, high].

/// `text` in quotes for a message: clipped, control characters escaped, always one line.
std::string in_quotes(std::string_view text);

/// Text of the characters that names are made of.
Result<std::string> parse_name(std::string_view text);
inline constexpr std::size_t kNameLengthMax = 64;
Result<bool> parse_bool(std::string_view text);

/// A decimal integer without sign tricks: "12", "-3"; no "+", no spaces, no leading zeros but "0".
Result<std::int64_t> parse_whole(std::string_view text, std::int64_t low, std::int64_t high);

/// "90s", "10m", "1h30m", "1.5h", "250ms", "2d", "0". Units d, h, m, s, ms, us, ns in that order,
/// each at most once.
Result<Duration> parse_duration(std::string_view text, Duration low, Duration high);

/// "512MiB", "1.5GiB", "10GB", "1024" (bytes). Units B, kB..PB (1000) and KiB..PiB (1024), in any
/// case. A bare "G" is refused: other systems disagree on what it means.
Result<Bytes> parse_bytes(std::string_view text, Bytes low, Bytes high);

/// "700W", "10.2kW", "1.6GW", "0". Units W, kW, MW, GW, exactly so: an mW is not an MW.
Result<Watts> parse_watts(std::string_view text, Watts low, Watts high);

/// "3.35TB/s", "900GB/s": parse_bytes and "/s". Bytes a second.
Result<Bytes> parse_bandwidth(std::string_view text, Bytes low, Bytes high);

/// "989TFLOP/s", "2.5PFLOP/s": in 10^9 operations a second. Units GFLOP/s to EFLOP/s.
Result<std::int64_t> parse_gigaflops(std::string_view text, std::int64_t low, std::int64_t high);

/// A number with at most `decimals` decimals, in units of the last of them: "0.065" with 6 is
/// 65000. Bounds are in the same units.  REQUIRES: decimals <= 9.
Result<std::int64_t> parse_decimal(std::string_view text, int decimals, std::int64_t low,
                                   std::int64_t high);

/// A number with at most three decimals, in thousandths: "2" is 2000, "0.5" is 500.
/// Bounds are whole numbers.
Result<std::int64_t> parse_thousandths(std::string_view text, std::int64_t low, std::int64_t high);

/// "25%": a whole number of percents, with its sign.
Result<std::int64_t> parse_percent(std::string_view text, std::int64_t low, std::int64_t high);

std::string write_duration(Duration length);              ///< REQUIRES: length >= 0
std::string write_bytes(Bytes size);                      ///< REQUIRES: size >= 0
std::string write_watts(Watts power);                     ///< REQUIRES: power >= 0
std::string write_gigaflops(std::int64_t gigaflops);      ///< REQUIRES: gigaflops >= 0
std::string write_thousandths(std::int64_t thousandths);  ///< REQUIRES: thousandths >= 0
/// The other way of parse_decimal.  REQUIRES: value >= 0; decimals <= 9.
std::string write_decimal(std::int64_t value, int decimals);

}  // namespace mw
