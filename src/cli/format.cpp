#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <ctime>

#include "codec/text.h"

namespace mw {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::tm local_time(Instant at) {
  const auto seconds = static_cast<std::time_t>(at.count() / kSecond);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

std::string ago_text(Instant then, Instant now) {
  const bool future = then > now;
  const std::int64_t s = (future ? then - now : now - then).count() / kSecond;
  if (s < 1) return "now";
  const std::string length = s < 60       ? fmt::format("{}s", s)
                             : s < 3600   ? fmt::format("{}m", s / 60)
                             : s < 86'400 ? fmt::format("{}h", s / 3600)
                                          : fmt::format("{}d", s / 86'400);
  return future ? "in " + length : length + " ago";
}

std::string clock_text(Instant at) {
  const std::tm t = local_time(at);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1,
                     t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

std::string time_of_day_text(Instant at) {
  const std::tm t = local_time(at);
  return fmt::format("{:02}:{:02}:{:02}", t.tm_hour, t.tm_min, t.tm_sec);
}

std::string count_text(double value) {
  constexpr std::array<const char*, 8> suffixes = {"", "k", "M", "G", "T", "P", "E", "Z"};
  std::size_t i = 0;
  // 999.5 would be shown as 1000.
  while (std::abs(value) >= 999.5 && i + 1 < suffixes.size()) {
    value /= 1000;
    ++i;
  }
  if (i == 0) return fmt::format("{:.4g}", value);
  const int decimals = std::abs(value) < 9.995 ? 2 : std::abs(value) < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", value, decimals, suffixes[i]);
}

std::string si_text(double value, std::string_view unit) {
  std::string text = count_text(value);
  const bool has_suffix = std::isalpha(static_cast<unsigned char>(text.back())) != 0;
  text.insert(text.size() - (has_suffix ? 1 : 0), " ");
  return text.append(unit);
}

std::string watts_text(Watts power) {
  return si_text(static_cast<double>(power.count()) / 1000, "W");
}

std::string memory_text(Bytes size) {
  constexpr std::int64_t kGiB = std::int64_t{1} << 30;
  return size.count() % kGiB == 0 && size.count() > 0
             ? bytes_text(size)
             : si_text(static_cast<double>(size.count()), "B");
}

std::string accelerator_seconds_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.1f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string measure_text(double value) { return fmt::format("{:.4g}", value); }

std::string bar_text(double share, std::size_t width, bool unicode) {
  if (width < 3) return {};
  const std::size_t inside = width - 2;
  const double bounded = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const auto full = static_cast<std::size_t>(bounded * static_cast<double>(inside));
  std::string out = "[";
  for (std::size_t i = 0; i < inside; ++i) {
    out += unicode ? (i < full ? "\u2588" : "\u2591") : (i < full ? "#" : "-");
  }
  return out + "]";
}

std::string progress_text(const JsonView& progress) {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : "  ") + part; };
  const std::int64_t step = progress["step"].integer();
  const std::int64_t total = progress["steps_total"].integer();
  if (progress["step"].present() && total > 0) {
    add(fmt::format("{}/{}", step, total));
    add(fmt::format("{:.0f}%", std::min(100.0, std::floor(100.0 * static_cast<double>(step) /
                                                          static_cast<double>(total)))));
  } else if (progress["step"].present()) {
    add(fmt::format("step {}", step));
  }
  if (progress["loss"].present()) add("loss " + measure_text(progress["loss"].real()));
  if (progress["rate"].present()) {
    const std::string unit = progress["unit"].text();
    add(count_text(progress["rate"].real()) + (unit.empty() ? "/s" : " " + unit + "/s"));
  }
  return out;
}

std::string counted(std::int64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

}  // namespace mw
