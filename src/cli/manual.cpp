#include "cli/manual.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <functional>
#include <sstream>

#include "base/result.h"
#include "cli/cli.h"
#include "cli/command_tree.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace mw {
namespace {

constexpr std::size_t kHelpWidth = 96;  // of help texts; narrower terminals wrap by themselves

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (column > indent && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

struct ExitRow {
  int code;
  std::string_view meaning;
};
constexpr std::array<ExitRow, 11> kExitRows = {{
    {0, "It worked. Of commands that wait for a job: the job succeeded."},
    {1, "The job failed, was cancelled or reached its time limit (submit --wait and --follow)."},
    {2, "The arguments, the job file or the request make no sense."},
    {3, "The job, node, rank or attempt does not exist."},
    {4, "It exists, but its state does not allow this."},
    {5, "The token is missing or wrong, or does not allow this."},
    {6, "Over a stated limit."},
    {7, "The control plane does not run or cannot do this now; trying again may help."},
    {8, "Known, and not offered here."},
    {9, "No answer in the time allowed; the outcome is unknown."},
    {10, "A defect or a broken machine."},
}};

struct NamedText {
  std::string_view name;
  std::string_view text;
};
constexpr std::array<NamedText, 8> kEnvironment = {{
    {"MILLWRIGHT_HOME", "The folder with the control plane's state, when --home is not given."},
    {"XDG_STATE_HOME", "The state is in its folder millwright when neither of the above is given."},
    {"MILLWRIGHT_URL",
     "Inside a task: where mw report sends to when the endpoint file cannot be read."},
    {"MILLWRIGHT_ENDPOINT_FILE",
     "Inside a task: the file that says where the control plane listens."},
    {"MILLWRIGHT_TOKEN", "Inside a task: the attempt's own token, good for reports only."},
    {"NO_COLOR", "Not empty: no colours."},
    {"COLUMNS", "The width of tables on a terminal."},
    {"TZ", "The time zone of the times shown."},
}};
constexpr std::array<NamedText, 6> kFiles = {{
    {"HOME/endpoint", "Where the control plane listens; the port stays the same across restarts."},
    {"HOME/token", "The API's token (mode 0600)."},
    {"HOME/journal.db", "The journal: everything that was asked and happened (SQLite)."},
    {"HOME/serve.log", "What a control plane started by mw up has logged."},
    {"HOME/serve.lock", "Held by the running control plane."},
    {"HOME/run/JOB/ATTEMPT/", "Output and state of a job's tasks."},
}};

// --- help ---------------------------------------------------------------------------------------

std::string help_rows(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t column = 0;
  for (const auto& [name, text] : rows) column = std::max(column, name.size());
  column = std::min<std::size_t>(column, 30) + 4;
  std::string out;
  for (const auto& [name, text] : rows) {
    out += "  " + name;
    out += name.size() + 4 > column ? "\n" + std::string(column, ' ')
                                    : std::string(column - name.size() - 2, ' ');
    out += wrapped(text, column, kHelpWidth) + "\n";
  }
  return out;
}

std::string help_options(const CLI::App& command, bool positional) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const OptionText& option : options_of(command, positional)) {
    rows.emplace_back(option.names + (option.type.empty() ? "" : " " + option.type),
                      option.description);
  }
  return help_rows(rows);
}

// --- roff ---------------------------------------------------------------------------------------

std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

std::string roff_options(const CLI::App& command, bool positional) {
  std::string out;
  for (const OptionText& option : options_of(command, positional)) {
    out += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(option.names),
                       option.type.empty() ? "" : " \\fI" + roff(option.type) + "\\fR",
                       roff(option.description));
  }
  return out;
}

std::string roff_paragraphs(const CLI::App& command) {
  std::string out;
  for (const Paragraph& part : paragraphs_of(command)) {
    out += part.is_example ? fmt::format(".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", roff(part.text))
                           : fmt::format(".PP\n{}\n", roff(part.text));
  }
  return out;
}

// --- Markdown -----------------------------------------------------------------------------------

