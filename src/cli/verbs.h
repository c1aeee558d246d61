// What the verbs share: the options that every command takes, and one function a verb that adds it
// to the tree of commands. The tree is both parser and documentation: help, man page, completion
// and docs/reference/cli.md all come from it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/terminal.h"

namespace CLI {
class App;
}

namespace mw {

struct GlobalOptions {
  std::string home;
  std::string url;
  bool json = false;
  bool no_color = false;
};

/// One run of the program.
struct Cli {
  Cli(const CliHooks& the_hooks, Console& the_console) : hooks(the_hooks), console(the_console) {}

  const CliHooks& hooks;
  Console& console;
  GlobalOptions globals;
  std::vector<std::string> after_dashes;  ///< the arguments behind "--"
  bool has_dashes = false;
  std::function<int()> action;  ///< what the chosen verb does; the exit code

  /// The home as the options and the environment say.
  [[nodiscard]] Result<std::filesystem::path> home() const;
  /// The control plane of that home, or at --url.
  [[nodiscard]] Result<Api> api() const;
  /// Prints a listing's JSON as it came, laid out.
  int print_json(const ApiReply& reply) const;
};

void add_up(CLI::App& app, Cli& cli);
void add_down(CLI::App& app, Cli& cli);
void add_serve(CLI::App& app, Cli& cli);
void add_submit(CLI::App& app, Cli& cli);
void add_jobs(CLI::App& app, Cli& cli);
void add_job(CLI::App& app, Cli& cli);
void add_job_logs(CLI::App& job, Cli& cli);
void add_job_when(CLI::App& job, Cli& cli);
void add_nodes(CLI::App& app, Cli& cli);
void add_faults(CLI::App& app, Cli& cli);
void add_incidents(CLI::App& app, Cli& cli);
void add_goodput(CLI::App& app, Cli& cli);
void add_agent(CLI::App& app, Cli& cli);
void add_check(CLI::App& app, Cli& cli);
void add_checks(CLI::App& app, Cli& cli);
void add_node_checks(CLI::App& node, Cli& cli);
void add_reservation(CLI::App& app, Cli& cli);
void add_fleet(CLI::App& app, Cli& cli);
void add_accelerators(CLI::App& app, Cli& cli);
void add_policy(CLI::App& app, Cli& cli);
void add_tenants(CLI::App& app, Cli& cli);
void add_ledger(CLI::App& app, Cli& cli);
void add_events(CLI::App& app, Cli& cli);
void add_report(CLI::App& app, Cli& cli);
void add_journal(CLI::App& app, Cli& cli);
void add_token(CLI::App& app, Cli& cli);
void add_what_if(CLI::App& app, Cli& cli);
void add_replay(CLI::App& app, Cli& cli);
void add_experiment(CLI::App& app, Cli& cli);
void add_sim(CLI::App& app, Cli& cli);
void add_sim_run(CLI::App& sim, Cli& cli);
void add_sim_compare(CLI::App& sim, Cli& cli);
void add_workload(CLI::App& app, Cli& cli);
void add_manual(CLI::App& app, Cli& cli);

/// Builds the whole tree into `app`; its callbacks set cli.action.
void build_tree(CLI::App& app, Cli& cli);

/// What a server of this home is started with; shared by `up` and `serve`.
struct ServeFlags {
  std::string listen = "127.0.0.1";
  std::uint16_t port = 0;
  std::vector<std::string> nodes;
  std::string log_level = "info";
  std::string engine;         ///< empty: as before
  std::string fleet;          ///< a file, or the name of one that is built in; empty: none
  std::string simulated_run;  ///< empty: the default
  SlurmChoice slurm;
};
void add_serve_flags(CLI::App& verb, ServeFlags& flags);
/// What the flags mean, judged. Reads the fleet file.
Result<ServeOptions> serve_options(const std::filesystem::path& home, const ServeFlags& flags);

}  // namespace mw
