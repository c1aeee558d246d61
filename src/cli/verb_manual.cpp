// mw version, mw man, mw completion.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "cli/manual.h"
#include "cli/verbs.h"

namespace mw {

void add_manual(CLI::App& app, Cli& cli) {
  CLI::App* version = app.add_subcommand("version", "Show the version");
  version->callback([&cli] {
    cli.action = [&cli] {
      cli.console.out(cli.globals.json
                          ? fmt::format("{{\n  \"version\": \"{}\"\n}}\n", cli.hooks.version)
                          : fmt::format("mw {}\n", cli.hooks.version));
      return 0;
    };
  });

  CLI::App* completion = app.add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  completion->footer("  mw completion bash > ~/.local/share/bash-completion/completions/mw");
  completion->callback([&app, &cli, shell] {
    cli.action = [&app, &cli, shell] {
      cli.console.out(completion_script(app, *shell));
      return 0;
    };
  });

  CLI::App* man = app.add_subcommand("man", "Print the manual page");
  auto markdown = std::make_shared<bool>(false);
  man->add_flag("--markdown", *markdown, "As Markdown, for docs/reference/cli.md");
  man->footer("  mw man | man -l -");
  man->callback([&app, &cli, markdown] {
    cli.action = [&app, &cli, markdown] {
      cli.console.out(*markdown ? markdown_reference(app) : man_page(app, cli.hooks.version));
      return 0;
    };
  });
}

}  // namespace mw