std::string in_table(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_options(const CLI::App& command) {
  std::string rows;
  for (const bool positional : {true, false}) {
    for (const OptionText& option : options_of(command, positional)) {
      rows +=
          fmt::format("| `{}{}` | {} |\n", option.names,
                      option.type.empty() ? "" : " " + option.type, in_table(option.description));
    }
  }
  return rows.empty() ? rows : "| argument | meaning |\n|---|---|\n" + rows + "\n";
}

std::string markdown_paragraphs(const CLI::App& command) {
  std::string out;
  for (const Paragraph& part : paragraphs_of(command)) {
    out += part.is_example ? fmt::format("```sh\n{}\n```\n\n", part.text) : part.text + "\n\n";
  }
  return out;
}

template <std::size_t N>
std::string markdown_rows(std::string_view first, const std::array<NamedText, N>& rows) {
  std::string out = fmt::format("| {} | meaning |\n|---|---|\n", first);
  for (const NamedText& row : rows) out += fmt::format("| `{}` | {} |\n", row.name, row.text);
  return out + "\n";
}

}  // namespace

std::string help_text(const CLI::App& command) {
  std::string out =
      wrapped(command.get_description(), 0, kHelpWidth) + ".\n\nusage: " + usage_of(command) + "\n";
  if (!commands_below(command).empty()) {
    out += "\ncommands:\n";
    std::vector<std::pair<std::string, std::string>> rows;
    for (const CLI::App* below : commands_below(command))
      rows.emplace_back(below->get_name(), below->get_description());
    out += help_rows(rows);
  }
  const std::string positionals = help_options(command, true);
  if (!positionals.empty()) out += "\narguments:\n" + positionals;
  const std::string options = help_options(command, false);
  if (!options.empty()) out += "\noptions:\n" + options;
  for (const Paragraph& part : paragraphs_of(command)) {
    out += "\n";
    if (!part.is_example) {
      out += wrapped(part.text, 0, kHelpWidth) + "\n";
      continue;
    }
    std::istringstream lines(part.text);
    for (std::string line; std::getline(lines, line);) out += "  " + line + "\n";
  }
  if (command.get_parent() != nullptr)
    out += "\n--home, --url, --json and --no-color: see \"mw --help\".\n";
  return out;
}

std::string man_page(const CLI::App& app, const std::string& version) {
  std::string out =
      fmt::format(".TH MW 1 \"\" \"Millwright {}\" \"User Commands\"\n", roff(version));
  out += fmt::format(".SH NAME\nmw \\- {}\n.SH SYNOPSIS\n\\fBmw\\fR [OPTIONS] COMMAND\n",
                     roff("the control plane of an AI factory"));
  out += ".SH OPTIONS\nThese go with every command.\n" + roff_options(app, false);
  out += ".SH COMMANDS\n";
  visit_commands(app, [&](const CLI::App& command) {
    out += fmt::format(".SS {}\n{}.\n", roff(usage_of(command)), roff(command.get_description()));
    out += roff_options(command, true) + roff_options(command, false) + roff_paragraphs(command);
  });
  out += ".SH EXIT STATUS\n";
  for (const ExitRow& row : kExitRows)
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", row.code, roff(row.meaning));
  out += ".SH ENVIRONMENT\n";
  for (const NamedText& row : kEnvironment)
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", row.name, roff(row.text));
  out += ".SH FILES\n";
  for (const NamedText& row : kFiles)
    out += fmt::format(".TP\n\\fI{}\\fR\n{}\n", roff(row.name), roff(row.text));
  return out;
}

std::string markdown_reference(const CLI::App& app) {
  std::string out =
      "<!-- Made by `mw man --markdown` from the program's own tree of commands. Do not edit: "
      "change src/cli,\n"
      "     then run `mw man --markdown > docs/reference/cli.md`. A test compares the two. -->\n"
      "# The command line\n\n"
      "These options go with every command, before or behind its name:\n\n" +
      markdown_options(app);
  visit_commands(app, [&](const CLI::App& command) {
    out += fmt::format("## {}\n\n{}.\n\n```\n{}\n```\n\n", path_of(command),
                       command.get_description(), usage_of(command));
    out += markdown_options(command) + markdown_paragraphs(command);
  });
  out += "## Exit status\n\n| code | meaning |\n|---|---|\n";
  for (const ExitRow& row : kExitRows) out += fmt::format("| {} | {} |\n", row.code, row.meaning);
  out += "\n## Environment\n\n" + markdown_rows("variable", kEnvironment);
  out += "## Files\n\n" + markdown_rows("file", kFiles);
  out.pop_back();
  return out;
}

std::string cli_reference_markdown() {
  Console console([](std::string_view) {}, [](std::string_view) {});
  const CliHooks hooks;
  Cli cli(hooks, console);
  CLI::App app;
  build_tree(app, cli);
  return markdown_reference(app);
}

}  // namespace mw
