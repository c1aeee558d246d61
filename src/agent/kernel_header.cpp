// The headers that stand before a message of the kernel's, by whichever way it came.
#include <algorithm>
#include <charconv>

#include "agent/kernel_line.h"
#include "codec/timestamp.h"

namespace mw::agent {
namespace {

constexpr std::uint64_t kFacilityShift = 3;  // of a syslog priority; the kernel's own facility is 0

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes a decimal number off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

/// "4,1234,567890,-;message": a record of /dev/kmsg.
bool read_record(std::string_view text, KernelLine& line) {
  const auto priority = take_number(text);
  if (!priority || !take(text, ",")) return false;
  const auto sequence = take_number(text);
  if (!sequence || !take(text, ",")) return false;
  const auto stamp = take_number(text);
  const std::size_t end = text.find(';');
  if (!stamp || *stamp > INT64_MAX || !text.starts_with(',') || end == std::string_view::npos) {
    return false;
  }
  line.from_kernel = *priority >> kFacilityShift == 0;
  line.sequence = *sequence;
  line.monotonic_us = static_cast<std::int64_t>(*stamp);
  line.message = text.substr(end + 1);
  return true;
}

/// "[  12.345678] " and "[Mon May 25 12:34:56 2026] " of dmesg, but not "[Hardware Error]".
void drop_bracket(std::string_view& text) {
  const std::size_t end = text.find("] ");
  if (!text.starts_with('[') || end == std::string_view::npos) return;
  const std::string_view inside = text.substr(1, end - 1);
  const bool stamp =
      std::any_of(inside.begin(), inside.end(), is_digit) &&
      (inside.find('.') != std::string_view::npos || inside.find(':') != std::string_view::npos);
  const bool drm = inside.starts_with("drm");
  if (stamp && !drm) text.remove_prefix(end + 2);
}

/// The first word of a syslog line that ends in a colon is who wrote it: "kernel:", "sshd[12]:".
/// A date has colons, but no word of it ends in one.
void read_syslog(std::string_view text, KernelLine& line) {
  std::size_t begin = 0;
  constexpr int kWordsMax = 6;  // Mon dd hh:mm:ss host tag:, or date host tag:
  for (int word = 0; word < kWordsMax && begin < text.size(); ++word) {
    const std::size_t end = text.find(' ', begin);
    if (end == std::string_view::npos) return;
    const std::string_view found = text.substr(begin, end - begin);
    if (word == 0) {
      const auto at = parse_timestamp(found);
      if (at) line.at = *at;
    }
    if (found.ends_with(':')) {
      // Without a date or a host before it, it is part of the message.
      if (word < 2 && found != "kernel:") return;
      line.from_kernel = found == "kernel:";
      line.message = text.substr(end + 1);
      return;
    }
    begin = text.find_first_not_of(' ', end);
    if (begin == std::string_view::npos) return;
  }
}

/// "Oct 02 10:41:07 host " or "2026-05-25T12:34:56+02:00 host ": else it is no syslog line.
bool begins_with_date(std::string_view text) {
  if (text.size() > 16 && is_digit(text[0]) && text[4] == '-' && text[10] == 'T') return true;
  if (text.size() < 16 || text[3] != ' ') return false;
  return text[9] == ':' && text[12] == ':' && is_digit(text[8]) && is_digit(text[11]);
}

}  // namespace

KernelLine split_kernel_line(std::string_view text) {
  text = text.substr(0, kKernelLineBytesMax);
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  KernelLine line;
  line.message = text;
  if (!text.empty() && is_digit(text[0]) && read_record(text, line)) return line;
  if (begins_with_date(text) || text.starts_with("kernel: ")) read_syslog(text, line);
  std::string_view message = line.message;
  // "<4>" is printk's priority where nobody took it off.
  if (message.size() > 3 && message[0] == '<' && is_digit(message[1]) && message[2] == '>') {
    message.remove_prefix(3);
  }
  drop_bracket(message);
  line.message = message;
  return line;
}

}  // namespace mw::agent
