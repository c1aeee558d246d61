// Help, man page, shell completion and the reference, all from the tree of commands.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace mw {

/// What `mw COMMAND --help` shows.
std::string help_text(const CLI::App& command);
/// The manual page mw(1), in roff.  `app` is the root.
std::string man_page(const CLI::App& app, const std::string& version);
/// docs/reference/cli.md.
std::string markdown_reference(const CLI::App& app);
/// A completion script. REQUIRES: shell is "bash" or "zsh".
std::string completion_script(const CLI::App& app, const std::string& shell);

}  // namespace mw
