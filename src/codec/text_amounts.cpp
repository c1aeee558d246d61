// Amounts as people read them: lengths of time, sizes, shares, accelerator-time, signals.
#include <array>
#include <csignal>
#include <utility>

#include "codec/text.h"

namespace mw {
namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }

std::string two_digits(std::uint64_t n) { return (n < 10 ? "0" : "") + number(n); }

/// Thousandths as a decimal without trailing zeros: 1500 is "1.5".
std::string thousandths(std::int64_t value) {
  const std::uint64_t size =
      value < 0 ? -static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string out = (value < 0 ? "-" : "") + number(size / 1000);
  std::string part = number(1000 + size % 1000).substr(1);
  while (!part.empty() && part.back() == '0') part.pop_back();
  if (!part.empty()) out += "." + part;
  return out;
}

/// value/unit rounded down to one decimal: "1.5"; none from ten on: "42".
std::string one_decimal(std::uint64_t value, std::uint64_t unit) {
  const std::uint64_t whole = value / unit;
  const std::uint64_t tenth = value % unit * 10 / unit;
  return number(whole) + (whole < 10 && tenth != 0 ? "." + number(tenth) : "");
}

}  // namespace

std::string duration_text(Duration length) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const bool negative = length.count() < 0;
  const auto ns = negative ? -static_cast<std::uint64_t>(length.count())
                           : static_cast<std::uint64_t>(length.count());
  const std::string sign = negative ? "-" : "";
  const std::uint64_t s = ns / kSecond;
  if (ns == 0) return "0 s";
  if (ns < 1000) return sign + number(ns) + " ns";
  if (ns < 1'000'000) return sign + one_decimal(ns, 1000) + " us";
  if (ns < kSecond) return sign + one_decimal(ns, 1'000'000) + " ms";
  if (s < 60) return sign + one_decimal(ns, kSecond) + " s";
  if (s < 3600) return sign + number(s / 60) + "m " + two_digits(s % 60) + "s";
  if (s < 86400) return sign + number(s / 3600) + "h " + two_digits(s / 60 % 60) + "m";
  return sign + number(s / 86400) + "d " + two_digits(s / 3600 % 24) + "h";
}

std::string bytes_text(Bytes size) {
  constexpr std::array<std::string_view, 7> kUnits = {"B",   "KiB", "MiB", "GiB",
                                                      "TiB", "PiB", "EiB"};
  const bool negative = size.count() < 0;
  const auto bytes = negative ? -static_cast<std::uint64_t>(size.count())
                              : static_cast<std::uint64_t>(size.count());
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes >> (10 * (unit + 1)) != 0) ++unit;
  const std::uint64_t scale = std::uint64_t{1} << (10 * unit);
  // The remainder times ten would overflow for the largest unit; a shifted one does not.
  const std::uint64_t down = unit > 5 ? 10 : 0;
  return (negative ? "-" : "") + one_decimal(bytes >> down, scale >> down) + " " +
         std::string(kUnits[unit]);
}

std::string share_text(AcceleratorShare share) { return thousandths(share.count()); }
std::string share_text(CpuShare share) { return thousandths(share.count()); }

std::string accelerator_time_text(AcceleratorTime time) {
  // Thousandths x ns to tenths of an accelerator-second, rounded down. A sum too large for that
  // to fit 64 bits (over 10^10 accelerator-years) is shown as the largest that does.
  constexpr Int128 kTenth = 1000LL * 100'000'000LL;
  const bool negative = time.count() < 0;
  const Int128 wide = (negative ? -(time.count() / kTenth) : time.count() / kTenth);
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  const std::uint64_t tenths =
      wide > static_cast<Int128>(kMost) ? kMost : static_cast<std::uint64_t>(wide);
  const std::string amount =
      number(tenths / 10) + (tenths % 10 != 0 ? "." + number(tenths % 10) : "");
  return (negative && tenths != 0 ? "-" : "") + amount +
         (tenths == 10 ? " accelerator-second" : " accelerator-seconds");
}

std::string signal_name(std::int32_t signal) {
  constexpr std::array<std::pair<int, std::string_view>, 20> kNames = {{
      {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
      {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
      {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},
      {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"}, {SIGCONT, "SIGCONT"},
      {SIGSTOP, "SIGSTOP"}, {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
  }};
  for (const auto& [value, name] : kNames) {
    if (value == signal) return std::string(name);
  }
  return "signal " + std::to_string(signal);
}

}  // namespace mw
