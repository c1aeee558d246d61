// The tree of commands as documentation sees it: CLI11's objects read into plain text, once for
// help, man page, reference and completion.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mw {

struct OptionText {
  std::string names;  ///< "-f, --follow" or "JOB"
  std::string type;   ///< "N"; empty for a flag
  std::string description;
  bool positional = false;
  bool required = false;
};
/// The options, or the positional arguments, of one command; --help only of the root.
std::vector<OptionText> options_of(const CLI::App& command, bool positional);

/// "mw job show".
std::string path_of(const CLI::App& command);
std::vector<const CLI::App*> commands_below(const CLI::App& command);
/// Visits every command that does something itself, depth first.
void visit_commands(const CLI::App& root, const std::function<void(const CLI::App&)>& visitor);
/// "mw job show [OPTIONS] JOB".
std::string usage_of(const CLI::App& command);

/// A part of a command's long text: a paragraph, or an example (lines that begin with two blanks).
struct Paragraph {
  bool is_example = false;
  std::string text;
};
std::vector<Paragraph> paragraphs_of(const CLI::App& command);

}  // namespace mw
