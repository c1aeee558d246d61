#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "cli/command_tree.h"
#include "cli/manual.h"

namespace mw {
namespace {

/// What may follow "mw job": subcommands and options, blank-separated.
std::string words_after(const CLI::App& command) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const CLI::App* below : commands_below(command)) add(below->get_name());
  for (const CLI::App* level = &command; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (level == &command || name != "help") add("--" + name);
      }
    }
  }
  return words;
}

/// Positional words that are one of a few: "bash zsh".
std::string choices_of(const CLI::App& command) {
  return command.get_name() == "completion" ? "bash zsh " : "";
}

std::string completion_cases(const CLI::App& app) {
  std::string cases;
  const auto add = [&](const CLI::App& command) {
    cases += fmt::format("    \"{}\") printf '%s' \"{}{}\" ;;\n", path_of(command),
                         choices_of(command), words_after(command));
  };
  add(app);
  for (const CLI::App* below : commands_below(app)) {
    if (!commands_below(*below).empty()) add(*below);
  }
  visit_commands(app, add);
  return cases;
}

/// Options of any command that are followed by a value; after these, file names are offered.
std::string value_options(const CLI::App& app) {
  std::vector<std::string> names;
  const auto add = [&](const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_items_expected_max() == 0) continue;
      for (const std::string& name : option->get_lnames()) {
        if (std::ranges::find(names, "--" + name) == names.end()) names.push_back("--" + name);
      }
    }
  };
  add(app);
  visit_commands(app, add);
  return fmt::format("{}", fmt::join(names, "|"));
}

// Both shells run the same two functions; only how words are offered differs.
constexpr std::string_view kCommon = R"SH(
_mw_words() {{
  # $1: the command so far, e.g. "mw job"; prints what may follow it.
  case "$1" in
{cases}  esac
}}

_mw_path() {{
  # The command words among the arguments; options and their values are left out.
  local at="mw" skip="" word
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=""; continue; fi
    case "$word" in
      --) break ;;
      {values}) skip=1 ;;
      -*) ;;
      *) if [ -n "$(_mw_words "$at $word")" ]; then at="$at $word"; fi ;;
    esac
  done
  printf '%s' "$at"
}}
)SH";

constexpr std::string_view kBash = R"SH(# bash completion for mw:
#   mw completion bash > ~/.local/share/bash-completion/completions/mw
{common}
_mw() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path
  COMPREPLY=()
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
    {values}) ;;
    *)
      path="$(_mw_path "${{COMP_WORDS[@]:1:COMP_CWORD-1}}")"
      mapfile -t COMPREPLY < <(compgen -W "$(_mw_words "$path")" -- "$current") ;;
  esac
  if [ "${{#COMPREPLY[@]}}" -eq 0 ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    compopt -o filenames
  fi
}}
complete -F _mw mw
)SH";

constexpr std::string_view kZsh = R"SH(#compdef mw
# zsh completion for mw: save as _mw in a folder of your $fpath
{common}
_mw() {{
  local -a known
  case "${{words[CURRENT-1]}}" in
    {values}) _files; return ;;
  esac
  known=(${{(s: :)"$(_mw_words "$(_mw_path "${{(@)words[2,CURRENT-1]}}")")"}})
  compadd -a known || _files
}}
if [ "$funcstack[1]" = "_mw" ]; then _mw "$@"; else compdef _mw mw; fi
)SH";

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  MW_CHECK(shell == "bash" || shell == "zsh");
  const std::string values = value_options(app);
  const std::string common =
      fmt::format(kCommon, fmt::arg("cases", completion_cases(app)), fmt::arg("values", values));
  return fmt::format(fmt::runtime(shell == "bash" ? kBash : kZsh), fmt::arg("common", common),
                     fmt::arg("values", values));
}

}  // namespace mw
