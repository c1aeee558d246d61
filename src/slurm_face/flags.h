// The options of the listings: few, and each command its own, so they are a table in its file. Read
// as getopt_long reads them, options and arguments in any order; one that is not in the table is
// refused by its name.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "slurm_face/options.h"

namespace mw::face {

struct Flag {
  std::string_view name;
  char letter;
  Takes takes;
  /// Empty: taken. Otherwise why it is refused.
  std::string_view refused = {};
};

class GivenFlags {
 public:
  [[nodiscard]] bool has(std::string_view name) const {
    return values_.contains(std::string(name));
  }
  /// Empty when it was not given.
  [[nodiscard]] std::string value(std::string_view name) const;
  std::vector<std::string> arguments;
  void put(std::string_view name, std::string value) {
    values_[std::string(name)] = std::move(value);
  }

 private:
  std::map<std::string, std::string> values_;
};

/// Errors: kInvalid, kUnsupported; names the option.
Result<GivenFlags> read_flags(std::span<const Flag> flags,
                              const std::vector<std::string>& arguments);
/// The table for docs/slurm-commands.md.
std::string flags_markdown(std::string_view command, std::span<const Flag> flags);
/// The flags of one of the listings; empty for other commands.
std::span<const Flag> flags_of(std::string_view command);

/// "a,b" as its parts.
std::vector<std::string> words_of(std::string_view text);

}  // namespace mw::face
