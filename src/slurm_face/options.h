// The options of sbatch, srun and salloc, as one table: how each is written, whether it is
// honoured, and if not, why. Every option that Slurm 22.05 has is in it, so that none is ignored in
// silence: what is not honoured is refused by its name, unless it changes nothing about what is run
// (who is sent mail), in which case a line on standard error says so. docs/slurm-commands.md shows
// this very table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::face {

/// Commands that start something; the bits say who knows an option.
enum Starter : std::uint8_t { kSbatch = 1, kSrun = 2, kSalloc = 4 };
std::string_view name_of(Starter starter);

enum class Takes : std::uint8_t {
  kNothing,
  kValue,
  kMaybe,  ///< a value behind "=" only
};
enum class Support : std::uint8_t {
  kTaken,
  kNoted,    ///< changes nothing about what is run: told on standard error, and left
  kRefused,  ///< by name
};

struct OptionRow {
  std::string_view name;  ///< "cpus-per-task"
  char letter;            ///< 'c'; 0: it has none
  Takes takes;
  std::uint8_t commands;      ///< Starters that know it
  Support support;            ///< for those
  std::string_view variable;  ///< "GRES": SBATCH_GRES, SALLOC_GRES, SLURM_GRES; empty: none
  std::string_view says;      ///< what becomes of it, or what to do instead
};
std::span<const OptionRow> option_rows();

/// One option as somebody gave it.
struct GivenOption {
  const OptionRow* row = nullptr;
  std::string value;  ///< empty when there is none
  std::string where;  ///< for messages: "--gres", "line 3", "SBATCH_GRES"
};

/// Options, and what follows them.
struct GivenOptions {
  std::vector<GivenOption> options;    ///< in the order in which they hold: later ones win
  std::vector<std::string> arguments;  ///< from the first that is no option on
};

/// Reads arguments as getopt_long does with a leading '+': up to the first that is no option, long
/// names may be cut short where that is unambiguous, `-n4` and `-n 4` are the same.
/// `where`: for messages: empty: the option's own name.
/// Errors: kInvalid: unknown, ambiguous, without its value; names the option.
Result<GivenOptions> read_arguments(Starter starter, std::span<const std::string> arguments,
                                    std::string_view where = {});

/// Whether a variable sets a flag: "yes" and numbers other than 0 do, as in Slurm.
bool sets_flag(std::string_view value);
/// The names of the variables for an option, the one that wins last.
std::vector<std::string> variables_for(Starter starter, const OptionRow& row);

/// Options from variables such as SBATCH_GRES, in the table's order.
/// `variable`: the value of one; empty: not set.
template <class Read>
std::vector<GivenOption> read_variables(Starter starter, const Read& variable) {
  std::vector<GivenOption> found;
  for (const OptionRow& row : option_rows()) {
    if ((row.commands & starter) == 0) continue;
    for (const std::string& name : variables_for(starter, row)) {
      std::string value = variable(name.c_str());
      if (value.empty()) continue;
      if (row.takes == Takes::kNothing) {
        if (!sets_flag(value)) continue;
        value.clear();
      }
      found.push_back({&row, std::move(value), name});
    }
  }
  return found;
}

/// The option lines of a batch script, as Slurm reads them: "#SBATCH" at the begin of a line, until
/// the first line that is neither empty nor a comment. Words are split as a shell would, with
/// quotes and backslashes; # outside of these ends the line.
/// Errors: kInvalid: an option that there is not, with the line's number; a quote that is not
///         closed; kUnsupported for a script of several components (hetjob).
Result<std::vector<GivenOption>> read_directives(std::string_view script);

/// The table of one command for docs/slurm-commands.md.
std::string options_markdown(Starter starter);

}  // namespace mw::face
