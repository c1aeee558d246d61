#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace mw {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

bool locale_is_utf8() {
  // The first that is set decides, as in setlocale().
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != std::string_view::npos ||
           value.find("utf8") != std::string_view::npos;
  }
  return false;
}

/// COLUMNS is what a person set on purpose; otherwise the terminal knows.
std::size_t terminal_width(int file_descriptor) {
  const std::string_view columns = environment("COLUMNS");
  std::size_t width = 0;
  const auto [end, failure] =
      std::from_chars(columns.data(), columns.data() + columns.size(), width);
  if (failure == std::errc() && end == columns.data() + columns.size() && width > 0) return width;
  winsize size{};
  if (::ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

struct Range {
  char32_t first;
  char32_t last;
};
// The blocks of Unicode 15 that matter in names and messages (UAX 11, wide and fullwidth).
constexpr std::array<Range, 10> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF00, 0xFF60},
                                          {0xFFE0, 0xFFE6},
                                          {0x1F300, 0x1F64F},
                                          {0x1F900, 0x1F9FF},
                                          {0x20000, 0x3FFFD}}};

std::size_t width_of(char32_t code) {
  if ((code >= 0x300 && code <= 0x36F) || (code >= 0x200B && code <= 0x200F)) return 0;
  for (const Range& range : kWide) {
    if (code >= range.first && code <= range.last) return 2;
  }
  return 1;
}

/// Takes one character off the front. A byte that is no UTF-8 counts as one character.
char32_t take_character(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  if (length == 1 || length > text.size()) {
    text.remove_prefix(1);
    return first;
  }
  char32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (byte(i) & 0x3FU);
  text.remove_prefix(length);
  return code;
}

}  // namespace

TerminalTraits detect_terminal(int file_descriptor, bool colours_wanted) {
  TerminalTraits traits;
  traits.unicode = locale_is_utf8();
  if (::isatty(file_descriptor) != 1) return traits;
  traits.interactive = true;
  traits.width = terminal_width(file_descriptor);
  const std::string_view term = environment("TERM");
  traits.colours =
      colours_wanted && environment("NO_COLOR").empty() && !term.empty() && term != "dumb";
  return traits;
}

Console Console::standard() {
  const auto write_to = [](std::FILE* file) {
    return [file](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), file);
      std::fflush(file);
    };
  };
  Console console(write_to(stdout), write_to(stderr));
  console.out_traits = detect_terminal(STDOUT_FILENO, true);
  console.err_traits = detect_terminal(STDERR_FILENO, true);
  return console;
}

int Console::fail(const Error& error) const {
  const std::string mark = paint("mw: error:", Colour::kRed, err_traits);
  std::string_view rest = error.message;
  do {
    const std::size_t end = rest.find('\n');
    err(fmt::format("{} {}\n", mark, printable(rest.substr(0, end))));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  } while (!rest.empty());
  return row(error.code).exit_code;
}

void Console::warn(std::string_view message) const {
  err(fmt::format("{} {}\n", paint("mw: warning:", Colour::kYellow, err_traits),
                  printable(message)));
}

std::string paint(std::string_view text, Colour colour, const TerminalTraits& traits) {
  constexpr std::array<std::string_view, 8> codes = {"", "1", "2", "31", "32", "33", "34", "36"};
  if (!traits.colours || colour == Colour::kNone || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(colour)], text);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) width += width_of(take_character(text));
  return width;
}

std::string clip(std::string_view text, std::size_t width, bool unicode) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view mark = unicode ? "\u2026" : width > 3 ? "..." : "~";
  const std::size_t room = width - std::min(width, display_width(mark));
  std::string_view rest = text;
  std::size_t used = 0;
  while (true) {
    std::string_view next = rest;
    used += width_of(take_character(next));
    if (used > room) break;
    rest = next;
  }
  return fmt::format("{}{}", text.substr(0, text.size() - rest.size()), width == 0 ? "" : mark);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t code = take_character(text);
    if (code == '\n' || code == '\t') {
      out += ' ';
    } else if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {  // C0, DEL and C1
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(code));
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
  return out;
}

}  // namespace mw
