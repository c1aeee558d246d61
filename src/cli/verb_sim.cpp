// mw sim: the twin from the command line. Needs no control plane.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/verbs.h"

namespace mw {

void add_sim(CLI::App& app, Cli& cli) {
  CLI::App* sim = app.add_subcommand(
      "sim", "Runs a fleet, a workload and a policy in the twin: a month in seconds");
  sim->require_subcommand(0, 1);
  add_sim_run(*sim, cli);
  add_sim_compare(*sim, cli);
}

}  // namespace mw
