#include "cli/cli.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>

#include "cli/command_tree.h"
#include "cli/home.h"
#include "cli/manual.h"
#include "cli/verb_slurm.h"
#include "cli/verbs.h"
#include "codec/suggest.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::string_view kWelcome =
    R"(Millwright runs jobs on the accelerators of this machine and accounts for every second of them.

  mw up                      start the control plane
  mw submit job.yaml -f      submit a job and follow it to its end
  mw submit --name hi -- echo hello
  mw jobs                    what runs and what waits
  mw job why 17              why a job waits
  mw job show 17             everything about a job, and its story
  mw ledger                  where the accelerator-seconds went
  mw down                    stop the control plane; running jobs go on

mw --help lists all commands, mw COMMAND --help explains one, mw man is the manual.
)";

/// The names by which `app`'s direct subcommands and options can be called.
std::vector<std::string> names_below(const CLI::App& app, bool options) {
  std::vector<std::string> names;
  if (!options) {
    for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
    return names;
  }
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

/// The deepest command that was reached.
const CLI::App& chosen(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

/// The first argument that no command took; empty when all were taken.
std::string first_extra(const CLI::App& app, const std::vector<std::string>& arguments) {
  const std::vector<std::string> extras = app.remaining(true);
  for (const std::string& argument : arguments) {
    if (std::ranges::find(extras, argument) != extras.end()) return argument;
  }
  return extras.empty() ? std::string() : extras.front();
}

/// What was wrong with the arguments, in our words.
Error explain(const CLI::App& app, const CLI::ParseError& failure,
              const std::vector<std::string>& arguments) {
  const CLI::App& at = chosen(app);
  const std::string see = fmt::format("see \"{} --help\"", path_of(at));
  const bool wants_command = !commands_below(at).empty();
  const std::string extra = first_extra(app, arguments);
  if (!extra.empty()) {
    const bool is_option = extra.starts_with('-');
    const std::vector<std::string> names = names_below(at, is_option);
    const std::vector<std::string_view> allowed(names.begin(), names.end());
    const std::string_view meant = closest(extra.substr(0, extra.find('=')), allowed);
    const std::string_view kind = is_option ? "option" : wants_command ? "command" : "argument";
    return {ErrorCode::kInvalid, meant.empty()
                                     ? fmt::format("unknown {} {}; {}", kind, in_quotes(extra), see)
                                     : fmt::format("unknown {} {}; did you mean \"{}\"? If not, {}",
                                                   kind, in_quotes(extra), meant, see)};
  }
  if (wants_command && failure.get_name() == "RequiredError") {
    return {ErrorCode::kInvalid, fmt::format("\"{}\" needs a command: {}; {}", path_of(at),
                                             fmt::join(names_below(at, false), ", "), see)};
  }
  std::string what = failure.what();
  if (!what.empty() && what.back() == '.') what.pop_back();
  return {ErrorCode::kInvalid, fmt::format("{}; {}", what, see)};
}

int run_parsed(CLI::App& app, Cli& cli, std::vector<std::string> arguments) {
  const auto dashes = std::ranges::find(arguments, "--");
  if (dashes != arguments.end()) {
    cli.has_dashes = true;
    cli.after_dashes.assign(dashes + 1, arguments.end());
    arguments.erase(dashes, arguments.end());
  }
  if (arguments.empty() && !cli.has_dashes) {
    cli.console.out(kWelcome);
    return 0;
  }
  const std::vector<std::string> given = arguments;
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    cli.console.out(help_text(chosen(app)));
    return 0;
  } catch (const CLI::CallForVersion&) {
    cli.console.out(fmt::format("mw {}\n", cli.hooks.version));
    return 0;
  } catch (const CLI::ParseError& failure) {
    return cli.console.fail(explain(app, failure, given));
  }
  if (cli.globals.no_color) {
    cli.console.out_traits.colours = false;
    cli.console.err_traits.colours = false;
  }
  if (cli.has_dashes && chosen(app).get_name() != "submit") {
    return cli.console.fail({ErrorCode::kInvalid, "only \"mw submit\" takes a command behind --"});
  }
  if (!cli.action)
    return cli.console.fail({ErrorCode::kInvalid, "no command is given; see \"mw --help\""});
  return cli.action();
}

}  // namespace

Result<std::filesystem::path> Cli::home() const { return resolve_home(globals.home); }

Result<Api> Cli::api() const {
  auto where = home();
  if (!where) return where.error();
  return Api::open(*where, globals.url);
}

int Cli::print_json(const ApiReply& reply) const {
  console.out(pretty_json(reply.body));
  return 0;
}

void build_tree(CLI::App& app, Cli& cli) {
  app.name("mw");
  app.description("Millwright: the control plane of an AI factory");
  app.set_help_flag("-h,--help", "Show help, and exit");
  app.set_version_flag(
      "--version", [&cli] { return cli.hooks.version; }, "Show the version, and exit");
  app.add_option("--home", cli.globals.home,
                 "The folder with the control plane's state (default: $MILLWRIGHT_HOME, else "
                 "${XDG_STATE_HOME:-~/.local/state}/millwright)")
      ->type_name("DIR");
  app.add_option("--url", cli.globals.url,
                 "Where the control plane listens (default: as HOME/endpoint says)")
      ->type_name("URL");
  app.add_flag("--json", cli.globals.json,
               "Print what the API answered, as JSON, instead of text for people");
  app.add_flag("--no-color", cli.globals.no_color,
               "No colours, also on a terminal (as NO_COLOR=1)");
  app.require_subcommand(0, 1);
  app.fallthrough();
  add_up(app, cli);
  add_down(app, cli);
  add_serve(app, cli);
  add_submit(app, cli);
  add_jobs(app, cli);
  add_job(app, cli);
  add_nodes(app, cli);
  add_faults(app, cli);
  add_incidents(app, cli);
  add_agent(app, cli);
  add_check(app, cli);
  add_checks(app, cli);
  add_reservation(app, cli);
  add_fleet(app, cli);
  add_accelerators(app, cli);
  add_policy(app, cli);
  add_tenants(app, cli);
  add_ledger(app, cli);
  add_goodput(app, cli);
  add_events(app, cli);
  add_report(app, cli);
  add_journal(app, cli);
  add_token(app, cli);
  add_slurm(app, cli);
  add_what_if(app, cli);
  add_replay(app, cli);
  add_experiment(app, cli);
  add_sim(app, cli);
  add_workload(app, cli);
  add_manual(app, cli);
}

int run_cli(const std::vector<std::string>& arguments, const CliHooks& hooks, Console& console) {
  try {
    Cli cli(hooks, console);
    CLI::App app;
    build_tree(app, cli);
    return run_parsed(app, cli, arguments);
  } catch (const std::exception& failure) {
    return console.fail({ErrorCode::kInternal, fmt::format("a defect in mw: {}", failure.what())});
  }
}

int run_cli(int argc, char** argv, const CliHooks& hooks) {
  Console console = Console::standard();
  const int code =
      run_cli(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), hooks, console);
  // Output that did not arrive (a full disk) must not look like success.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return console.fail({ErrorCode::kUnavailable, "the output could not be written"});
  }
  return code;
}

}  // namespace mw
