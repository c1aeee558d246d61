#include "cli/command_tree.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <sstream>

namespace mw {
namespace {

OptionText describe(const CLI::Option& option) {
  OptionText text;
  text.positional =
      option.get_positional() && option.get_lnames().empty() && option.get_snames().empty();
  text.description = option.get_description();
  text.required = option.get_required();
  if (text.positional) {
    text.names = option.get_name(true);
    return text;
  }
  for (const std::string& name : option.get_snames())
    text.names += (text.names.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames())
    text.names += (text.names.empty() ? "--" : ", --") + name;
  // CLI11 appends what its validators say: "N:POSITIVE".
  if (option.get_items_expected_max() > 0) {
    text.type = option.get_type_name();
    text.type.erase(std::min(text.type.find(':'), text.type.size()));
  }
  return text;
}

/// A command that does something itself, though there may be others below it.
bool works_alone(const CLI::App& command) {
  return command.get_subcommands({}).empty() || command.get_require_subcommand_min() == 0;
}

}  // namespace

std::vector<OptionText> options_of(const CLI::App& command, bool positional) {
  std::vector<OptionText> options;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    OptionText text = describe(*option);
    const bool is_help = text.names.find("--help") != std::string::npos;
    if (text.positional == positional && (!is_help || command.get_parent() == nullptr))
      options.push_back(text);
  }
  return options;
}

std::string path_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : path_of(*parent) + " " + command.get_name();
}

std::vector<const CLI::App*> commands_below(const CLI::App& command) {
  return command.get_subcommands({});
}

void visit_commands(const CLI::App& command, const std::function<void(const CLI::App&)>& visitor) {
  for (const CLI::App* below : commands_below(command)) {
    if (works_alone(*below)) visitor(*below);
    visit_commands(*below, visitor);
  }
}

std::string usage_of(const CLI::App& command) {
  std::string line = path_of(command);
  if (!options_of(command, false).empty()) line += " [OPTIONS]";
  for (const OptionText& option : options_of(command, true)) {
    line += option.required ? " " + option.names : " [" + option.names + "]";
  }
  if (command.get_name() == "submit") line += " [-- COMMAND ARGUMENTS...]";
  if (!commands_below(command).empty())
    line += command.get_parent() != nullptr && works_alone(command) ? " [COMMAND]" : " COMMAND";
  return line;
}

std::vector<Paragraph> paragraphs_of(const CLI::App& command) {
  std::vector<Paragraph> parts;
  std::istringstream lines(command.get_footer());
  bool fresh = true;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      fresh = true;
      continue;
    }
    const bool example = line.starts_with("  ");
    if (fresh || parts.empty() || parts.back().is_example != example) {
      parts.push_back({example, example ? line.substr(2) : line});
    } else {
      parts.back().text += (example ? "\n" + line.substr(2) : " " + line);
    }
    fresh = false;
  }
  return parts;
}

}  // namespace mw
