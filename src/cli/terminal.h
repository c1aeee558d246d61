// Where output goes: a terminal that has a width and colours, or a file or pipe that has neither.
// Text that jobs made up is shown through printable(), so that it cannot steer the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw {

enum class Colour : std::uint8_t { kNone, kBold, kDim, kRed, kGreen, kYellow, kBlue, kCyan };

/// What one output stream can show.
struct TerminalTraits {
  bool interactive = false;  ///< a terminal, not a file or pipe
  bool colours = false;
  bool unicode = false;   ///< the locale's characters are UTF-8
  std::size_t width = 0;  ///< in columns; 0: as wide as it likes
};

/// Looks at a file descriptor and the environment (COLUMNS, NO_COLOR, TERM, LC_ALL, ...).
TerminalTraits detect_terminal(int file_descriptor, bool colours_wanted);

/// Standard output and standard error, or what a test puts in their place.
class Console {
 public:
  using Sink = std::function<void(std::string_view)>;
  Console(Sink out, Sink err) : out_(std::move(out)), err_(std::move(err)) {}
  static Console standard();

  TerminalTraits out_traits;
  TerminalTraits err_traits;

  /// To standard output, at once.
  void out(std::string_view text) const { out_(text); }
  void err(std::string_view text) const { err_(text); }
  /// "mw: error: ..." to standard error, every line of the message marked; the exit code for it.
  int fail(const Error& error) const;
  void warn(std::string_view message) const;

 private:
  Sink out_;
  Sink err_;
};

/// `text` in `colour` where the stream has colours.
std::string paint(std::string_view text, Colour colour, const TerminalTraits& traits);

/// Columns that `text` takes: wide East Asian characters two, combining ones none.
std::size_t display_width(std::string_view text);
/// The front of `text` in at most `width` columns, with a mark at its end when something is cut.
std::string clip(std::string_view text, std::size_t width, bool unicode);
/// Control characters as "\x1b", line ends as spaces: safe to print.
std::string printable(std::string_view text);

}  // namespace mw
